"""The planner: which plan a request has, found without a clock and remembered.

The questions that walks have asked form a tree that grows as requests come. A request that gives
the same answers as an earlier one ends at the same plan, so a million addresses or agents cost a
million look-ups, not a million plans.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from simkit.addresses import AddressNumbers, AddressRange
from simkit.policy import slab
from simkit.policy.extents import EVERYWHERE, Extent, of_client
from simkit.policy.facts import Facts, Reading
from simkit.policy.plan import Answer, LimitUse, Node, Plan
from simkit.policy.policy import Policy
from simkit.policy.site import EverythingExists, Site
from simkit.policy.walk import Pause, Walk
from simkit.wire import Address, Shape

T = TypeVar("T", bound=Hashable)
Question = Callable[[Facts], Any]

__all__ = ["Bound", "Piece", "Planner"]

_VERSIONS = {4: 4, 16: 6}  # by the bytes of an address
_BYTES = {4: 4, 6: 16}


@dataclass(eq=False, slots=True)
class _Fork:
    """A question, and where each answer leads."""

    question: Question
    extent: Extent | None
    edges: dict[Hashable, _Fork | Plan] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Bound:
    """A plan with the entries of the limits that this request meets, by node."""

    plan: Plan
    entries: dict[Node, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Piece:
    """The plan of ``count`` clients, and their entries in each limit that it asks, in order."""

    plan: Plan
    count: int
    entries: list[Sequence[int]]


class _Asker:
    """Answers the questions of the walks of one request, and keeps them in order."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._known: dict[Hashable, Hashable] = {}
        self.asked: list[tuple[_Fork, Hashable]] = []

    def __call__(
        self, key: Hashable, question: Callable[[Facts], T], extent: Extent | None = None
    ) -> T:
        if key not in self._known:
            answer = self._known[key] = question(self._facts)
            self.asked.append((_Fork(question, extent), answer))
        return self._known[key]  # type: ignore[return-value]


class Planner:
    """Plans requests to one policy in front of one site. It holds no state of limits."""

    def __init__(self, policy: Policy, site: Site | None = None) -> None:
        self.policy = policy
        self.site: Site = EverythingExists() if site is None else site
        self._root: _Fork | Plan | None = None
        self._readings: dict[Shape, Reading] = {}
        self._bounds: dict[tuple[Shape, Address], Bound] = {}
        self._entries: dict[tuple[int, bytes], int] = {}
        self._addresses: dict[int, AddressNumbers] = {}
        self._rooms: list[int] = []
        self._rooms_by_size: dict[int, dict[int, int]] = {}
        self.warnings: list[str] = []

    def with_policy(self, policy: Policy) -> Planner:
        """A planner of another policy in front of the same site."""
        return Planner(policy, self.site)

    @property
    def entry_count(self) -> int:
        """How many keys have been seen so far, over all zones."""
        return len(self._rooms)

    def rooms(self, first: int = 0) -> list[int]:
        """For each entry from ``first`` on: how many keys as long as its own its zone holds."""
        return self._rooms[first:]

    def plan(self, shape: Shape, address: Address) -> Plan:
        """The plan of a request from an address."""
        return self._plan(self._facts(shape, address))

    def bind(self, shape: Shape, address: Address) -> Bound:
        """The plan of a request together with the limit entries that it concerns."""
        key = (shape, address)
        bound = self._bounds.get(key)
        if bound is None:
            bound = self._bounds[key] = self._bind(self._facts(shape, address))
        return bound

    def bind_range(self, shape: Shape, many: AddressRange) -> Iterator[Piece]:
        """The same for clients that ask alike, in pieces of addresses that one plan is for."""
        first = 0
        while first < many.count:
            facts = self._facts(shape, many[first])
            plan = self._plan(facts)
            count = many.count_until(self._last(plan, facts), first)
            own = many.piece(first, count)
            entries = [self._entries_of(u, facts, own) for n in plan.limited for u in n.uses]
            yield Piece(plan, count, entries)
            first += count

    def _facts(self, shape: Shape, address: Address) -> Facts:
        reading = self._readings.get(shape)
        if reading is None:
            reading = self._readings[shape] = Reading(shape)
        return Facts(reading, address)

    def _plan(self, facts: Facts) -> Plan:
        place = self._root
        ahead = facts.reading.ahead
        while isinstance(place, _Fork):
            if place.extent is not None:
                place = place.edges.get(place.question(facts))
            else:
                place = ahead.get(place) or self._look_ahead(place, facts)
        return self._grow(facts) if place is None else place

    def _look_ahead(self, fork: _Fork, facts: Facts) -> _Fork | Plan | None:
        """Where the shape alone leads from here: to a question about the address, or to a plan."""
        place: _Fork | Plan | None = fork
        while isinstance(place, _Fork) and place.extent is None:
            place = place.edges.get(place.question(facts))
        if place is not None:
            facts.reading.ahead[fork] = place  # the tree only grows, so this stays right
        return place

    def _grow(self, facts: Facts) -> Plan:
        """Walk the request and enter what it was asked into the tree."""
        asker = _Asker(facts)
        place: _Fork | Plan = Plan(self._explore(asker, ()))
        fresh = place
        for fork, answer in reversed(asker.asked):
            fork.edges[answer] = place
            place = fork
        self._root = place if self._root is None else _merged(self._root, place)
        assert isinstance(fresh, Plan)
        return fresh

    def _explore(self, asker: _Asker, outcomes: Sequence[int]) -> Node:
        policy = self.policy
        walk = Walk(policy.http, policy.groups, self.site, asker, outcomes)
        try:
            return Answer(walk.run())
        except Pause as pause:
            nodes = {o: self._explore(asker, (*outcomes, o)) for o in pause.outcomes}
            return pause.join(nodes)

    def _last(self, plan: Plan, facts: Facts) -> int:
        """The last address for which all that led to a plan is the same, and whence its keys."""
        last = EVERYWHERE(facts)
        place = self._root
        while isinstance(place, _Fork):
            if place.extent is not None:
                last = min(last, place.extent(facts))
            place = place.edges[place.question(facts)]
        views = (v for node in plan.limited for use in node.uses for v in use.key.views)
        return min([last, *(of_client(view)(facts) for view in views)])

    def _bind(self, facts: Facts) -> Bound:
        plan = self._plan(facts)
        entries: dict[Node, tuple[int, ...]] = {
            n: tuple([self._entry(use, facts) for use in n.uses]) for n in plan.limited
        }
        return Bound(plan, entries)

    # Keys of limits. One of 4 or 16 bytes is an address to a zone, whatever it was made from.

    def _entry(self, use: LimitUse, facts: Facts) -> int:
        return self._number(use.zone, use.key.encoded(facts))

    def _number(self, zone: int, key: bytes) -> int:
        if len(key) in _VERSIONS:
            found = self._addresses_of(zone)
            return found.number(_VERSIONS[len(key)], int.from_bytes(key, "big"))
        entry = self._entries.get((zone, key))
        if entry is None:
            entry = self._entries[zone, key] = self._allocate(zone, len(key))
        return entry

    def _allocate(self, zone: int, key_bytes: int, count: int = 1) -> int:
        """New entries for keys of that length: the number of the first."""
        first = len(self._rooms)
        self._rooms += [self._room(zone, key_bytes)] * count
        return first

    def _entries_of(self, use: LimitUse, facts: Facts, many: AddressRange) -> Sequence[int]:
        """The entries of a limit for several addresses that are asked about alike."""
        if not use.key.by_address:
            return [self._entry(use, facts)] * many.count
        view = use.key.is_of_address
        if view is None:
            each = (Facts(facts.reading, who) for who in many)
            return [self._entry(use, facts) for facts in each]
        if facts.through(view).client != facts.peer:
            return [self._entry(use, facts)] * many.count
        return self._addresses_of(use.zone).numbers(many)

    def _addresses_of(self, zone: int) -> AddressNumbers:
        found = self._addresses.get(zone)
        if found is None:
            found = self._addresses[zone] = AddressNumbers(
                lambda many: self._allocate(zone, _BYTES[many.version], many.count)
            )
        return found

    def _room(self, zone: int, key_bytes: int) -> int:
        """How many keys of that length a zone holds; warns where its keys differ in size."""
        found = self.policy.http.zones[zone]
        node = slab.LIMIT_CONN_NODE if found.counts_connections else slab.LIMIT_REQ_NODE
        size = slab.size_class(node + key_bytes)
        known = self._rooms_by_size.setdefault(zone, {})
        if size not in known:
            known[size] = slab.capacity(found.size_bytes, node, key_bytes, found.name)
            text = f"zone {found.name}: keys differ in length, so when it is full is not exact"
            if len(known) > 1 and text not in self.warnings:
                self.warnings.append(text)
        return known[size]


def _merged(tree: _Fork | Plan, path: _Fork | Plan) -> _Fork | Plan:
    """The tree with a path of questions entered; equal answers have led to equal questions."""
    place, other = tree, path
    while isinstance(place, _Fork) and isinstance(other, _Fork):
        ((answer, onward),) = other.edges.items()
        known = place.edges.get(answer)
        if known is None:
            place.edges[answer] = onward
            break
        place, other = known, onward
    return tree
