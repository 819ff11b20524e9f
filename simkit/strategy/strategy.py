"""A strategy: a policy, and what stands in front of it.

A strategy file names an nginx configuration and describes its fronts:

    policy = "recommended"              # a shipped one, or a file beside this one

    [firewall]
    drop = ["203.0.113.0/24"]

    [cdn]
    addresses = ["192.0.2.128/28"]

A bare policy is a strategy with nothing in front.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from simkit.errors import InputError
from simkit.policy import Bound, Planner, Policy, Site, load_policy
from simkit.policy.plan import Answer, Consult, Node, Occupy, Plan
from simkit.policy.source import Source
from simkit.shipped import find, shipped_files
from simkit.strategy.cdn import Cdn, CdnSpec
from simkit.strategy.firewall import Firewall, FirewallSpec
from simkit.strategy.products import load_product
from simkit.traffic.crowd import room
from simkit.traffic.document import placed
from simkit.traffic.lines import KeyPath, line_of
from simkit.traffic.part import Part
from simkit.traffic.reading import read_model
from simkit.wire import Address, Shape

__all__ = ["AnyStrategy", "FrontedPlanner", "Strategy", "load_strategy", "strategy_of"]


class StrategySpec(Part):
    """A strategy file."""

    policy: str
    about: str = ""
    firewall: FirewallSpec | None = None
    cdn: CdnSpec | None = None


@dataclass(frozen=True, eq=False)
class Strategy:
    """A policy and its fronts. ``path`` is the file that says so, of a bare policy its own.

    It can be sent to another process, which reads the files again.
    """

    policy: Policy
    path: Path
    about: str
    firewall: Firewall | None = None
    cdn: Cdn | None = None

    def __reduce__(self) -> tuple[object, ...]:
        return (load_strategy, (self.path, self.policy.allow_unsupported))

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return self.path.stem

    @property
    def home(self) -> Path:
        """The folder of the policy; files of rules are told relative to it."""
        return self.policy.path.parent

    @property
    def warnings(self) -> tuple[str, ...]:
        """What could matter and is not simulated, each with file and line."""
        return self.policy.warnings

    @property
    def has_front(self) -> bool:
        """Whether anything stands in front of the server."""
        return self.firewall is not None or self.cdn is not None

    def planner(self, site: Site | None = None) -> Planner:
        """A planner whose plans are what clients see, through whatever is in front."""
        return FrontedPlanner(self, site) if self.has_front else Planner(self.policy, site)


AnyStrategy = Strategy | Policy


def strategy_of(given: AnyStrategy) -> Strategy:
    """The strategy that is meant: a policy has nothing in front of it."""
    return given if isinstance(given, Strategy) else Strategy(given, given.path, given.about)


def load_strategy(name_or_path: str | Path, allow_unsupported: bool = False) -> Strategy:
    """A shipped policy or strategy by its name, an nginx configuration, or a strategy file.

    Raises InputError with file and line for whatever cannot be used.
    """
    path = _find(name_or_path)
    if path.suffix != ".toml":
        return strategy_of(load_policy(path, allow_unsupported))
    spec, lines = read_model(path, StrategySpec)
    with placed(path, lines, ("policy",)):
        file = find("policies", spec.policy, path.parent)
    policy = load_policy(file, allow_unsupported)
    return Strategy(
        policy,
        path,
        spec.about or policy.about,
        _firewall(spec, path, lines),
        _cdn(spec, path, lines),
    )


def _find(name_or_path: str | Path) -> Path:
    shipped = shipped_files("strategies").get(str(name_or_path))
    return find("policies", name_or_path) if shipped is None else shipped


def _firewall(spec: StrategySpec, path: Path, lines: dict[KeyPath, int]) -> Firewall | None:
    if spec.firewall is None:
        return None
    inside = ((place[1:], line) for place, line in lines.items() if place[:1] == ("firewall",))
    named = {".".join(str(part) for part in place): line for place, line in inside}
    return Firewall(spec.firewall, str(path), named)


def _cdn(spec: StrategySpec, path: Path, lines: dict[KeyPath, int]) -> Cdn | None:
    if spec.cdn is None:
        return None
    with placed(path, lines, ("cdn", "product")):
        product = load_product(find("products", spec.cdn.product, path.parent))
        if not product.front:
            raise InputError(f"{product.name} does not stand in front of other servers")
    for number, (network, edges) in enumerate(spec.cdn.networks()):
        if room(network) < edges:
            with placed(path, lines, ("cdn", "addresses", number)):
                raise InputError(f"{network} has room for {room(network)} edges, not for {edges}")
    return Cdn(spec.cdn, product, Source(str(path), line_of(lines, ("cdn",)), "[cdn]"))


class FrontedPlanner(Planner):
    """Plans of a policy as the clients see them, through what stands in front of it."""

    def __init__(self, strategy: Strategy, site: Site | None = None) -> None:
        super().__init__(strategy.policy, site)
        self.strategy = strategy
        self._seen: dict[int, tuple[Bound, Bound]] = {}

    def with_policy(self, policy: Policy) -> FrontedPlanner:
        """A planner of another policy behind the same fronts."""
        return FrontedPlanner(replace(self.strategy, policy=policy), self.site)

    def bind(self, shape: Shape, address: Address) -> Bound:
        """The plan of a request of this shape from this client, and the limits it meets."""
        cdn = self.strategy.cdn
        if cdn is None:
            return self._at_server(shape, address)
        sent = cdn.passed_on(shape, address)
        if sent is None:
            return Bound(Plan(Answer(cdn.malformed)), {})
        found = self._at_server(sent, cdn.address_of(cdn.edge_of(address)))
        known = self._seen.get(id(found))
        if known is None:
            known = self._seen[id(found)] = found, _seen_through(cdn, found)
        return known[1]

    def _at_server(self, shape: Shape, peer: Address) -> Bound:
        firewall = self.strategy.firewall
        blocked = None if firewall is None else firewall.verdict(peer)
        if blocked is not None:
            return Bound(Plan(Answer(blocked)), {})
        return super().bind(shape, peer)


def _seen_through(cdn: Cdn, found: Bound) -> Bound:
    """The same plan with what visitors see for what the server shows."""
    done: dict[Node, Node] = {}

    def seen(node: Node) -> Node:
        if node not in done:
            done[node] = changed(node)
        return done[node]

    def changed(node: Node) -> Node:
        if isinstance(node, Answer):
            return Answer(replace(node.decision, sight=cdn.seen(node.decision.sight)))
        assert isinstance(node, Consult | Occupy)
        rejected = tuple(seen(child) for child in node.rejected)
        if isinstance(node, Occupy):
            return replace(node, passed=seen(node.passed), rejected=rejected)
        passed, delayed = seen(node.passed), seen(node.delayed)
        return replace(node, passed=passed, delayed=delayed, rejected=rejected)

    plan = Plan(seen(found.plan.root), found.plan.volatile)
    return Bound(plan, {seen(node): entries for node, entries in found.entries.items()})
