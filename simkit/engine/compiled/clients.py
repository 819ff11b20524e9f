"""`simkit.engine.client` and `simkit.engine.pool` for compiled code: wishes and attempts."""

from __future__ import annotations

from typing import Any

from simkit.draws import Purpose
from simkit.engine.compiled import connections as wires
from simkit.engine.compiled import layout
from simkit.engine.compiled.calendar import schedule
from simkit.engine.compiled.chances import uniform
from simkit.engine.compiled.compiler import compiled
from simkit.engine.compiled.gate import shape_of
from simkit.engine.compiled.memory import record_at, small_ints_at
from simkit.engine.compiled.pools import (
    NONE,
    attempt_at,
    client_at,
    client_of,
    cohort_at,
    connection_at,
    decision_at,
    drop_connection,
    drop_wish,
    place,
    serial_of,
    sight_at,
    take_attempt,
    take_connection,
    take_wish,
    wish_at,
)
from simkit.engine.compiled.queues import (
    is_due,
    link,
    queue_at,
    queue_number,
    set_alarm,
)
from simkit.engine.compiled.server import abandon
from simkit.engine.compiled.wire import reply
from simkit.host.order import Kind, base
from simkit.host.wire import NEVER
from simkit.wire import SightKind

HTTP = int(SightKind.HTTP)
_CHOICE = int(Purpose.CHOICE)
_NO_ANSWER_KIND = int(SightKind.NO_ANSWER)
_WAKE, _PATIENCE = base(Kind.WAKE), base(Kind.PATIENCE)
_PATIENCE_QUEUE, _CLOSED = int(layout.Queue.PATIENCE), int(layout.Queue.CLOSED)
_REQUEST_ROW, _WISH_ROW = layout.REQUEST_ROW, layout.WISH_ROW
_ATTEMPT = layout.ATTEMPT
_ANSWERS = layout.ANSWER_TOTALS
SIGHTS = len(SightKind)
UNDECIDED = (0, 408, 499)
"""What is logged where the policy has decided nothing: nothing, a time-out, a client that left."""
_TIMED_OUT = UNDECIDED[1]


@compiled
def wake(w: Any, client_slot: int, time_ns: int, subject: int) -> None:
    """A pause of the client ends at that time."""
    client = client_at(w, client_slot)
    client.pauses += 1
    schedule(w, max(time_ns, w.now_ns), _WAKE | place(client_slot, client.pauses), subject)


@compiled
def begin(w: Any, client_slot: int, single: int) -> int:
    """The client begins a wish."""
    client = client_at(w, client_slot)
    slot = take_wish(w)
    wish = wish_at(w, slot)
    wish.start_ns = w.now_ns
    wish.client = client_slot
    wish.number = client.wishes
    wish.session = client.start
    wish.single = single
    client.wishes += 1
    return slot


@compiled
def send(w: Any, task: int, wish_slot: int, ask: int, item: int, number: int, holds: int) -> int:
    """Put an attempt on the wire, and be impatient about it (but not about a slow header)."""
    wish = wish_at(w, wish_slot)
    wish.attempts += 1
    wish.under_way += 1
    client_slot = wish.client
    client = client_at(w, client_slot)
    cohort = cohort_at(w, client.cohort)
    client.serials += 1
    slot = take_attempt(w)
    a = attempt_at(w, slot)
    a.place = place(client_slot, client.serials)
    a.wish, a.task = wish_slot, task
    a.wish_number, a.item, a.number = wish.number, item, number
    a.sent_ns = w.now_ns
    a.deadline_ns = w.now_ns + cohort.patience_ns
    a.bind = client.binds + 2 * ask + _is_flawed(client, cohort, wish.number)
    a.bound = small_ints_at(w.bind)[a.bind]
    if holds:
        a.holds = 1
        a.deadline_ns = NEVER
    else:
        number = queue_number(client.cohort, _PATIENCE_QUEUE)
        link(queue_at(w, number), w.attempts, _ATTEMPT, slot)
        _set_timer(w, number)
    _carry(w, slot, cohort)
    return slot


@compiled
def _is_flawed(client: Any, cohort: Any, wish_number: int) -> int:
    if not cohort.flawed:
        return 0
    return 1 if uniform(client.key, _CHOICE, wish_number, 1) < cohort.flaw_share else 0


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
        abandon(w, slot)
        reply(w, slot, wires.NO_ANSWER, w.now_ns)
    _set_timer(w, number)


# Which connection carries an attempt, and what becomes of it


@compiled
def _carry(w: Any, slot: int, cohort: Any) -> None:
    a = attempt_at(w, slot)
    client = client_of(a)
    found = _trunk(w, client, cohort) if cohort.http2 else _free(w, client, cohort)
    a.connection = _open(w, client, cohort) if found == NONE else found
    c = connection_at(w, a.connection)
    c.holders += 1
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
def _open(w: Any, client_slot: int, cohort: Any) -> int:
    client = client_at(w, client_slot)
    _forget_closed(w, client.cohort)
    slot = take_connection(w)
    c = connection_at(w, slot)
    c.place = place(client_slot, client.opened)
    c.cohort = client.cohort
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
        wires.leave_queue(w, slot)
        if c.free:
            _unkeep(w, client_of(c), slot)
            drop_connection(w, slot)
        drop_connection(w, slot)


@compiled
def _done(w: Any, slot: int, cohort: Any) -> None:
    """The exchange is over, as far as the client can see."""
    a = attempt_at(w, slot)
    c = connection_at(w, a.connection)
    sight = sight_at(w, a.sight)
    if not sight.kept:
        if sight.kind != _NO_ANSWER_KIND or c.ready_ns == NEVER:
            _forget_trunk(w, a, cohort)
    elif not cohort.keeps:
        _forget_trunk(w, a, cohort)
        wires.hang_up(w, a.connection)
    elif not cohort.http2:
        _keep(w, client_of(a), a.connection)


@compiled
def _forget_trunk(w: Any, a: Any, cohort: Any) -> None:
    if cohort.http2 and _first_idle(w, client_of(a)) == a.connection:
        _unkeep(w, client_of(a), a.connection)
        drop_connection(w, a.connection)


# What is seen, and what is recorded


@compiled
def sees(w: Any, slot: int) -> None:
    """An attempt has come to its end; whoever waits for it goes on after this."""
    a = attempt_at(w, slot)
    record(w, slot)
    _done(w, slot, cohort_at(w, client_at(w, client_of(a)).cohort))
    _tell_wish(w, a)


@compiled
def _tell_wish(w: Any, a: Any) -> None:
    """The wish notes whether the item has come; ``failed`` of the task is that of its item."""
    wish = wish_at(w, a.wish)
    sight = sight_at(w, a.sight)
    wish.under_way -= 1
    failed = sight.kind != HTTP or sight.status >= 500
    if a.decision != NONE:
        decision = decision_at(w, a.decision)
        if decision.refused:
            wish.refusals += 1
            wish.rule = decision.rule
            failed = True
    if wish.single:
        wish.failed = 1 if failed else 0
        end(w, a.wish, 0)
        return
    task = record_at(w.tasks, a.task, layout.TASK)
    wish.failed += (1 if failed else 0) - task.failed
    task.failed = 1 if failed else 0


@compiled
def record(w: Any, slot: int) -> None:
    """Write the row of an attempt, or add it up."""
    a = attempt_at(w, slot)
    a.recorded = 1
    w.request_count += 1
    latency_ns = w.now_ns - a.sent_ns
    refused = a.decision != NONE and decision_at(w, a.decision).refused != 0
    if not w.records:
        _add_up(w, a, latency_ns, refused)
        return
    client = client_at(w, client_of(a))
    sight = sight_at(w, a.sight)
    row = record_at(w.request_rows, w.request_count - 1, _REQUEST_ROW)
    row.sent_ns = a.sent_ns
    row.cohort = client.cohort
    row.client = client_of(a)
    row.address = client.address
    row.wish = a.wish_number
    row.item = a.item
    row.attempt = a.number
    row.shape = shape_of(w, a.bound)
    row.status = a.status
    row.sight = sight.kind
    row.seen_status = sight.status
    row.bytes = _bytes_sent(w, a)
    row.delay_ns = a.delay_ns
    row.latency_ns = latency_ns
    row.rule = NONE if a.decision == NONE else decision_at(w, a.decision).rule
    row.refused = refused
    row.reused = a.reused != 0


@compiled
def _bytes_sent(w: Any, a: Any) -> int:
    return 0 if a.decision == NONE else decision_at(w, a.decision).bytes_sent


@compiled
def _add_up(w: Any, a: Any, latency_ns: int, refused: bool) -> None:
    client = client_at(w, client_of(a))
    client.refused += refused
    which = ((a.decision + 3) * w.cohort_count + client.cohort) * SIGHTS + sight_at(w, a.sight).kind
    if a.decision == NONE and a.status == 0:
        which -= 2 * w.cohort_count * SIGHTS
    elif a.decision == NONE and a.status == _TIMED_OUT:
        which -= w.cohort_count * SIGHTS
    answer = record_at(w.answers, which, _ANSWERS)
    answer.requests += 1
    answer.bytes += _bytes_sent(w, a)
    answer.delay_ns += a.delay_ns
    answer.latency_ns += latency_ns


@compiled
def end(w: Any, slot: int, cut: int) -> None:
    """Record the end of a wish; ``cut``: by the end of the window."""
    wish = wish_at(w, slot)
    served = wish.attempts > 0 and wish.failed == 0 and wish.under_way == 0 and not cut
    w.wish_count += 1
    if w.records:
        _write_wish(w, wish, served, cut)
    else:
        client = client_at(w, wish.client)
        client.served += served
        client.open += cut
    drop_wish(w, slot)


@compiled
def _write_wish(w: Any, wish: Any, served: bool, cut: int) -> None:
    client = client_at(w, wish.client)
    row = record_at(w.wish_rows, w.wish_count - 1, _WISH_ROW)
    row.start_ns = wish.start_ns
    row.end_ns = w.now_ns
    row.cohort = client.cohort
    row.client = wish.client
    row.address = client.address
    row.wish = wish.number
    row.session = wish.session
    row.attempts = wish.attempts
    row.served = served
    row.refusals = wish.refusals
    row.rule = wish.rule
    row.open = cut != 0
