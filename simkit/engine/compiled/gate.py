"""`simkit.policy.gate` on tables: plans are rows of nodes, limits the rows of `policy.limits`.

The arithmetic is that module's: its functions are compiled as they stand.
"""

from __future__ import annotations

from typing import Any

from simkit.engine.compiled.compiler import compiled, shared
from simkit.engine.compiled.layout import NODE, PAGE_BITS, ROOT_BITS, USE, NodeKind
from simkit.engine.compiled.memory import ints_at, record_at
from simkit.engine.compiled.pools import NONE
from simkit.policy import limits

__all__ = ["admit", "page_of", "release", "resume", "root_of", "shape_of"]

for _function in (
    limits.elapsed_ms, limits.next_excess, limits.delay_ms, limits._remove, limits._insert,
    limits._to_front, limits._expire, limits._make_room, limits.look_up, limits.account,
    limits.occupy, limits.vacate,
):  # fmt: skip
    shared(_function)

_ANSWER, _CONSULT = int(NodeKind.ANSWER), int(NodeKind.CONSULT)
_look_up, _account, _delay_ms = limits.look_up, limits.account, limits.delay_ms
_occupy, _vacate = limits.occupy, limits.vacate
_PASS = limits.PASS
_ROOT, _PAGE = (1 << ROOT_BITS) - 1, (1 << PAGE_BITS) - 1


@compiled
def _node_at(w: Any, number: int) -> Any:
    return record_at(w.nodes, number, NODE)


@compiled
def _use_at(w: Any, number: int) -> Any:
    return record_at(w.uses, number, USE)


@compiled
def root_of(w: Any, bound: int) -> int:
    """The node at which a plan begins."""
    return ints_at(w.bounds)[bound] & _ROOT


@compiled
def shape_of(w: Any, bound: int) -> int:
    """The number of the shape that a plan is for."""
    return ints_at(w.bounds)[bound] >> (ROOT_BITS + PAGE_BITS)


@compiled
def page_of(w: Any, bound: int) -> int:
    """The number of the page that caches may keep of it, or none."""
    return (ints_at(w.bounds)[bound] >> ROOT_BITS & _PAGE) - 1


@compiled
def admit(w: Any, a: Any, now_ms: int) -> int:
    """Take an attempt to a decision, which becomes its price, or to a delay in milliseconds."""
    a.node = root_of(w, a.bound)
    return resume(w, a, now_ms)


@compiled
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


@compiled
def _consult(w: Any, a: Any, node: Any, now_ms: int) -> int:
    zones, entries = ints_at(w.zones), ints_at(w.entries)
    keys = ints_at(w.bounds)
    first = a.bound + 1 + node.first
    last = node.count - 1
    wait_ms = 0
    for i in range(node.count):
        use = _use_at(w, node.uses + i)
        entry = keys[first + i]
        verdict, excess = _look_up(zones, entries, use.zone, entry, use.burst, now_ms, i == last)
        if verdict != _PASS:
            a.node = use.rejected
            return 0
        wait_ms = _delay_ms(excess, use.delay, use.rate)
    for i in range(last - 1, -1, -1):
        use = _use_at(w, node.uses + i)
        excess = _account(zones, entries, use.zone, keys[first + i], now_ms)
        wait_ms = max(wait_ms, _delay_ms(excess, use.delay, use.rate))
    if wait_ms == 0:
        a.node = node.passed
        return 0
    a.node = node.delayed
    return 0 if node.dry_run else wait_ms


@compiled
def _take_places(w: Any, a: Any, node: Any) -> None:
    zones, entries = ints_at(w.zones), ints_at(w.entries)
    keys = ints_at(w.bounds)
    first = a.bound + 1 + node.first
    for i in range(node.count):
        use = _use_at(w, node.uses + i)
        if not _occupy(zones, entries, use.zone, keys[first + i], use.burst):
            for j in range(i):
                zone = _use_at(w, node.uses + j).zone
                _vacate(zones, entries, zone, keys[first + j])
            a.node = use.rejected
            return
    a.occupied = a.node
    a.node = node.passed


@compiled
def release(w: Any, a: Any) -> None:
    """The attempt gives back its places of `limit_conn`."""
    if a.occupied == NONE:
        return
    node = _node_at(w, a.occupied)
    zones, entries = ints_at(w.zones), ints_at(w.entries)
    keys = ints_at(w.bounds)
    first = a.bound + 1 + node.first
    for i in range(node.count):
        zone = _use_at(w, node.uses + i).zone
        _vacate(zones, entries, zone, keys[first + i])
    a.occupied = NONE
