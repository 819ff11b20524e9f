"""The agenda of the compiled engine: events in the order of `simkit.host.order`.

Most delays are the same for a whole cohort (half a round trip, a time-out, its patience), so
those events come up in nearly the order in which they are scheduled. They stand in lanes, rings
that are kept in order by moving a new event past the few that it precedes. What would have to move
far, and every pause of a client, goes to a heap. A tournament between the lanes finds the next.

The heap has four children to a node, side by side: half the levels of a binary one.
"""

from __future__ import annotations

from typing import Any

from simkit.engine.compiled.compiler import compiled
from simkit.engine.compiled.layout import EVENT, LANE
from simkit.engine.compiled.memory import record_at, small_ints_at
from simkit.host.wire import NEVER

__all__ = [
    "event_at",
    "file",
    "lane_at",
    "next_lane",
    "next_subject",
    "pop",
    "schedule",
    "take_next",
]

_FEW = 8
"""An event that would have to pass more than so many goes to the heap."""


@compiled
def event_at(w: Any, number: int) -> Any:
    """The event at a place of the heap; at 0 is the next one."""
    return record_at(w.events, number, EVENT)


@compiled
def lane_at(w: Any, number: int) -> Any:
    """A lane."""
    return record_at(w.lanes, number, LANE)


@compiled
def _ring_at(w: Any, lane: Any, turn: int) -> Any:
    return record_at(w.rings, lane.first + (turn & lane.mask), EVENT)


@compiled
def _set(event: Any, time_ns: int, key: int, subject: int) -> None:
    event.time_ns = time_ns
    event.key = key
    event.subject = subject


@compiled
def _copy(event: Any, other: Any) -> None:
    event.time_ns = other.time_ns
    event.key = other.key
    event.subject = other.subject


@compiled
def _is_before(time_ns: int, key: int, event: Any) -> bool:
    return time_ns < event.time_ns or (time_ns == event.time_ns and key < event.key)


# The heap


@compiled
def schedule(w: Any, time_ns: int, key: int, subject: int) -> None:
    """An event happens at a time not before now, in the place that the key gives it."""
    hole = w.event_count
    w.event_count = hole + 1
    while hole > 0:
        parent = (hole - 1) >> 2
        above = event_at(w, parent)
        if not _is_before(time_ns, key, above):
            break
        _copy(event_at(w, hole), above)
        hole = parent
    _set(event_at(w, hole), time_ns, key, subject)


@compiled
def pop(w: Any) -> None:
    """Take the next event off the heap."""
    count = w.event_count - 1
    w.event_count = count
    last = event_at(w, count)
    time_ns, key, subject = last.time_ns, last.key, last.subject
    hole = 0
    while 4 * hole + 1 < count:
        best = 4 * hole + 1
        for other in range(best + 1, min(4 * hole + 5, count)):
            candidate = event_at(w, other)
            if _is_before(candidate.time_ns, candidate.key, event_at(w, best)):
                best = other
        below = event_at(w, best)
        if _is_before(time_ns, key, below):
            break
        _copy(event_at(w, hole), below)
        hole = best
    _set(event_at(w, hole), time_ns, key, subject)


# The lanes


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
    while turn > first and _is_before(time_ns, key, _ring_at(w, lane, turn - 1)):
        turn -= 1
    if turn == first and turn > lane.head and _is_before(time_ns, key, _ring_at(w, lane, turn - 1)):
        schedule(w, time_ns, key, subject)
        return
    for later in range(lane.tail, turn, -1):
        _copy(_ring_at(w, lane, later), _ring_at(w, lane, later - 1))
    _set(_ring_at(w, lane, turn), time_ns, key, subject)
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
        winners[place] = one if _is_before(left.time_ns, left.key, lane_at(w, other)) else other
        place >>= 1
