"""`simkit.engine.client` and `simkit.engine.pool` for compiled code: wishes and attempts."""

from __future__ import annotations

from typing import Any

import numpy as np

from simkit.draws import Purpose
from simkit.engine.compiled import connections as wires
from simkit.engine.compiled import layout
from simkit.engine.compiled.agenda import file, schedule
from simkit.engine.compiled.chances import uniform
from simkit.engine.compiled.compiler import compiled
from simkit.engine.compiled.memory import record_at, small_ints_at
from simkit.engine.compiled.pools import (
    NONE,
    attempt_at,
    client_at,
    cohort_at,
    connection_at,
    decision_at,
    drop_connection,
    drop_wish,
    sight_at,
    take_attempt,
    take_connection,
    take_wish,
    wish_at,
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
_SEQUENCE_BITS = 32
_PATIENCE_LANE, _LANES = int(layout.Lane.PATIENCE), len(layout.Lane)
_REQUEST_ROW, _WISH_ROW = layout.REQUEST_ROW, layout.WISH_ROW
_TOTALS, _ANSWERS = layout.CLIENT_TOTALS, layout.ANSWER_TOTALS
SIGHTS = len(SightKind)
UNDECIDED = (0, 408, 499)
"""What is logged where the policy has decided nothing: nothing, a time-out, a client that left."""
_TIMED_OUT = UNDECIDED[1]


@compiled
def place(client: int, sequence: int) -> Any:
    """`simkit.host.order.place`."""
    return np.int64(client) << _SEQUENCE_BITS | np.int64(sequence)


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
    a.client, a.wish, a.task = client_slot, wish_slot, task
    a.wish_number, a.item, a.number = wish.number, item, number
    a.sent_ns = w.now_ns
    a.deadline_ns = w.now_ns + cohort.patience_ns
    a.bind = client.binds + 2 * ask + _is_flawed(client, cohort, wish.number)
    a.bound = small_ints_at(w.bind)[a.bind]
    _put_under_way(w, client, slot)
    if holds:
        a.holds = 1
        a.deadline_ns = NEVER
    elif not client.timer_set:
        _set_timer(w, client_slot, a.deadline_ns)
    _carry(w, slot, cohort)
    return slot


@compiled
def _is_flawed(client: Any, cohort: Any, wish_number: int) -> int:
    if not cohort.flawed:
        return 0
    return 1 if uniform(client.key, _CHOICE, wish_number, 1) < cohort.flaw_share else 0


@compiled
def _put_under_way(w: Any, client: Any, slot: int) -> None:
    a = attempt_at(w, slot)
    a.older, a.newer = client.newest, NONE
    if client.newest == NONE:
        client.oldest = slot
    else:
        attempt_at(w, client.newest).newer = slot
    client.newest = slot


@compiled
def _set_timer(w: Any, client_slot: int, time_ns: int) -> None:
    client = client_at(w, client_slot)
    client.timer_set = 1
    lane = _LANES * client.cohort + _PATIENCE_LANE
    file(w, lane, time_ns, _PATIENCE | place(client_slot, 0), client_slot)


@compiled
def lose_patience(w: Any, client_slot: int) -> None:
    """Give up the attempts that have taken too long; all have the same time, so in order."""
    client = client_at(w, client_slot)
    client.timer_set = 0
    while client.oldest != NONE:
        slot = client.oldest
        a = attempt_at(w, slot)
        if a.deadline_ns > w.now_ns:
            _set_timer(w, client_slot, a.deadline_ns)
            return
        abandon(w, slot)
        reply(w, slot, wires.NO_ANSWER, w.now_ns)


# Which connection carries an attempt, and what becomes of it


@compiled
def _carry(w: Any, slot: int, cohort: Any) -> None:
    a = attempt_at(w, slot)
    found = _trunk(w, a.client, cohort) if cohort.http2 else _free(w, a.client, cohort)
    a.connection = _open(w, a.client, cohort) if found == NONE else found
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
def _trunk(w: Any, client_slot: int, cohort: Any) -> int:
    found = client_at(w, client_slot).trunk
    if found == NONE:
        return NONE
    c = connection_at(w, found)
    if c.hung_up or c.closed_ns + cohort.half_rtt_ns <= w.now_ns:
        return NONE
    return found


@compiled
def _free(w: Any, client_slot: int, cohort: Any) -> int:
    client = client_at(w, client_slot)
    while client.idle != NONE:
        found = client.idle
        c = connection_at(w, found)
        client.idle = c.next
        if c.closed_ns + cohort.half_rtt_ns > w.now_ns:
            return found
        drop_connection(w, found)
    return NONE


@compiled
def _open(w: Any, client_slot: int, cohort: Any) -> int:
    client = client_at(w, client_slot)
    slot = take_connection(w)
    c = connection_at(w, slot)
    c.place = place(client_slot, client.opened)
    c.client, c.cohort = client_slot, client.cohort
    client.opened += 1
    if cohort.http2:
        c.holders += 1
        former = client.trunk
        client.trunk = slot
        if former != NONE:
            drop_connection(w, former)
    return slot


@compiled
def _done(w: Any, slot: int, cohort: Any) -> None:
    """The exchange is over, as far as the client can see."""
    a = attempt_at(w, slot)
    c = connection_at(w, a.connection)
    sight = sight_at(w, a.sight)
    if not sight.kept:
        if sight.kind != _NO_ANSWER_KIND or c.ready_ns == NEVER:
            _forget_trunk(w, a)
    elif not cohort.keeps:
        _forget_trunk(w, a)
        wires.hang_up(w, a.connection)
    elif not cohort.http2:
        client = client_at(w, a.client)
        c.holders += 1
        c.next = client.idle
        client.idle = a.connection


@compiled
def _forget_trunk(w: Any, a: Any) -> None:
    client = client_at(w, a.client)
    if client.trunk == a.connection:
        client.trunk = NONE
        drop_connection(w, a.connection)


# What is seen, and what is recorded


@compiled
def sees(w: Any, slot: int) -> None:
    """An attempt has come to its end; whoever waits for it goes on after this."""
    a = attempt_at(w, slot)
    record(w, slot)
    _done(w, slot, cohort_at(w, client_at(w, a.client).cohort))
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
    client = client_at(w, a.client)
    sight = sight_at(w, a.sight)
    row = record_at(w.request_rows, w.request_count - 1, _REQUEST_ROW)
    row.sent_ns = a.sent_ns
    row.cohort = client.cohort
    row.client = a.client
    row.address = client.address
    row.wish = a.wish_number
    row.item = a.item
    row.attempt = a.number
    row.shape = record_at(w.bounds, a.bound, layout.BOUND).shape
    row.status = a.status
    row.sight = sight.kind
    row.seen_status = sight.status
    row.bytes = a.bytes_sent
    row.delay_ns = a.delay_ns
    row.latency_ns = latency_ns
    row.rule = NONE if a.decision == NONE else decision_at(w, a.decision).rule
    row.refused = refused
    row.reused = a.reused != 0


@compiled
def _add_up(w: Any, a: Any, latency_ns: int, refused: bool) -> None:
    client = record_at(w.totals, a.client, _TOTALS)
    client.requests += 1
    client.refused += refused
    cohort = client_at(w, a.client).cohort
    which = ((a.decision + 3) * w.cohort_count + cohort) * SIGHTS + sight_at(w, a.sight).kind
    if a.decision == NONE and a.status == 0:
        which -= 2 * w.cohort_count * SIGHTS
    elif a.decision == NONE and a.status == _TIMED_OUT:
        which -= w.cohort_count * SIGHTS
    answer = record_at(w.answers, which, _ANSWERS)
    answer.requests += 1
    answer.bytes += a.bytes_sent
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
        totals = record_at(w.totals, wish.client, _TOTALS)
        totals.wishes += 1
        if served:
            totals.served += 1
        if cut:
            totals.open += 1
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
