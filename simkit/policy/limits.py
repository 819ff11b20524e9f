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

Zones and entries are rows of one array each: row ``n`` has its cells at ``n * ZONE`` or
``n * ENTRY`` and what the names below add to it. An entry fills one line of a processor's cache.
"""

from __future__ import annotations

from array import array
from collections.abc import MutableSequence

Ints = MutableSequence[int]

NONE = -1
PASS, BUSY, NO_ROOM = 0, 1, 2

ZONE = 8
"""Cells of a zone's row."""
RATE = 0  # thousandths of a request per second
CAPACITY = 1  # entries; NONE until the zone has met its first key
USED = 2
NEWEST, OLDEST = 3, 4  # the ends of its list
FORCED = 5  # entries that were forced out while in use

ENTRY = 8
"""Cells of an entry's row."""
EXCESS = 0  # thousandths of a request
LAST = 1  # ms
PRESENT = 2  # 0 or 1
NEWER, OLDER = 3, 4  # its neighbours in the list of its zone
CONNECTIONS = 5  # of limit_conn
ROOM = 6  # the capacity of its zone if all keys were as long as this one

_BACKWARD_MS = -60_000
_IDLE_MS = 60_000
_LONG_AGO_MS = 100_000_000  # nginx writes 0, and its clock began when the machine did

__all__ = [
    "BUSY",
    "CAPACITY",
    "CONNECTIONS",
    "ENTRY",
    "EXCESS",
    "FORCED",
    "LAST",
    "NEWER",
    "NEWEST",
    "NONE",
    "NO_ROOM",
    "OLDER",
    "OLDEST",
    "PASS",
    "PRESENT",
    "RATE",
    "ROOM",
    "USED",
    "ZONE",
    "account",
    "delay_ms",
    "look_up",
    "new_zones",
    "occupy",
    "vacate",
]


def new_zones(rates: list[int]) -> array[int]:
    """Rows of empty zones with these rates, in thousandths of a request per second."""
    rows = array("q", [0] * (ZONE * len(rates)))
    for zone, rate in enumerate(rates):
        rows[zone * ZONE + RATE] = rate
        for unknown in (CAPACITY, NEWEST, OLDEST):
            rows[zone * ZONE + unknown] = NONE
    return rows


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
    zones: Ints, entries: Ints, zone: int, entry: int, burst: int, now: int, commit: bool
) -> tuple[int, int]:
    """Ask one limit about one request; returns the verdict and the excess.

    ``commit`` is set for the last limit of several: it alone is counted at once, the others when
    all have passed (`account`).
    """
    at = entry * ENTRY
    if entries[at + PRESENT]:
        _to_front(zones, entries, zone, entry)
        ms = elapsed_ms(now, entries[at + LAST])
        excess = next_excess(entries[at + EXCESS], zones[zone * ZONE + RATE], ms)
        if excess > burst:
            return BUSY, excess
        if commit:
            entries[at + EXCESS] = excess
            if ms:
                entries[at + LAST] = now
        return PASS, excess
    if not _make_room(zones, entries, zone, entry, now):
        return NO_ROOM, 0
    entries[at + EXCESS] = 0
    entries[at + LAST] = now if commit else now - _LONG_AGO_MS
    _insert(zones, entries, zone, entry)
    return PASS, 0


def account(zones: Ints, entries: Ints, zone: int, entry: int, now: int) -> int:
    """Count a request that all limits let pass against one of them; returns the excess."""
    at = entry * ENTRY
    ms = elapsed_ms(now, entries[at + LAST])
    excess = next_excess(entries[at + EXCESS], zones[zone * ZONE + RATE], ms)
    if ms:
        entries[at + LAST] = now
    entries[at + EXCESS] = excess
    return excess


def delay_ms(excess: int, delay: int, rate: int) -> int:
    """How long a request waits that passed with this excess."""
    return 0 if excess <= delay else (excess - delay) * 1000 // rate


def _make_room(zones: Ints, entries: Ints, zone: int, entry: int, now: int) -> bool:
    at = zone * ZONE
    if zones[at + CAPACITY] == NONE:
        zones[at + CAPACITY] = entries[entry * ENTRY + ROOM]
    _expire(zones, entries, zone, now, False)
    if zones[at + USED] >= zones[at + CAPACITY]:
        _expire(zones, entries, zone, now, True)
    return zones[at + USED] < zones[at + CAPACITY]


def _expire(zones: Ints, entries: Ints, zone: int, now: int, force: bool) -> None:
    """Free up to two entries that are idle and drained; by force, the oldest one first."""
    for turn in range(3 if force else 2):
        entry = zones[zone * ZONE + OLDEST]
        if entry == NONE:
            return
        if turn or not force:
            at = entry * ENTRY
            ms = abs(now - entries[at + LAST])
            drained = entries[at + EXCESS] - zones[zone * ZONE + RATE] * ms // 1000 <= 0
            if ms < _IDLE_MS or not drained:
                return
        else:
            zones[zone * ZONE + FORCED] += 1
        _remove(zones, entries, zone, entry)


def occupy(zones: Ints, entries: Ints, zone: int, entry: int, most: int) -> bool:
    """Count a request in at `limit_conn`; False where the key or the zone is full."""
    at, of = entry * ENTRY, zone * ZONE
    if not entries[at + PRESENT]:
        if zones[of + CAPACITY] == NONE:
            zones[of + CAPACITY] = entries[at + ROOM]
        if zones[of + USED] >= zones[of + CAPACITY]:
            return False
        entries[at + PRESENT] = 1
        zones[of + USED] += 1
    elif entries[at + CONNECTIONS] >= most:
        return False
    entries[at + CONNECTIONS] += 1
    return True


def vacate(zones: Ints, entries: Ints, zone: int, entry: int) -> None:
    """Count a request out at `limit_conn`; the last one takes the entry with it."""
    at = entry * ENTRY
    entries[at + CONNECTIONS] -= 1
    if entries[at + CONNECTIONS] == 0:
        entries[at + PRESENT] = 0
        zones[zone * ZONE + USED] -= 1


def _insert(zones: Ints, entries: Ints, zone: int, entry: int) -> None:
    at, of = entry * ENTRY, zone * ZONE
    head = zones[of + NEWEST]
    entries[at + NEWER], entries[at + OLDER] = NONE, head
    if head == NONE:
        zones[of + OLDEST] = entry
    else:
        entries[head * ENTRY + NEWER] = entry
    zones[of + NEWEST] = entry
    entries[at + PRESENT] = 1
    zones[of + USED] += 1


def _remove(zones: Ints, entries: Ints, zone: int, entry: int) -> None:
    at, of = entry * ENTRY, zone * ZONE
    newer, older = entries[at + NEWER], entries[at + OLDER]
    if newer == NONE:
        zones[of + NEWEST] = older
    else:
        entries[newer * ENTRY + OLDER] = older
    if older == NONE:
        zones[of + OLDEST] = newer
    else:
        entries[older * ENTRY + NEWER] = newer
    entries[at + PRESENT] = 0
    zones[of + USED] -= 1


def _to_front(zones: Ints, entries: Ints, zone: int, entry: int) -> None:
    if zones[zone * ZONE + NEWEST] == entry:
        return
    _remove(zones, entries, zone, entry)
    _insert(zones, entries, zone, entry)
