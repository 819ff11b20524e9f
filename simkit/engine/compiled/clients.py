"""`simkit.engine.client` for compiled code: wishes, attempts, and what is recorded of them."""

from __future__ import annotations

from typing import Any

from simkit.draws import Purpose
from simkit.engine.compiled import layout
from simkit.engine.compiled.calendar import schedule
from simkit.engine.compiled.chances import uniform
from simkit.engine.compiled.compiler import compiled
from simkit.engine.compiled.edges import take
from simkit.engine.compiled.gate import shape_of
from simkit.engine.compiled.memory import record_at, small_ints_at
from simkit.engine.compiled.parties import (
    be_impatient,
    carry,
    done,
    leave,
    new_attempt,
    place_of,
)
from simkit.engine.compiled.pools import (
    NONE,
    attempt_at,
    client_at,
    client_of,
    cohort_at,
    decision_at,
    decision_of,
    drop_wish,
    place,
    sight_at,
    take_wish,
    wish_at,
)
from simkit.host.order import Kind, base
from simkit.host.wire import NEVER
from simkit.traffic.reactions import MethodClass
from simkit.wire import SightKind

ROTATIONS = ("never", "wish", "start")
"""When clients go on from another address, in the order of their numbers."""
KINDS_OF_STOPS = ("requests", "wishes")
"""What rules for stopping count, in the order of their numbers."""
SIGHTS = len(SightKind)
UNDECIDED = (0, 408, 499)
"""What is logged where the policy has decided nothing: nothing, a time-out, a client that left."""

_EACH_WISH, _EACH_START = ROTATIONS.index("wish"), ROTATIONS.index("start")
_OF_REQUESTS, _OF_WISHES = range(len(KINDS_OF_STOPS))
_CLASSES = len(MethodClass)
_CHOICE = int(Purpose.CHOICE)
_WAKE = base(Kind.WAKE)
_REQUEST_ROW, _WISH_ROW = layout.REQUEST_ROW, layout.WISH_ROW
_ANSWERS = layout.ANSWER_TOTALS
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
    if cohort_at(w, client.cohort).rotates == _EACH_WISH and client.wishes:
        change(w, client_slot, 0, 1)
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
def starts_as_somebody_else(w: Any, client_slot: int) -> None:
    """A client that rotates with each start goes on from its next address."""
    cohort = cohort_at(w, client_at(w, client_slot).cohort)
    if cohort.rotates == _EACH_START:
        change(w, client_slot, 0, 1)


@compiled
def change(w: Any, client_slot: int, agent: int, address: int) -> None:
    """Go on as somebody else: with the next agent of the cohort, from the next address."""
    client = client_at(w, client_slot)
    cohort = cohort_at(w, client.cohort)
    if agent:
        following = (client.agent + 1) % cohort.agents
        client.binds += cohort.width * (following - client.agent)
        client.agent = following
    if address and cohort.identities > 1:
        leave(w, client_slot, cohort)
        following = (client.identity + 1) % cohort.identities
        client.binds += cohort.width * cohort.agents * (following - client.identity)
        client.identity = following


@compiled
def send(w: Any, task: int, wish_slot: int, ask: int, item: int, number: int, hold: int) -> int:
    """Put an attempt on the wire, and be impatient about it (but not if it never ends)."""
    wish = wish_at(w, wish_slot)
    wish.attempts += 1
    wish.under_way += 1
    client_slot = wish.client
    client = client_at(w, client_slot)
    cohort = cohort_at(w, client.cohort)
    slot = new_attempt(w, client_slot)
    a = attempt_at(w, slot)
    a.wish, a.task = wish_slot, task
    a.wish_number, a.item, a.number = wish.number, item, number
    a.bind = client.binds + 2 * ask + _is_flawed(client, cohort, wish.number)
    a.bound = small_ints_at(w.bind)[a.bind]
    if hold:
        a.hold = hold
        a.deadline_ns = NEVER
    else:
        be_impatient(w, slot, client.cohort)
    if cohort.has_edge:
        take(w, slot)
    else:
        carry(w, slot, cohort)
    return slot


@compiled
def _is_flawed(client: Any, cohort: Any, wish_number: int) -> int:
    if not cohort.flawed:
        return 0
    return 1 if uniform(client.key, _CHOICE, wish_number, 1) < cohort.flaw_share else 0


# What is seen, and what is recorded


@compiled
def sees(w: Any, slot: int) -> None:
    """An attempt has come to its end; whoever waits for it goes on after this."""
    a = attempt_at(w, slot)
    client = client_at(w, client_of(a))
    cohort = cohort_at(w, client.cohort)
    record(w, slot)
    if not a.at_edge:
        done(w, slot, cohort)
    if cohort.stop_count and _stops(w, client, cohort, a, _OF_REQUESTS):
        client.left = 1
    _tell_wish(w, a)


@compiled
def has_done_with(w: Any, client_slot: int, a: Any) -> None:
    """Something that the client wanted has come, or is given up, with this attempt in the end."""
    client = client_at(w, client_slot)
    cohort = cohort_at(w, client.cohort)
    if cohort.stop_count and _stops(w, client, cohort, a, _OF_WISHES):
        client.left = 1


@compiled
def _stops(w: Any, client: Any, cohort: Any, a: Any, of: int) -> bool:
    """`simkit.traffic.stops.StopCounter.sees`: how many of each, then what each rule counts."""
    counts = small_ints_at(w.scratch)
    first = client.scratch + cohort.stop_room
    counts[first + of] += 1
    seen = counts[first + of]
    counted = action_at(w, client, sight_at(w, a.sight), 0).stops
    stops = False
    for number in range(cohort.stop_count):
        rule = record_at(w.stops, cohort.first_stop + number, layout.STOP)
        if rule.of != of:
            continue
        at = first + len(KINDS_OF_STOPS) + number
        if counted >> number & 1:
            counts[at] += 1
        elif rule.in_a_row:
            counts[at] = 0
        if seen > rule.after:
            most = counts[at] >= rule.count if rule.count else counts[at] > rule.share * seen
            stops = stops or most
    return stops


@compiled
def action_at(w: Any, client: Any, sight: Any, methods: int) -> Any:
    """What a client's cohort does on a sight of a request with a method of that class."""
    number = sight.actions + _CLASSES * client.cohort + methods
    return record_at(w.actions, number, layout.ACTION)


@compiled
def _tell_wish(w: Any, a: Any) -> None:
    """The wish notes whether the item has come; ``failed`` of the task is that of its item."""
    wish = wish_at(w, a.wish)
    wish.under_way -= 1
    failed = not sight_at(w, a.sight).came
    if a.logged:
        decision = decision_at(w, a.price)
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
    decision = decision_of(a)
    refused = decision != NONE and decision_at(w, decision).refused != 0
    if not w.records:
        _add_up(w, a, latency_ns, refused)
        return
    client = client_at(w, client_of(a))
    sight = sight_at(w, a.sight)
    row = record_at(w.request_rows, w.request_count - 1, _REQUEST_ROW)
    row.sent_ns = a.sent_ns
    row.cohort = client.cohort
    row.client = client_of(a)
    row.address = place_of(w, cohort_at(w, client.cohort), a.bind).address
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
    row.rule = NONE if decision == NONE else decision_at(w, decision).rule
    row.refused = refused
    row.reused = a.reused != 0


@compiled
def _bytes_sent(w: Any, a: Any) -> int:
    return decision_at(w, a.price).bytes_sent if a.logged else 0


@compiled
def _add_up(w: Any, a: Any, latency_ns: int, refused: bool) -> None:
    client = client_at(w, client_of(a))
    client.refused += refused
    decision = decision_of(a)
    which = ((decision + 3) * w.cohort_count + client.cohort) * SIGHTS + sight_at(w, a.sight).kind
    if decision == NONE and a.status == 0:
        which -= 2 * w.cohort_count * SIGHTS
    elif decision == NONE and a.status == _TIMED_OUT:
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
    row.address = place_of(w, cohort_at(w, client.cohort), client.binds).address
    row.wish = wish.number
    row.session = wish.session
    row.attempts = wish.attempts
    row.served = served
    row.refusals = wish.refusals
    row.rule = wish.rule
    row.open = cut != 0
