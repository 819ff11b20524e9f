"""`simkit.engine.party` and `simkit.engine.pool` for compiled code: who sends requests, and how.

A party is a client, or a gateway of an edge of a CDN: its record is that of a client.
"""

from __future__ import annotations

from typing import Any

from simkit.engine.compiled import connections as wires
from simkit.engine.compiled import layout, rests
from simkit.engine.compiled.compiler import compiled
from simkit.engine.compiled.memory import record_at
from simkit.engine.compiled.pools import (
    NONE,
    attempt_at,
    client_at,
    client_of,
    cohort_at,
    connection_at,
    drop_connection,
    place,
    serial_of,
    sight_at,
    take_attempt,
    take_connection,
)
from simkit.engine.compiled.queues import is_due, link, queue_at, queue_number, set_alarm
from simkit.engine.compiled.server import abandon
from simkit.engine.compiled.wire import NO_ANSWER, reply
from simkit.host.order import Kind, base
from simkit.host.wire import NEVER
from simkit.wire import SightKind

HTTP = int(SightKind.HTTP)
_NO_ANSWER_KIND = int(SightKind.NO_ANSWER)
_PATIENCE = base(Kind.PATIENCE)
_PATIENCE_QUEUE, _CLOSED = int(layout.Queue.PATIENCE), int(layout.Queue.CLOSED)
_ATTEMPT = layout.ATTEMPT


@compiled
def place_of(w: Any, cohort: Any, cell: int) -> Any:
    """The address that a cell of `bind` is for."""
    number = (cell - cohort.block) // (cohort.width * cohort.agents)
    return record_at(w.places, cohort.first_place + number, layout.PLACE)


@compiled
def new_attempt(w: Any, client_slot: int) -> int:
    """An attempt of a client, or of a gateway."""
    client = client_at(w, client_slot)
    client.serials += 1
    slot = take_attempt(w)
    a = attempt_at(w, slot)
    a.place = place(client_slot, client.serials)
    a.sent_ns = w.now_ns
    a.deadline_ns = w.now_ns + cohort_at(w, client.cohort).patience_ns
    return slot


@compiled
def be_impatient(w: Any, slot: int, cohort: int) -> None:
    """The attempt is not waited for for ever."""
    number = queue_number(cohort, _PATIENCE_QUEUE)
    link(queue_at(w, number), w.attempts, _ATTEMPT, slot)
    _set_timer(w, number)


@compiled
def _set_timer(w: Any, number: int) -> None:
    first = queue_at(w, number).first
    if first != NONE:
        a = attempt_at(w, first)
        set_alarm(w, number, a.deadline_ns, _PATIENCE | place(client_of(a), 0))


@compiled
def lose_patience(w: Any, number: int, whose: int) -> None:
    """A client gives up the attempts that have taken too long, if the first of a queue is its."""
    is_due(w, number, _PATIENCE | whose)
    queue = queue_at(w, number)
    while queue.first != NONE:
        slot = queue.first
        a = attempt_at(w, slot)
        if a.deadline_ns > w.now_ns or place(client_of(a), 0) != whose:
            break
        if a.at_edge:
            a.over = 1  # the edge goes on by itself
        else:
            abandon(w, slot)
        reply(w, slot, NO_ANSWER, w.now_ns)
    _set_timer(w, number)


# Which connection carries an attempt, and what becomes of it


@compiled
def carry(w: Any, slot: int, cohort: Any) -> None:
    """Send an attempt to the server over a connection that its client has, or a new one."""
    a = attempt_at(w, slot)
    client = client_of(a)
    found = _trunk(w, client, cohort) if cohort.http2 else _free(w, client, cohort)
    a.connection = _open(w, client, cohort, a.bind) if found == NONE else found
    c = connection_at(w, a.connection)
    c.holders += 1
    c.carried += 1
    if found == NONE:
        wires.connect(w, slot)
        return
    a.reused = c.served > 0
    wires.send(w, slot)
    if not cohort.http2:
        drop_connection(w, found)  # it is not in the list of free ones any more


@compiled
def _first_idle(w: Any, client_slot: int) -> int:
    """The connection that was freed last, if it has not gone by itself: see `_forget_closed`."""
    client = client_at(w, client_slot)
    found = client.idle
    if found == NONE:
        return NONE
    c = connection_at(w, found)
    if c.place != place(client_slot, client.idle_serial) or not c.free:
        client.idle = NONE
        return NONE
    return found


@compiled
def _keep(w: Any, client_slot: int, connection: int) -> None:
    """The connection is free for another request, the first to be taken."""
    client, c = client_at(w, client_slot), connection_at(w, connection)
    former = _first_idle(w, client_slot)
    c.free = 1
    c.holders += 1
    c.previous, c.next = NONE, former
    if former != NONE:
        connection_at(w, former).previous = connection
    client.idle = connection
    client.idle_serial = serial_of(c)


@compiled
def _unkeep(w: Any, client_slot: int, connection: int) -> None:
    """The connection leaves its client's list, whose hold on it goes to the caller."""
    c = connection_at(w, connection)
    c.free = 0
    if c.next != NONE:
        connection_at(w, c.next).previous = c.previous
    if c.previous != NONE:
        connection_at(w, c.previous).next = c.next
    elif c.next != NONE:
        client = client_at(w, client_slot)
        client.idle = c.next
        client.idle_serial = serial_of(connection_at(w, c.next))


@compiled
def _trunk(w: Any, client_slot: int, cohort: Any) -> int:
    found = _first_idle(w, client_slot)
    if found == NONE:
        return NONE
    c = connection_at(w, found)
    if c.hung_up or c.closed_ns + cohort.half_rtt_ns <= w.now_ns:
        return NONE
    return found


@compiled
def _free(w: Any, client_slot: int, cohort: Any) -> int:
    while True:
        found = _first_idle(w, client_slot)
        if found == NONE:
            return NONE
        _unkeep(w, client_slot, found)
        if connection_at(w, found).closed_ns + cohort.half_rtt_ns > w.now_ns:
            return found
        drop_connection(w, found)


@compiled
def _open(w: Any, client_slot: int, cohort: Any, cell: int) -> int:
    client = client_at(w, client_slot)
    _forget_closed(w, client.cohort)
    slot = take_connection(w)
    c = connection_at(w, slot)
    c.place = place(client_slot, client.opened)
    c.cohort = client.cohort
    if w.firewall:
        c.peer = place_of(w, cohort, cell).address
    client.opened += 1
    if cohort.http2:
        former = _first_idle(w, client_slot)
        if former != NONE:
            _unkeep(w, client_slot, former)
            drop_connection(w, former)
        _keep(w, client_slot, slot)
    return slot


@compiled
def _forget_closed(w: Any, cohort: int) -> None:
    """Connections of which clients know by now that they are closed leave their lists.

    The client itself is looked at only if it has another: else what it remembers as its last free
    connection is found to be none when it asks for it.
    """
    queue = queue_at(w, queue_number(cohort, _CLOSED))
    while queue.first != NONE:
        slot = queue.first
        c = connection_at(w, slot)
        if c.deadline_ns > w.now_ns:
            return
        rests.leave_queue(w, slot)
        if c.free:
            _unkeep(w, client_of(c), slot)
            drop_connection(w, slot)
        drop_connection(w, slot)


@compiled
def done(w: Any, slot: int, cohort: Any) -> None:
    """The exchange is over, as far as the client can see."""
    a = attempt_at(w, slot)
    c = connection_at(w, a.connection)
    c.carried -= 1
    sight = sight_at(w, a.sight)
    if not sight.kept:
        if sight.kind != _NO_ANSWER_KIND or c.ready_ns == NEVER:
            _forget_trunk(w, a, cohort)
    elif not cohort.keeps:
        _forget_trunk(w, a, cohort)
        wires.hang_up(w, a.connection)
    elif not cohort.http2:
        _keep(w, client_of(a), a.connection)
    if a.hold and sight.kind == HTTP:
        wires.hang_up(w, a.connection)


@compiled
def _forget_trunk(w: Any, a: Any, cohort: Any) -> None:
    if cohort.http2 and _first_idle(w, client_of(a)) == a.connection:
        _unkeep(w, client_of(a), a.connection)
        drop_connection(w, a.connection)


@compiled
def leave(w: Any, client_slot: int, cohort: Any) -> None:
    """The client goes on from another address: it closes what it has open and not in use."""
    while True:
        found = _first_idle(w, client_slot)
        if found == NONE:
            return
        c = connection_at(w, found)
        _unkeep(w, client_slot, found)
        client_at(w, client_slot).idle = c.next
        if not cohort.http2 or c.carried == 0:
            wires.hang_up(w, found)
        drop_connection(w, found)
