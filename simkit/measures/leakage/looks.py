"""What one probe shows in one world: the policy's real answer, through the plans of every run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from simkit.measures.channel.matrix import TOLERANCE
from simkit.measures.leakage.eyes import Eyes
from simkit.measures.leakage.secrets import Planning, Probe, Shows, Through
from simkit.policy import Bound, Handler
from simkit.policy.plan import Answer, Consult, Decision, Node, Occupy, Plan, Rule
from simkit.policy.source import Source
from simkit.wire import Address, Shape, Sight

__all__ = ["Always", "Look", "Seen", "look"]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the attacker saw in one world, and the rule behind it.

    ``rule`` is None where the site itself answered or no server of ours did; ``refused`` is False
    where the policy turned nothing away. ``unspent`` are the limits that let this first probe
    pass. ``chance`` is below 1 where the world may show something else instead.
    """

    world: str
    probe: str
    sight: Sight
    symbol: str
    rule: Rule | None = None
    refused: bool = False
    unspent: tuple[Source, ...] = ()
    note: str = ""
    chance: float = 1.0


@dataclass(frozen=True, slots=True)
class Look:
    """All that one probe may show in one world; is its plan ``volatile``?"""

    seen: tuple[Seen, ...]
    volatile: bool = False


class Always:
    """What answers everything alike: a firewall in front, or a made-up policy."""

    def __init__(self, sight: Sight, name: str = "always") -> None:
        self.name = name
        decision = Decision(0, sight, Handler.SILENT, 0, None, refused=True)
        self._bound = Bound(Plan(Answer(decision)), {})

    def bind(self, shape: Shape, address: Address) -> Bound:  # noqa: ARG002
        """The same plan for every request."""
        return self._bound


@dataclass(slots=True)
class _Walk:
    """A way through a plan: where it ends, and the limits that let pass."""

    bound: Bound
    rejects: bool
    unspent: list[Source] = field(default_factory=list)

    def decision(self) -> Decision:
        """Walk. Over the limit it is the first one consulted that rejects, and once at most:
        nginx does not ask again where a refusal leads on to another location.
        """
        node: Node = self.bound.plan.root
        while not isinstance(node, Answer):
            if not isinstance(node, Consult | Occupy):
                raise TypeError(f"a plan holds no {type(node).__name__}")
            node = self._next(node)
        return node.decision

    def _next(self, node: Consult | Occupy) -> Node:
        met = [i for i, entry in enumerate(self.bound.entries[node]) if entry >= 0]
        if isinstance(node, Occupy) or not met:
            return node.passed
        if self.rejects:
            self.rejects = False
            return node.rejected[met[0]]
        if not node.dry_run:
            self.unspent += [node.uses[i].source for i in met]
        return node.passed


def look(world: str, shows: Shows, planning: Planning, eyes: Eyes) -> Look:
    """What a world shows to one probe.

    Raises ValueError where it is a distribution that is none, TypeError for a timed course.
    """
    if isinstance(shows, Sight):
        return Look((Seen(world, "any", shows, eyes.symbol(shows)),))
    if isinstance(shows, Through):
        return _through(world, shows, planning, eyes)
    if isinstance(shows, Probe):
        return _probed(world, shows, planning, eyes)
    if isinstance(shows, Mapping):
        return Look(tuple(_odds(world, shows, eyes)))
    raise TypeError(f"one probe does not tell what {type(shows).__name__} shows")


def _odds(world: str, shows: Mapping[Sight, float], eyes: Eyes) -> Iterator[Seen]:
    total = sum(shows.values())
    if min(shows.values(), default=0.0) < 0.0 or abs(total - 1.0) > TOLERANCE:
        raise ValueError(f"world {world}: the chances of what it shows are no distribution")
    for sight, chance in shows.items():
        if chance:
            yield Seen(world, "any", sight, eyes.symbol(sight), chance=chance)


def _through(world: str, shows: Through, planning: Planning, eyes: Eyes) -> Look:
    own = _probed(world, shows.probe, planning, eyes)
    (seen,) = own.seen
    sight = shows.seen_as(seen.sight, refused=seen.refused)
    # The lines and limits of our policy decide only how the other server is taken to answer.
    shown = Seen(world, seen.probe, sight, eyes.symbol(sight), unspent=seen.unspent)
    return Look((shown,), own.volatile)


def _probed(world: str, probe: Probe, planning: Planning, eyes: Eyes) -> Look:
    bound = (planning if probe.policy is None else probe.policy).bind(probe.shape, probe.address)
    walk = _Walk(bound, probe.over_limit)
    decision = walk.decision()
    seen = Seen(
        world,
        _words(probe),
        decision.sight,
        eyes.symbol(decision.sight),
        decision.rule,
        decision.refused,
        tuple(walk.unspent),
        _note(probe, decision),
    )
    return Look((seen,), bound.plan.volatile)


def _note(probe: Probe, decision: Decision) -> str:
    if decision.refused:
        return ""
    return (
        "no limit rejects: the ordinary answer, not a refusal"
        if probe.over_limit
        else "not refused"
    )


def _words(probe: Probe) -> str:
    shape = probe.shape
    asks = shape.fault.value or f"{shape.method} {shape.target} {shape.version}"
    host = shape.header("Host")
    over = ", over the limit" if probe.over_limit else ""
    return f"{asks}, {'no Host' if host is None else f'Host: {host}'}{over}"
