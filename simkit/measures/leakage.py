"""Leakage: what an attacker learns from how a policy answers.

A `Secret` is one question as a set of worlds. In each world the attacker sends one probe and
sees a `Sight`; the sight, made canonical, is the symbol of a channel (see `channel`). The worlds'
sights come from the real policy, through the same plans that every run uses: nothing is scored
by hand.

===========  ==============================  ===================================================
secret       worlds                          probe
===========  ==============================  ===================================================
presence     nobody there, port closed,      the scanner asks the bare address for ``/``
             a server with this policy
path         forbidden, open, absent         the attacker asks for a path that is one of these:
                                             once as the scanner it is, once disguised as a
                                             browser
rule         agent, address, rate,           one request that offends in just this way, and a
             malformed, no Host              browser otherwise
===========  ==============================  ===================================================

The prior is uniform unless one is given. The channel of a policy without memory is complete:
every probe of a world has the same answer for ever, and the result is *proved*. Where a limit
stands on the way, it is taken to be unspent, so the result holds for a *first probe*, and the
limit is named. A limit whose key is empty for the probe is none. The world ``rate`` is the other
way about: there the limit rejects. Where the policy consults no limit the attacker sees the
ordinary answer, which is no refusal; the result says so.

nginx pads its error pages for agents with ``Chrome/`` or ``MSIE``: with such a ``browser_agent``
answers differ in size by what the attacker itself has sent. Take one that is not padded.

Worlds and measures follow Smith 2009, doi:10.1007/978-3-642-00596-1_21; that nobody-there and a
closed port look different is TCP (RFC 9293, section 3.5.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from simkit.measures import channel as ch
from simkit.measures.channel import Channel, Prior
from simkit.policy.plan import Answer, Consult, Decision, Node, Occupy, Rule
from simkit.policy.source import Source
from simkit.wire import Address, Fault, Shape, Sight, SightKind, Version

if TYPE_CHECKING:
    import pandas as pd

    from simkit.policy import Bound
    from simkit.traffic import LeakageSpec

__all__ = [
    "AS_IS",
    "DISGUISED",
    "Leakage",
    "Planning",
    "Probe",
    "Secret",
    "Seen",
    "World",
    "builtin_secrets",
    "canonical",
    "leakage_of",
    "measure",
]

AS_IS = "scanner"
"""The attacker that sends its own agent."""
DISGUISED = "disguised"
"""The attacker that sends the agent of a browser."""


class Planning(Protocol):
    """What leakage needs of a policy: `simkit.policy.Planner` has it."""

    def bind(self, shape: Shape, address: Address) -> Bound:
        """The plan of a request of this shape from this address, and the limits it meets."""
        ...


@dataclass(frozen=True, slots=True)
class Probe:
    """One request of an attacker; ``over_limit`` says that a limit on its way rejects it."""

    shape: Shape
    address: Address
    over_limit: bool = False


@dataclass(frozen=True, slots=True)
class World:
    """One answer to the question: a probe of the policy, or a sight that no policy makes."""

    name: str
    shows: Probe | Sight


@dataclass(frozen=True, slots=True)
class Secret:
    """A question that an attacker asks, and the worlds between which it cannot tell yet."""

    name: str
    attacker: str
    worlds: tuple[World, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the attacker saw in one world, and the rule behind it.

    ``rule`` is None where the site itself answered or no server did; ``refused`` is False where
    the policy turned nothing away. ``unspent`` are the limits that let this first probe pass.
    """

    world: str
    probe: str
    sight: Sight
    symbol: str
    rule: Rule | None = None
    refused: bool = False
    unspent: tuple[Source, ...] = ()
    note: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class Leakage:
    """A secret measured: the channel, what each world showed, and the numbers that follow."""

    secret: str
    attacker: str
    channel: Channel
    seen: tuple[Seen, ...]
    prior: tuple[float, ...]
    volatile: bool = False

    @property
    def prior_vulnerability(self) -> float:
        """The chance of a right guess before the probe."""
        return ch.prior_vulnerability(self.channel, self.prior)

    @property
    def posterior_vulnerability(self) -> float:
        """The chance of a right guess after the probe."""
        return ch.posterior_vulnerability(self.channel, self.prior)

    @property
    def advantage(self) -> float:
        """What the probe adds to that chance."""
        return ch.advantage(self.channel, self.prior)

    @property
    def leakage_bits(self) -> float:
        """The min-entropy leakage."""
        return ch.min_entropy_leakage(self.channel, self.prior)

    @property
    def probes_until_sure(self) -> float:
        """Probes until the chance is 0.95; infinity where no number of them is enough."""
        return ch.probes_until(self.channel, 0.95, self.prior)

    @property
    def basis(self) -> str:
        """``proved``, ``first probe`` (limits unspent) or ``volatile`` (answers may change)."""
        if self.volatile:
            return "volatile"
        return "first probe" if any(s.unspent for s in self.seen) else "proved"

    def to_frame(self) -> pd.DataFrame:
        """One row for each world: what the attacker saw, by which rule."""
        import pandas as pd

        return pd.DataFrame([_row(self, seen) for seen in self.seen])


def _row(found: Leakage, seen: Seen) -> dict[str, object]:
    return {
        "secret": found.secret,
        "attacker": found.attacker,
        "world": seen.world,
        "probe": seen.probe,
        "symbol": seen.symbol,
        "refused": seen.refused,
        "rule": "" if seen.rule is None else str(seen.rule.decisive),
        "note": seen.note,
    }


def canonical(sight: Sight, size_step_bytes: int = 1) -> str:
    """A sight as a symbol: equal texts are all that the attacker can compare.

    Kind, status, size of the body (rounded down to a multiple of ``size_step_bytes``), the
    headers that a `Sight` keeps, and whether the connection can be used again.
    """
    connection = "kept" if sight.kept else "closed"
    if sight.kind is SightKind.HTTP:
        size = sight.body_bytes - sight.body_bytes % size_step_bytes
        headers = (f"{name}: {value}" for name, value in sight.headers)
        return "; ".join((f"{sight.status}, {size} bytes, {connection}", *headers))
    return f"{sight.symbol}, kept" if sight.kept else sight.symbol


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


def _look(world: World, planning: Planning) -> tuple[Seen, bool]:
    """What one world shows, and whether its plan is volatile."""
    if isinstance(world.shows, Sight):
        return Seen(world.name, "any", world.shows, canonical(world.shows)), False
    probe = world.shows
    bound = planning.bind(probe.shape, probe.address)
    walk = _Walk(bound, probe.over_limit)
    decision = walk.decision()
    seen = Seen(
        world.name,
        _words(probe),
        decision.sight,
        canonical(decision.sight),
        decision.rule,
        decision.refused,
        tuple(walk.unspent),
        _note(probe, decision),
    )
    return seen, bound.plan.volatile


def measure(secret: Secret, planning: Planning, prior: Prior = None) -> Leakage:
    """Put a secret to a policy: one probe in each world, and what its answer tells.

    ``prior`` gives each world its probability; uniform if None. Raises ValueError where it does
    not fit the worlds.
    """
    looks = [_look(world, planning) for world in secret.worlds]
    seen = tuple(look for look, _ in looks)
    found = ch.deterministic([s.world for s in seen], [s.symbol for s in seen])
    weights = [1.0 / len(seen)] * len(seen) if prior is None else [float(p) for p in prior]
    ch.prior_vulnerability(found, weights)
    volatile = any(changes for _, changes in looks)
    return Leakage(secret.name, secret.attacker, found, seen, tuple(weights), volatile)


def _request(probes: LeakageSpec, path: str, agent: str) -> Shape:
    headers = (("Host", probes.host), ("User-Agent", agent), ("Accept", "*/*"))
    return Shape(target=path, headers=headers, port=probes.port)


def presence(probes: LeakageSpec) -> Secret:
    """Is anything there? A probe of the bare address by the scanner as it is."""
    headers = (("Host", probes.bare_host), ("User-Agent", probes.scanner_agent))
    shape = Shape(target="/", headers=headers, port=probes.port)
    worlds = (
        World("nobody there", Sight(SightKind.NO_ANSWER)),
        World("port closed", Sight(SightKind.REFUSED)),
        World("this server", Probe(shape, probes.plain_address)),
    )
    return Secret("presence", AS_IS, worlds)


def path(probes: LeakageSpec, attacker: str) -> Secret:
    """Does a path exist, and is it open? Asked `AS_IS` or `DISGUISED`."""
    agent = probes.scanner_agent if attacker == AS_IS else probes.browser_agent
    targets = {
        "exists, forbidden": probes.forbidden_path,
        "exists, open": probes.open_path,
        "does not exist": probes.absent_path,
    }
    worlds = (
        World(name, Probe(_request(probes, target, agent), probes.plain_address))
        for name, target in targets.items()
    )
    return Secret("path", attacker, tuple(worlds))


def rule(probes: LeakageSpec) -> Secret:
    """Which rule refused me? One offence in each world, by what is a browser otherwise."""
    plain, offender = probes.plain_address, probes.scanner_agent
    browser = _request(probes, probes.open_path, probes.browser_agent)
    agent = _request(probes, probes.open_path, offender)
    no_host = replace(browser, headers=browser.headers[1:], version=Version.HTTP_1_1)
    worlds = (
        World("agent", Probe(agent, plain)),
        World("address", Probe(browser, probes.blocked_address)),
        World("rate", Probe(browser, plain, over_limit=True)),
        World("malformed", Probe(replace(browser, fault=Fault.BAD_REQUEST_LINE), plain)),
        World("no Host", Probe(no_host, plain)),
    )
    return Secret("rule", AS_IS, worlds)


def builtin_secrets(probes: LeakageSpec) -> tuple[Secret, ...]:
    """Presence, path (as is, then disguised) and rule, for these probes."""
    return (presence(probes), path(probes, AS_IS), path(probes, DISGUISED), rule(probes))


def leakage_of(
    planning: Planning, probes: LeakageSpec, secrets: Sequence[Secret] | None = None
) -> tuple[Leakage, ...]:
    """Measure a policy on the built-in secrets, or on others that are given."""
    asked = builtin_secrets(probes) if secrets is None else secrets
    return tuple(measure(secret, planning) for secret in asked)
