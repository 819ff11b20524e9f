"""The planner: which plan a request has, found without a clock and remembered.

The questions that walks have asked form a tree that grows as requests come. A request that gives
the same answers as an earlier one ends at the same plan, so a million addresses or agents cost a
million look-ups, not a million plans.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from simkit.policy import slab
from simkit.policy.facts import Facts, Reading
from simkit.policy.plan import Answer, LimitUse, Node, Plan
from simkit.policy.policy import Policy
from simkit.policy.site import EverythingExists, Site
from simkit.policy.walk import Pause, Walk
from simkit.wire import Address, Shape

T = TypeVar("T", bound=Hashable)
Question = Callable[[Facts], Any]

__all__ = ["Bound", "Planner"]


@dataclass(eq=False, slots=True)
class _Fork:
    """A question, and where each answer leads."""

    question: Question
    by_address: bool
    edges: dict[Hashable, _Fork | Plan] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Bound:
    """A plan with the entries of the limits that this request meets, by node."""

    plan: Plan
    entries: dict[Node, tuple[int, ...]]


class _Asker:
    """Answers the questions of the walks of one request, and keeps them in order."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._known: dict[Hashable, Hashable] = {}
        self.asked: list[tuple[_Fork, Hashable]] = []

    def __call__(
        self, key: Hashable, question: Callable[[Facts], T], by_address: bool = False
    ) -> T:
        if key not in self._known:
            answer = self._known[key] = question(self._facts)
            self.asked.append((_Fork(question, by_address), answer))
        return self._known[key]  # type: ignore[return-value]


class Planner:
    """Plans requests to one policy in front of one site. It holds no state of limits."""

    def __init__(self, policy: Policy, site: Site | None = None) -> None:
        self.policy = policy
        self.site: Site = EverythingExists() if site is None else site
        self._root: _Fork | Plan | None = None
        self._readings: dict[Shape, Reading] = {}
        self._bounds: dict[tuple[Shape, Address], Bound] = {}
        self._entries: dict[tuple[int, str], int] = {}
        self._rooms: list[int] = []
        self._rooms_by_size: dict[int, dict[int, int]] = {}
        self.warnings: list[str] = []

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

    def bind_all(self, shape: Shape, addresses: Sequence[Address]) -> list[Bound]:
        """The same for many clients that ask alike, without keeping the answers."""
        reading = self._facts(shape, addresses[0]).reading
        return [self._bind(Facts(reading, address)) for address in addresses]

    def _facts(self, shape: Shape, address: Address) -> Facts:
        reading = self._readings.get(shape)
        if reading is None:
            reading = self._readings[shape] = Reading(shape)
        return Facts(reading, address)

    def _plan(self, facts: Facts) -> Plan:
        place = self._root
        ahead = facts.reading.ahead
        while isinstance(place, _Fork):
            if place.by_address:
                place = place.edges.get(place.question(facts))
            else:
                place = ahead.get(place) or self._look_ahead(place, facts)
        return self._grow(facts) if place is None else place

    def _look_ahead(self, fork: _Fork, facts: Facts) -> _Fork | Plan | None:
        """Where the shape alone leads from here: to a question about the address, or to a plan."""
        place: _Fork | Plan | None = fork
        while isinstance(place, _Fork) and not place.by_address:
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

    def _bind(self, facts: Facts) -> Bound:
        plan = self._plan(facts)
        entries: dict[Node, tuple[int, ...]] = {
            n: tuple([self._entry(use, facts) for use in n.uses]) for n in plan.limited
        }
        return Bound(plan, entries)

    def _entry(self, use: LimitUse, facts: Facts) -> int:
        key = (use.zone, use.key.value(facts))
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = len(self._rooms)
            self._rooms.append(self._room(use.zone, use.key.byte_count(facts)))
        return entry

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
