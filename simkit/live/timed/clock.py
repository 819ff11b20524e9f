"""nginx's clock at each request, in milliseconds, from what can be captured of it.

Limits go by `ngx_current_msec`, which is the system's monotonic clock cut to milliseconds
(src/core/ngx_times.c). No variable shows it. `$connection_time` is what has passed of it since the
connection was accepted: on one connection that is all that is needed. Between connections the time
of accepting is missing. `$msec` is the wall clock, whose milliseconds begin at another moment, so
that it leaves two of the other's. What decides between them: the client read the monotonic clock
before it sent a request and after it had the answer; no request was taken up before one that came
earlier in nginx's order; and all requests of a connection share the time of its accepting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from time import CLOCK_MONOTONIC, CLOCK_REALTIME, clock_gettime_ns

__all__ = ["Seen", "clock_ms", "clock_offset_ns"]

_NS_PER_MS = 1_000_000
_READINGS = 50


@dataclass(frozen=True, slots=True)
class Seen:
    """A request's times.

    ``wall_ms`` is `$msec`, ``connection_ms`` is `$connection_time`, both when its rewrite rules
    ran; ``sent_ns`` and ``answered_ns`` are the client's monotonic clock around it.
    """

    connection: int
    wall_ms: int
    connection_ms: int
    sent_ns: int
    answered_ns: int


def clock_offset_ns() -> int:
    """By how much the wall clock is ahead of the monotonic one."""
    readings = []
    for _ in range(_READINGS):
        before = clock_gettime_ns(CLOCK_MONOTONIC)
        wall = clock_gettime_ns(CLOCK_REALTIME)
        after = clock_gettime_ns(CLOCK_MONOTONIC)
        readings.append((after - before, wall - (before + after) // 2))
    return min(readings)[1]


def clock_ms(seen: Sequence[Seen], offset_ns: int) -> tuple[list[int], int]:
    """nginx's clock at each request, given in the order in which nginx took them up.

    The second value counts the requests for which two milliseconds remain possible. Of the two,
    the one that more of the possible time falls into is taken.
    """
    windows = _in_order([_window(one, offset_ns) for one in seen])
    accepted = _accepted(seen, windows)
    open_ = sum(accepted[one.connection].is_open for one in seen)
    return [accepted[one.connection].likely + one.connection_ms for one in seen], open_


def _window(one: Seen, offset_ns: int) -> tuple[int, int]:
    """From when till when the clock can have been read, in nanoseconds of the monotonic clock."""
    first_ns = one.wall_ms * _NS_PER_MS - offset_ns
    last_ns = first_ns + _NS_PER_MS - 1
    low_ns, high_ns = max(first_ns, one.sent_ns), min(last_ns, one.answered_ns)
    return (low_ns, high_ns) if low_ns <= high_ns else (first_ns, last_ns)


def _in_order(windows: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same, where none is read before one that came earlier."""
    lows = accumulate((low for low, _ in windows), max)
    highs = list(accumulate((high for _, high in reversed(windows)), min))[::-1]
    pairs = zip(lows, highs, windows, strict=True)
    return [(low, high) if low <= high else own for low, high, own in pairs]


@dataclass(slots=True)
class _Accepted:
    """When a connection was accepted, in ms: ``least`` to ``most``, and what speaks for each."""

    least: int
    most: int
    weights: Counter[int]

    @property
    def is_open(self) -> bool:
        return self.least < self.most

    @property
    def likely(self) -> int:
        return max(range(self.least, self.most + 1), key=lambda ms: self.weights[ms])


def _accepted(seen: Sequence[Seen], windows: Sequence[tuple[int, int]]) -> dict[int, _Accepted]:
    """When each connection was accepted, by what all of its requests allow."""
    found: dict[int, _Accepted] = {}
    for one, (low_ns, high_ns) in zip(seen, windows, strict=True):
        low, high = (ns // _NS_PER_MS - one.connection_ms for ns in (low_ns, high_ns))
        known = found.setdefault(one.connection, _Accepted(low, high, Counter()))
        least, most = max(known.least, low), min(known.most, high)
        if least <= most:
            known.least, known.most = least, most
        edge_ns = high_ns // _NS_PER_MS * _NS_PER_MS
        known.weights[low] += max(0, edge_ns - low_ns)
        known.weights[high] += high_ns - max(edge_ns, low_ns)
    return found
