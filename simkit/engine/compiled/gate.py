"""`simkit.policy.gate` on tables: plans are rows of nodes, limits the rows of `policy.limits`.

The arithmetic is that module's: its functions are compiled as they stand.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numba.extending import register_jitable

from simkit.engine.compiled.layout import BOUND, NODE, USE, NodeKind
from simkit.engine.compiled.memory import ints_at, record_at
from simkit.engine.compiled.pools import NONE
from simkit.policy import limits

__all__ = ["admit", "release", "resume"]

for _function in (
    limits.elapsed_ms, limits.next_excess, limits.delay_ms, limits._remove, limits._insert,
    limits._to_front, limits._expire, limits._make_room, limits.look_up, limits.account,
    limits.occupy, limits.vacate,
):  # fmt: skip
    register_jitable(_function)

_ANSWER, _CONSULT = int(NodeKind.ANSWER), int(NodeKind.CONSULT)
_look_up, _account, _delay_ms = limits.look_up, limits.account, limits.delay_ms
_occupy, _vacate = limits.occupy, limits.vacate
_PASS = limits.PASS


@njit
def _node_at(w: Any, number: int) -> Any:
    return record_at(w.nodes, np.int64(number), NODE)


@njit
def _use_at(w: Any, number: int) -> Any:
    return record_at(w.uses, np.int64(number), USE)


@njit
def _first_entry(w: Any, a: Any, node: Any) -> int:
    return record_at(w.bounds, np.int64(a.bound), BOUND).entries + node.first


@njit
def admit(w: Any, a: Any, now_ms: int) -> int:
    """Take an attempt to a decision, which becomes its price, or to a delay in milliseconds."""
    a.node = record_at(w.bounds, np.int64(a.bound), BOUND).root
    return resume(w, a, now_ms)


@njit
def resume(w: Any, a: Any, now_ms: int) -> int:
    """Go on after a delay; the same."""
    while True:
        node = _node_at(w, a.node)
        if node.kind == _ANSWER:
            a.price = node.decision
            return 0
        if node.kind == _CONSULT:
            wait_ms = _consult(w, a, node, now_ms)
            if wait_ms:
                return wait_ms
        else:
            _take_places(w, a, node)


@njit
def _consult(w: Any, a: Any, node: Any, now_ms: int) -> int:
    zones, entries = ints_at(w.zones), ints_at(w.entries)
    keys = ints_at(w.bound_entries)
    first = _first_entry(w, a, node)
    last = node.count - 1
    wait_ms = 0
    for i in range(node.count):
        use = _use_at(w, node.uses + i)
        entry = keys[first + i]
        verdict, excess = _look_up(
            zones, entries, np.int64(use.zone), entry, use.burst, now_ms, i == last
        )
        if verdict != _PASS:
            a.node = use.rejected
            return 0
        wait_ms = _delay_ms(excess, use.delay, use.rate)
    for i in range(last - 1, -1, -1):
        use = _use_at(w, node.uses + i)
        excess = _account(zones, entries, np.int64(use.zone), keys[first + i], now_ms)
        wait_ms = max(wait_ms, _delay_ms(excess, use.delay, use.rate))
    if wait_ms == 0:
        a.node = node.passed
        return 0
    a.node = node.delayed
    return 0 if node.dry_run else wait_ms


@njit
def _take_places(w: Any, a: Any, node: Any) -> None:
    zones, entries = ints_at(w.zones), ints_at(w.entries)
    keys = ints_at(w.bound_entries)
    first = _first_entry(w, a, node)
    for i in range(node.count):
        use = _use_at(w, node.uses + i)
        if not _occupy(zones, entries, np.int64(use.zone), keys[first + i], use.burst):
            for j in range(i):
                zone = np.int64(_use_at(w, node.uses + j).zone)
                _vacate(zones, entries, zone, keys[first + j])
            a.node = use.rejected
            return
    a.occupied = a.node
    a.node = node.passed


@njit
def release(w: Any, a: Any) -> None:
    """The attempt gives back its places of `limit_conn`."""
    if a.occupied == NONE:
        return
    node = _node_at(w, a.occupied)
    zones, entries = ints_at(w.zones), ints_at(w.entries)
    keys = ints_at(w.bound_entries)
    first = _first_entry(w, a, node)
    for i in range(node.count):
        zone = np.int64(_use_at(w, node.uses + i).zone)
        _vacate(zones, entries, zone, keys[first + i])
    a.occupied = NONE
