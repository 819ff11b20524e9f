"""`limit_req` and `limit_conn` in nginx's integer arithmetic, on arrays.

Everything stateful is here, in functions of integers and arrays that hold for plain Python and for
a compiler alike. The source is nginx 1.22's ngx_http_limit_req_module.c and
ngx_http_limit_conn_module.c; the arithmetic is

    excess = max(0, old - rate * ms / 1000 + 1000)

in thousandths of a request, with times of whole milliseconds; a request is rejected when
``excess > burst``. A rejected request changes neither the excess nor the time, but its entry
becomes the most recently used one.

An entry stands for one key of one zone; entries are numbered from 0 across all zones. Each zone
keeps its entries in a list from the most to the least recently used one.
"""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import NamedTuple

Ints = MutableSequence[int]

NONE = -1
PASS, BUSY, NO_ROOM = 0, 1, 2

_BACKWARD_MS = -60_000
_IDLE_MS = 60_000
_LONG_AGO_MS = 100_000_000  # nginx writes 0, and its clock began when the machine did

__all__ = [
    "BUSY",
    "NONE",
    "NO_ROOM",
    "PASS",
    "Entries",
    "ZoneState",
    "account",
    "delay_ms",
    "look_up",
    "occupy",
    "vacate",
]


class ZoneState(NamedTuple):
    """One number per zone: what it allows, how full it is, the ends of its list."""

    rate: Ints  # thousandths of a request per second
    capacity: Ints  # entries
    used: Ints
    newest: Ints
    oldest: Ints
    forced: Ints  # entries that were forced out while in use


class Entries(NamedTuple):
    """One number per entry: its state and its neighbours in the list of its zone."""

    excess: Ints  # thousandths of a request
    last: Ints  # ms
    present: Ints  # 0 or 1
    newer: Ints
    older: Ints
    connections: Ints  # of limit_conn


def elapsed_ms(now: int, last: int) -> int:
    """Milliseconds since ``last``; a clock that went back counts as 0, far back as 1."""
    ms = now - last
    if ms < _BACKWARD_MS:
        return 1
    return max(ms, 0)


def next_excess(excess: int, rate: int, ms: int) -> int:
    """The excess of a key after one more request, ``ms`` after the last one."""
    return max(0, excess - rate * ms // 1000 + 1000)


def look_up(
    zones: ZoneState, entries: Entries, zone: int, entry: int, burst: int, now: int, commit: bool
) -> tuple[int, int]:
    """Ask one limit about one request; returns the verdict and the excess.

    ``commit`` is set for the last limit of several: it alone is counted at once, the others when
    all have passed (`account`).
    """
    if entries.present[entry]:
        _to_front(zones, entries, zone, entry)
        ms = elapsed_ms(now, entries.last[entry])
        excess = next_excess(entries.excess[entry], zones.rate[zone], ms)
        if excess > burst:
            return BUSY, excess
        if commit:
            entries.excess[entry] = excess
            if ms:
                entries.last[entry] = now
        return PASS, excess
    if not _make_room(zones, entries, zone, now):
        return NO_ROOM, 0
    entries.excess[entry] = 0
    entries.last[entry] = now if commit else now - _LONG_AGO_MS
    _insert(zones, entries, zone, entry)
    return PASS, 0


def account(zones: ZoneState, entries: Entries, zone: int, entry: int, now: int) -> int:
    """Count a request that all limits let pass against one of them; returns the excess."""
    ms = elapsed_ms(now, entries.last[entry])
    excess = next_excess(entries.excess[entry], zones.rate[zone], ms)
    if ms:
        entries.last[entry] = now
    entries.excess[entry] = excess
    return excess


def delay_ms(excess: int, delay: int, rate: int) -> int:
    """How long a request waits that passed with this excess."""
    return 0 if excess <= delay else (excess - delay) * 1000 // rate


def _make_room(zones: ZoneState, entries: Entries, zone: int, now: int) -> bool:
    _expire(zones, entries, zone, now, False)
    if zones.used[zone] >= zones.capacity[zone]:
        _expire(zones, entries, zone, now, True)
    return zones.used[zone] < zones.capacity[zone]


def _expire(zones: ZoneState, entries: Entries, zone: int, now: int, force: bool) -> None:
    """Free up to two entries that are idle and drained; by force, the oldest one first."""
    for turn in range(3 if force else 2):
        entry = zones.oldest[zone]
        if entry == NONE:
            return
        if turn or not force:
            ms = abs(now - entries.last[entry])
            if ms < _IDLE_MS or entries.excess[entry] - zones.rate[zone] * ms // 1000 > 0:
                return
        else:
            zones.forced[zone] += 1
        _remove(zones, entries, zone, entry)


def occupy(zones: ZoneState, entries: Entries, zone: int, entry: int, most: int) -> bool:
    """Count a request in at `limit_conn`; False where the key or the zone is full."""
    if not entries.present[entry]:
        if zones.used[zone] >= zones.capacity[zone]:
            return False
        entries.present[entry] = 1
        zones.used[zone] += 1
    elif entries.connections[entry] >= most:
        return False
    entries.connections[entry] += 1
    return True


def vacate(zones: ZoneState, entries: Entries, zone: int, entry: int) -> None:
    """Count a request out at `limit_conn`; the last one takes the entry with it."""
    entries.connections[entry] -= 1
    if entries.connections[entry] == 0:
        entries.present[entry] = 0
        zones.used[zone] -= 1


def _insert(zones: ZoneState, entries: Entries, zone: int, entry: int) -> None:
    head = zones.newest[zone]
    entries.newer[entry], entries.older[entry] = NONE, head
    if head == NONE:
        zones.oldest[zone] = entry
    else:
        entries.newer[head] = entry
    zones.newest[zone] = entry
    entries.present[entry] = 1
    zones.used[zone] += 1


def _remove(zones: ZoneState, entries: Entries, zone: int, entry: int) -> None:
    newer, older = entries.newer[entry], entries.older[entry]
    if newer == NONE:
        zones.newest[zone] = older
    else:
        entries.older[newer] = older
    if older == NONE:
        zones.oldest[zone] = newer
    else:
        entries.newer[older] = newer
    entries.present[entry] = 0
    zones.used[zone] -= 1


def _to_front(zones: ZoneState, entries: Entries, zone: int, entry: int) -> None:
    if zones.newest[zone] == entry:
        return
    _remove(zones, entries, zone, entry)
    _insert(zones, entries, zone, entry)
