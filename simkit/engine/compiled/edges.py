"""`simkit.engine.edge` for compiled code: the edges of a CDN, function by function.

A gateway of an edge is a party with the record of a client, after those of all clients. Its own
attempts are for a visitor's, whose slot is their ``task``.
"""

from __future__ import annotations

from typing import Any

from simkit.engine.compiled.calendar import schedule
from simkit.engine.compiled.compiler import compiled
from simkit.engine.compiled.gate import page_of, root_of
from simkit.engine.compiled.layout import NODE, NodeKind
from simkit.engine.compiled.memory import ints_at, record_at, small_ints_at
from simkit.engine.compiled.parties import be_impatient, carry, done, new_attempt, place_of
from simkit.engine.compiled.pools import (
    NONE,
    attempt_at,
    client_at,
    client_of,
    cohort_at,
    decision_at,
    drop_attempt,
    sight_at,
)
from simkit.engine.compiled.wire import CONNECTED, reply, turn_away
from simkit.host.order import Kind, base
from simkit.traffic.cohorts import Reach
from simkit.traffic.reactions import MethodClass
from simkit.wire import SightKind

__all__ = ["arrives", "came", "take"]

_EDGE = base(Kind.EDGE)
_CONNECT_ONLY, _REQUEST_TOO = int(Reach.CONNECT), int(Reach.REQUEST)
_ANSWER = int(NodeKind.ANSWER)
_HTTP, _RESET, _EMPTY = int(SightKind.HTTP), int(SightKind.RESET), int(SightKind.EMPTY)
_OK = 200
_OTHER = int(MethodClass.OTHER)


@compiled
def take(w: Any, slot: int) -> None:
    """A visitor sends a request: over a connection that it has, or sets up now."""
    a = attempt_at(w, slot)
    client = client_at(w, client_of(a))
    cohort = cohort_at(w, client.cohort)
    edge = place_of(w, cohort, a.bind).edge
    half_ns = w.edge_half_ns
    a.at_edge = 1
    a.reused = client.met == edge
    set_up_ns = (4 if cohort.asks_tls else 2) * half_ns
    if cohort.reach != _REQUEST_TOO:
        wait_ns = 2 * half_ns if cohort.reach == _CONNECT_ONLY else set_up_ns
        reply(w, slot, CONNECTED, w.now_ns + wait_ns)
        return
    client.met = edge if cohort.keeps else NONE
    a.holders += 1
    wait_ns = half_ns + (0 if a.reused else set_up_ns)
    schedule(w, w.now_ns + wait_ns, _EDGE | a.place, slot)


@compiled
def arrives(w: Any, slot: int) -> None:
    """The request is at the edge."""
    a = attempt_at(w, slot)
    if a.over or a.hold:
        return
    root = record_at(w.nodes, root_of(w, a.bound), NODE)
    if root.kind == _ANSWER and decision_at(w, root.decision).in_front:
        turn_away(w, slot, root.decision, w.now_ns + w.edge_half_ns)
        return
    page = _page(w, a)
    if page != NONE and w.now_ns < ints_at(w.cached_until_ns)[page]:
        _show(w, slot, small_ints_at(w.cached_sights)[page])
    else:
        _ask(w, slot)


@compiled
def _edge(w: Any, a: Any) -> int:
    cohort = cohort_at(w, client_at(w, client_of(a)).cohort)
    return int(place_of(w, cohort, a.bind).edge)


@compiled
def _page(w: Any, a: Any) -> int:
    """Where the page stands in its edge's cache, or none."""
    page = page_of(w, a.bound)
    return NONE if page == NONE else _edge(w, a) * w.page_count + page


@compiled
def _ask(w: Any, slot: int) -> None:
    """Ask the server in the visitor's place."""
    a = attempt_at(w, slot)
    port = cohort_at(w, client_at(w, client_of(a)).cohort).gateway
    gateway_slot = w.first_gateway + _edge(w, a) * w.gateway_ports + port
    gateway = client_at(w, gateway_slot)
    own_slot = new_attempt(w, gateway_slot)
    own = attempt_at(w, own_slot)
    own.own = 1
    own.wish = NONE
    own.task = slot
    a.holders += 1
    own.bind, own.bound = gateway.binds, a.bound
    own.wish_number, own.item, own.number = a.wish_number, a.item, a.number
    be_impatient(w, own_slot, gateway.cohort)
    carry(w, own_slot, cohort_at(w, gateway.cohort))


@compiled
def came(w: Any, own_slot: int) -> None:
    """What the edge asked the server for in the visitor's place has come, or will not."""
    own = attempt_at(w, own_slot)
    own.recorded = 1
    slot = own.task
    a = attempt_at(w, slot)
    done(w, own_slot, cohort_at(w, client_at(w, client_of(own)).cohort))
    sight = sight_at(w, own.sight)
    if _tries_again(w, own, a, sight):
        a.again = 1
        _ask(w, slot)
    else:
        a.price, a.logged, a.status = own.price, own.logged, own.status
        a.delay_ns = own.delay_ns
        page = _page(w, a)
        if page != NONE and own.logged:
            meant = sight_at(w, decision_at(w, own.price).sight)
            if meant.kind == _HTTP and meant.status == _OK:
                ints_at(w.cached_until_ns)[page] = w.now_ns + w.edges_keep_ns
                small_ints_at(w.cached_sights)[page] = sight.through
        _show(w, slot, sight.through)
    drop_attempt(w, slot)


@compiled
def _tries_again(w: Any, own: Any, a: Any, sight: Any) -> bool:
    if not own.reused or a.again or not w.edges_try_again:
        return False
    if sight.kind not in (_RESET, _EMPTY):
        return False
    cohort = cohort_at(w, client_at(w, client_of(a)).cohort)
    ask = (a.bind - cohort.block) % cohort.width // 2
    return bool(small_ints_at(w.asks)[cohort.asks + ask] != _OTHER)


@compiled
def _show(w: Any, slot: int, sight: int) -> None:
    reply(w, slot, sight, w.now_ns + w.edge_half_ns)
