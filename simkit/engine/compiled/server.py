"""`simkit.host.server` and `simkit.host.worker` for compiled code, function by function."""

from __future__ import annotations

from typing import Any

from simkit.draws import Purpose
from simkit.engine.compiled import connections as wires
from simkit.engine.compiled import gate, rests
from simkit.engine.compiled.calendar import schedule
from simkit.engine.compiled.chances import exponential, lognormal, mix, uniform
from simkit.engine.compiled.compiler import compiled
from simkit.engine.compiled.layout import Job, Then
from simkit.engine.compiled.memory import ints_at
from simkit.engine.compiled.pools import (
    NONE,
    attempt_at,
    client_at,
    client_of,
    cohort_at,
    connection_at,
    decision_at,
    drop_attempt,
    worker_at,
)
from simkit.engine.compiled.wire import log, reply
from simkit.host.clock import BASE_MS
from simkit.host.costs import Cause
from simkit.host.order import Kind, base
from simkit.host.wire import NEVER, Hold
from simkit.traffic.part import NS_PER_MS

_UPSTREAM, _DELAY = base(Kind.UPSTREAM), base(Kind.DELAY)
_CLIENT_CLOSED = 499
_READ, _PROXY = int(Cause.READ), int(Cause.PROXY)
_SERVICE = int(Purpose.SERVICE)
_ACCEPT, _SERVE, _READ_LINE = int(Job.ACCEPT), int(Job.SERVE), int(Job.READ_LINE)
_RESUME, _HELLO = int(Job.RESUME), int(Job.HELLO)
_RESET = int(Then.RESET)
_PUT_OFF, _PASS_ON, _ANSWER = int(Then.PUT_OFF), int(Then.PASS_ON), int(Then.ANSWER)
_HOLD_BODY, _NOTHING = int(Then.HOLD_BODY), int(Then.NOTHING)
_HEADER_HELD, _BODY_HELD = int(Hold.HEADER), int(Hold.BODY)
_FAILURE = int(Purpose.FAILURE)
SERVICES = ("constant", "exponential", "lognormal")
"""The distributions of the upstream's service, in the order of their numbers."""

_CONSTANT, _EXPONENTIAL = SERVICES.index("constant"), SERVICES.index("exponential")

# nginx's clock


@compiled
def _clock_ms(w: Any) -> int:
    return (w.now_ns + w.clock_offset_ns) // NS_PER_MS + BASE_MS


@compiled
def _clock_ns(w: Any, ms: int) -> int:
    return (ms - BASE_MS) * NS_PER_MS - w.clock_offset_ns


# Jobs: they give what they cost and set what follows


@compiled
def _accept(w: Any, slot: int) -> int:
    if not wires.accept_slot(w, slot):
        return w.accept_ns
    a = attempt_at(w, slot)
    c = connection_at(w, a.connection)
    if cohort_at(w, c.cohort).tls:
        if c.greeted:
            return w.accept_ns + wires.handshake(w, slot)
        worker_at(w, c.worker).then = _NOTHING
        return w.accept_ns
    c.ready_ns = w.now_ns
    a.reached = a.fresh = 1
    if a.hold == _HEADER_HELD:
        return w.accept_ns + wires.hold(w, slot)
    c.busy += 1
    return w.accept_ns + _decide(w, slot)


@compiled
def _serve(w: Any, slot: int) -> int:
    a = attempt_at(w, slot)
    c = connection_at(w, a.connection)
    if c.closed_ns != NEVER:
        worker_at(w, c.worker).then = _RESET
        return 0
    rests.rouse(w, a.connection)
    if a.hold == _HEADER_HELD:
        c.busy -= 1
        return wires.hold(w, slot)
    return _decide(w, slot)


@compiled
def _decide(w: Any, slot: int) -> int:
    return _follow(w, slot, gate.admit(w, attempt_at(w, slot), _clock_ms(w)))


@compiled
def _resume(w: Any, slot: int) -> int:
    return _follow(w, slot, gate.resume(w, attempt_at(w, slot), _clock_ms(w)))


@compiled
def _follow(w: Any, slot: int, wait_ms: int) -> int:
    a = attempt_at(w, slot)
    c = connection_at(w, a.connection)
    worker = worker_at(w, c.worker)
    if wait_ms:
        rests.charge(w, _READ, w.delay_ns)
        a.delay_ns += wait_ms * NS_PER_MS
        a.resume_ns = _clock_ns(w, _clock_ms(w) + wait_ms)
        worker.then = _PUT_OFF
        return w.delay_ns
    price = decision_at(w, a.price)
    cost_ns = price.fresh_ns if a.fresh else price.kept_ns
    if cohort_at(w, c.cohort).tls and not price.proxied:
        cost_ns += price.tls_ns
    rests.charge(w, price.cause, cost_ns)
    worker.then = _ANSWER
    if price.proxied:
        worker.then = _HOLD_BODY if a.hold == _BODY_HELD else _PASS_ON
    return cost_ns


@compiled
def _fetch(w: Any, slot: int) -> int:
    a = attempt_at(w, slot)
    c = connection_at(w, a.connection)
    price = decision_at(w, a.price)
    cost_ns = price.back_ns + (price.tls_ns if cohort_at(w, c.cohort).tls else 0)
    rests.charge(w, _PROXY, cost_ns)
    worker_at(w, c.worker).then = _ANSWER
    return cost_ns


# The worker


@compiled
def add(w: Any, job: int, slot: int) -> None:
    """A job for the worker of the attempt's connection: it begins at once if the worker sleeps."""
    a = attempt_at(w, slot)
    a.job = job
    a.holders += 1
    number = connection_at(w, a.connection).worker
    worker = worker_at(w, number)
    if worker.finish_ns == NEVER:
        _begin(w, number, slot, wires.wake(w, number))
        return
    a.next_job = NONE
    if worker.first == NONE:
        worker.first = slot
    else:
        attempt_at(w, worker.last).next_job = slot
    worker.last = slot


@compiled
def _begin(w: Any, number: int, slot: int, extra_ns: int) -> None:
    job = attempt_at(w, slot).job
    if job == _ACCEPT:
        cost_ns = _accept(w, slot)
    elif job == _SERVE:
        cost_ns = _serve(w, slot)
    elif job == _READ_LINE:
        cost_ns = wires.read_line(w, slot)
    elif job == _RESUME:
        cost_ns = _resume(w, slot)
    elif job == _HELLO:
        cost_ns = wires.handshake(w, slot)
    else:
        cost_ns = _fetch(w, slot)
    worker = worker_at(w, number)
    worker.subject = slot
    worker.finish_ns = w.now_ns + cost_ns + extra_ns


@compiled
def finish(w: Any, number: int) -> None:
    """The worker has done its work."""
    worker = worker_at(w, number)
    slot = worker.subject
    if slot != NONE:
        _happen(w, worker.then, slot)
        drop_attempt(w, slot)
    following = worker.first
    if following == NONE:
        worker.finish_ns = NEVER
        worker.asleep_since_ns = w.now_ns
        return
    worker.first = attempt_at(w, following).next_job
    _begin(w, number, following, 0)


@compiled
def _happen(w: Any, then: int, slot: int) -> None:
    if then == _ANSWER:
        _answer(w, slot)
    elif then == _PASS_ON:
        _pass_on(w, slot)
    elif then == _PUT_OFF:
        _put_off(w, slot)
    else:
        wires.follow(w, then, slot)


# Delays and the upstream


@compiled
def _put_off(w: Any, slot: int) -> None:
    a = attempt_at(w, slot)
    a.parked = 1
    a.holders += 1
    schedule(w, max(w.now_ns, a.resume_ns), _DELAY | a.place, slot)


@compiled
def _pass_on(w: Any, slot: int) -> None:
    a = attempt_at(w, slot)
    c = connection_at(w, a.connection)
    price = decision_at(w, a.price)
    http2 = cohort_at(w, c.cohort).http2
    if not rests.take_slot(w, c.worker):
        a.price = price.fail_500_http2 if http2 else price.fail_500
        _answer(w, slot)
        return
    a.upstream = a.parked = 1
    done_ns = _enter_upstream(w, a)
    if done_ns == NEVER:
        done_ns = w.now_ns
        w.bad_gateways += 1
        a.price = price.fail_502_http2 if http2 else price.fail_502
    elif done_ns > w.now_ns + w.upstream_timeout_ns:
        done_ns = w.now_ns + w.upstream_timeout_ns
        w.gateway_timeouts += 1
        a.price = price.fail_504_http2 if http2 else price.fail_504
    a.holders += 1
    schedule(w, done_ns, _UPSTREAM | a.place, slot)


@compiled
def _enter_upstream(w: Any, a: Any) -> int:
    """When the request will have been served; `NEVER` if it is turned away."""
    free_ns = ints_at(w.upstream_ns)
    begin_ns = max(w.now_ns, free_ns[0])
    if _is_turned_away(w, a, begin_ns):
        return NEVER
    service_ns = _service_ns(w, a)
    w.upstream_requests += 1
    w.upstream_busy_ns += service_ns
    w.upstream_wait_ns += begin_ns - w.now_ns
    _replace_first(free_ns, w.upstream_count, begin_ns + service_ns)
    return begin_ns + service_ns


@compiled
def _is_turned_away(w: Any, a: Any, begin_ns: int) -> bool:
    if w.upstream_fails > 0.0 and _uniform(w, a, _FAILURE) < w.upstream_fails:
        return True
    if w.queue_room < 0:
        return False
    begins_ns = ints_at(w.begins_ns)
    ring = w.queue_room + 1
    while w.queue_head < w.queue_tail and begins_ns[w.queue_head % ring] <= w.now_ns:
        w.queue_head += 1
    if begin_ns > w.now_ns:
        if w.queue_tail - w.queue_head >= w.queue_room:
            return True
        begins_ns[w.queue_tail % ring] = begin_ns
        w.queue_tail += 1
    return False


@compiled
def _uniform(w: Any, a: Any, purpose: int) -> float:
    return uniform(_key(w, a), purpose, a.wish_number, a.item << 16 | a.number)


@compiled
def _key(w: Any, a: Any) -> Any:
    """The stream of draws of the client that asked, if by an edge."""
    asker = client_of(attempt_at(w, a.task)) if a.own else client_of(a)
    return client_at(w, asker).key


@compiled
def _replace_first(heap: Any, count: int, value: int) -> None:
    """A heap's least number gives way to another."""
    hole = 0
    while 2 * hole + 1 < count:
        child = 2 * hole + 1
        if child + 1 < count and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= value:
            break
        heap[hole] = heap[child]
        hole = child
    heap[hole] = value


@compiled
def _service_ns(w: Any, a: Any) -> int:
    if w.service == _CONSTANT:
        return int(w.mean_ns)
    u = _uniform(w, a, _SERVICE)
    if w.service == _EXPONENTIAL:
        return int(exponential(w.mean_ns, u))
    v = uniform(mix(_key(w, a), 1), _SERVICE, a.wish_number, a.item << 16 | a.number)
    return int(lognormal(w.median_ns, w.sigma, u, v))


# The end of a request


@compiled
def _answer(w: Any, slot: int) -> None:
    a = attempt_at(w, slot)
    connection = a.connection
    c = connection_at(w, connection)
    cohort = cohort_at(w, c.cohort)
    price = decision_at(w, a.price)
    log(w, slot, a.price)
    rests.let_go(w, a)
    c.served += 1
    unfinished = a.hold == _BODY_HELD
    if not price.kept or unfinished or _is_used_up(w, c, cohort, price):
        c.last = 1
    if cohort.heeds or price.silent:
        sight = price.closing if c.last else price.sight
        reply(w, slot, sight, _delivered_ns(w, c, cohort, price.bytes_sent))
    if c.busy:
        return
    if unfinished and not price.silent and not c.hung_up:
        wires.linger(w, slot)
    elif c.last or c.hung_up:
        rests.close(w, connection)
    else:
        rests.rest(w, connection, cohort.keepalive_timeout_ns, rests.KEEPALIVE)


@compiled
def _delivered_ns(w: Any, c: Any, cohort: Any, size: int) -> int:
    """When the last of so many bytes has come to the client."""
    at_ns = w.now_ns
    if w.uplink_ns_per_byte > 0.0:
        at_ns = max(w.uplink_ns, at_ns) + int(size * w.uplink_ns_per_byte)
        w.uplink_ns = at_ns
    at_ns += cohort.half_rtt_ns
    if cohort.ns_per_byte > 0.0:
        client = client_at(w, client_of(c))
        at_ns = max(client.line_ns, at_ns) + int(size * cohort.ns_per_byte)
        client.line_ns = at_ns
    return at_ns


@compiled
def _is_used_up(w: Any, c: Any, cohort: Any, price: Any) -> bool:
    most_requests, most_age_ns = price.most_requests, price.most_age_ns
    if cohort.http2:
        most_requests, most_age_ns = cohort.most_requests, cohort.most_age_ns
    return c.served >= most_requests or w.now_ns - c.opened_ns >= most_age_ns


@compiled
def abandon(w: Any, slot: int) -> None:
    """The client's patience has ended: it closes the connection, in HTTP/2 the stream."""
    a = attempt_at(w, slot)
    connection = a.connection
    c = connection_at(w, connection)
    if a.reached and not a.over:
        w.client_timeouts += 1
        a.status = _CLIENT_CLOSED
        if a.parked:
            a.over = 1
            rests.let_go(w, a)
    elif not a.reached:
        a.over = 1
        if c.blocked != NONE:
            a.price, a.logged = c.blocked, 1
    if not cohort_at(w, c.cohort).http2 or c.ready_ns == NEVER:
        c.hung_up = 1
    if c.hung_up and not c.busy and c.opened_ns != NEVER:
        rests.close(w, connection)
