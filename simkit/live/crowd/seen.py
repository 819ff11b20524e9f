"""From what a client saw to what the policy must have decided.

A plan has a leaf for every outcome. What came over the wire is no part of the model; which leaf it
belongs to says whether the policy refused the request, and by which rule.
"""

from __future__ import annotations

from simkit.host import Exchange
from simkit.live.crowd.answers import Seen
from simkit.policy.plan import Decision, Plan
from simkit.wire import Sight, SightKind

__all__ = ["Leaves", "sight_of"]

_Look = tuple[SightKind, int]


class Leaves:
    """The leaves of plans by what they look like. Of several that look alike it is the first."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Plan, dict[_Look, Decision]]] = {}

    def find(self, exchange: Exchange, sight: Sight) -> Decision | None:
        """The decision of the exchange's plan that looks so, or None: then it was no decision."""
        plan = exchange.bound.plan
        known = self._known.get(id(plan))
        if known is None:
            looks: dict[_Look, Decision] = {}
            for leaf in plan.leaves():
                looks.setdefault((leaf.sight.kind, leaf.sight.status), leaf)
            known = self._known[id(plan)] = plan, looks
        return known[1].get((sight.kind, sight.status))


def sight_of(seen: Seen) -> Sight:
    """An answer as a `Sight`; of its headers what clients react to."""
    asks = (("retry-after", seen.retry_after),) if seen.retry_after else ()
    return Sight(SightKind.HTTP, seen.status, asks, seen.body_bytes, seen.keeps)
