"""Events that come up in nearly the order in which they are scheduled.

Most delays are the same for a whole cohort (half a round trip, a time-out, its patience). Events
after such a delay stand in lanes, rings that are kept in order by moving a new event past the few
that it precedes; what would have to move far is scheduled as any other. A tournament between the
lanes finds the next.
"""

from __future__ import annotations

from typing import Any

from simkit.engine.compiled.calendar import schedule
from simkit.engine.compiled.compiler import compiled
from simkit.engine.compiled.heap import copy_event, is_before, set_event
from simkit.engine.compiled.layout import EVENT, LANE
from simkit.engine.compiled.memory import record_at, small_ints_at
from simkit.host.wire import NEVER

__all__ = ["file", "lane_at", "next_lane", "next_subject", "take_next"]

_FEW = 8
"""An event that would have to pass more than so many is scheduled as any other."""


@compiled
def lane_at(w: Any, number: int) -> Any:
    """A lane."""
    return record_at(w.lanes, number, LANE)


@compiled
def _ring_at(w: Any, lane: Any, turn: int) -> Any:
    return record_at(w.rings, lane.first + (turn & lane.mask), EVENT)


@compiled
def file(w: Any, number: int, time_ns: int, key: int, subject: int) -> None:
    """The same as `schedule`, for an event that comes after nearly all of its lane."""
    lane = lane_at(w, number)
    turn = lane.tail
    if turn - lane.head > lane.mask:
        w.full_lane = number
        schedule(w, time_ns, key, subject)
        return
    first = max(lane.head, turn - _FEW)
    while turn > first and is_before(time_ns, key, _ring_at(w, lane, turn - 1)):
        turn -= 1
    if turn == first and turn > lane.head and is_before(time_ns, key, _ring_at(w, lane, turn - 1)):
        schedule(w, time_ns, key, subject)
        return
    for later in range(lane.tail, turn, -1):
        copy_event(_ring_at(w, lane, later), _ring_at(w, lane, later - 1))
    set_event(_ring_at(w, lane, turn), time_ns, key, subject)
    lane.tail += 1
    if turn == lane.head:
        lane.time_ns, lane.key = time_ns, key
        _settle(w, number)


@compiled
def take_next(w: Any, number: int) -> None:
    """Take the next event off a lane."""
    lane = lane_at(w, number)
    lane.head += 1
    if lane.head == lane.tail:
        lane.time_ns = NEVER
    else:
        following = _ring_at(w, lane, lane.head)
        lane.time_ns, lane.key = following.time_ns, following.key
    _settle(w, number)


@compiled
def next_subject(w: Any, number: int) -> int:
    """The subject of the next event of a lane, which stays."""
    lane = lane_at(w, number)
    return _ring_at(w, lane, lane.head).subject


@compiled
def next_lane(w: Any) -> int:
    """The lane with the next event."""
    return small_ints_at(w.winners)[1]


@compiled
def _settle(w: Any, number: int) -> None:
    """The head of a lane has changed: play its matches anew.

    ``winners`` is a tree: at 1 the winner of all, below ``n`` the winners of ``2 n`` and
    ``2 n + 1``; the leaves, from ``lane_count`` (a power of two) on, are the lanes.
    """
    winners = small_ints_at(w.winners)
    place = (w.lane_count + number) >> 1
    while place:
        one, other = winners[2 * place], winners[2 * place + 1]
        left = lane_at(w, one)
        winners[place] = one if is_before(left.time_ns, left.key, lane_at(w, other)) else other
        place >>= 1
