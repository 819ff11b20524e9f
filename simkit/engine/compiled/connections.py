"""`simkit.host.connections` for compiled code: what happens to a connection, function by function.

What `simkit.host.connections.Connections` does with a job is done here by the function of the same
name; it gives the cost and sets ``then`` of the worker.
"""

from __future__ import annotations

from typing import Any

from simkit.draws import Purpose
from simkit.engine.compiled.agenda import file, schedule
from simkit.engine.compiled.chances import integer, uniform
from simkit.engine.compiled.compiler import compiled
from simkit.engine.compiled.cooling import after
from simkit.engine.compiled.layout import BOUND, NODE, Lane, NodeKind, Then
from simkit.engine.compiled.memory import ints_at, record_at
from simkit.engine.compiled.pools import (
    NONE,
    attempt_at,
    client_at,
    cohort_at,
    connection_at,
    decision_at,
    drop_attempt,
    drop_connection,
    worker_at,
)
from simkit.engine.compiled.wire import forget_waiting, keep_waiting, reply, reply_to_waiting
from simkit.host.connections import _HELLO_NS, _SYN_RETRIES_NS
from simkit.host.costs import Cause
from simkit.host.order import Kind, base
from simkit.host.wire import NEVER

EMPTY, RESET, REFUSED, NO_ANSWER = 0, 1, 2, 3
"""The numbers of the sights that no decision gives."""

KEEPALIVE = int(Lane.KEEPALIVE_TIMER)
"""The lane of time-outs of connections at rest."""

_TIMER = base(Kind.TIMER)
_HANG_UP = base(Kind.HANG_UP)
_CONNECT = base(Kind.CONNECT)
_REQUEST = base(Kind.REQUEST)
_LINE = base(Kind.LINE)
_WORKER = int(Purpose.WORKER)
_ACCEPT, _TLS, _READ = int(Cause.ACCEPT), int(Cause.TLS), int(Cause.READ)
_TIMED_OUT = 408
_TRIES = len(_SYN_RETRIES_NS)
_ANSWER = int(NodeKind.ANSWER)

_CONNECT_LANE, _REQUEST_LANE = int(Lane.CONNECT), int(Lane.REQUEST)
_HANG_UP_LANE = int(Lane.HANG_UP)
_HEADER = int(Lane.HEADER_TIMER)
_LANES = len(Lane)
_TURN_AWAY, _CLOSE = int(Then.TURN_AWAY), int(Then.CLOSE)
_REFUSE_HANDSHAKE, _SHAKEN = int(Then.REFUSE_HANDSHAKE), int(Then.SHAKEN)
_AWAIT_LINE = int(Then.AWAIT_LINE)
_NOTHING = int(Then.NOTHING)

# The client's side of the wire


@compiled
def connect(w: Any, slot: int) -> None:
    """The client opens the connection of this attempt, in order to send it there."""
    a = attempt_at(w, slot)
    c = connection_at(w, a.connection)
    cohort = cohort_at(w, c.cohort)
    if not cohort.listens:
        c.closed_ns = w.now_ns
        reply(w, slot, REFUSED, w.now_ns + 2 * cohort.half_rtt_ns)
        return
    if cohort.tls:
        keep_waiting(w, a.connection, slot)
    _syn(w, slot, w.now_ns + 3 * cohort.half_rtt_ns)


@compiled
def send(w: Any, slot: int) -> None:
    """The client sends on a connection that it has: at once, or when the connection stands."""
    a = attempt_at(w, slot)
    c = connection_at(w, a.connection)
    if c.ready_ns == NEVER and c.closed_ns != NEVER:
        reset(w, slot)
    elif c.ready_ns == NEVER:
        keep_waiting(w, a.connection, slot)
    else:
        ready_ns = max(w.now_ns, c.ready_ns)
        _request(w, slot, ready_ns + cohort_at(w, c.cohort).half_rtt_ns)


@compiled
def hang_up(w: Any, connection: int) -> None:
    """The client closes the connection, in order."""
    c = connection_at(w, connection)
    c.holders += 1
    at_ns = w.now_ns + cohort_at(w, c.cohort).half_rtt_ns
    file(w, _LANES * c.cohort + _HANG_UP_LANE, at_ns, _HANG_UP | c.place, connection)


@compiled
def hangs_up(w: Any, connection: int) -> None:
    """The server notices that."""
    c = connection_at(w, connection)
    c.hung_up = 1
    if c.opened_ns != NEVER and c.closed_ns == NEVER:
        _nudge(w, c.worker)
        if not c.busy:
            close(w, connection)
    drop_connection(w, connection)


# Waking the worker


@compiled
def wake(w: Any, number: int) -> int:
    """A worker that sleeps wakes up: what that costs."""
    worker = worker_at(w, number)
    price_ns = after(w, w.wake_up, w.now_ns - worker.asleep_since_ns)
    worker.wake_ups += 1
    worker.waking_ns += price_ns
    return price_ns


@compiled
def _nudge(w: Any, number: int) -> None:
    """Something happens that costs nothing by itself, but wakes the worker if it sleeps."""
    worker = worker_at(w, number)
    if worker.finish_ns == NEVER:
        worker.then = _NOTHING
        worker.subject = NONE
        worker.finish_ns = w.now_ns + wake(w, number)


# SYN, backlog, accept


@compiled
def _syn(w: Any, slot: int, at_ns: int) -> None:
    a = attempt_at(w, slot)
    c = connection_at(w, a.connection)
    c.syns += 1
    a.holders += 1
    file(w, _LANES * c.cohort + _CONNECT_LANE, at_ns, _CONNECT | c.place, slot)


@compiled
def reaches_port(w: Any, slot: int) -> bool:
    """The end of TCP's handshake: whether a worker is to accept the connection."""
    a = attempt_at(w, slot)
    c = connection_at(w, a.connection)
    if c.hung_up:
        return False
    unaccepted = ints_at(w.ports)
    port = cohort_at(w, c.cohort).port
    if unaccepted[port] > w.backlog:
        _lose_syn(w, slot)
        return False
    unaccepted[port] += 1
    client = client_at(w, c.client)
    u = uniform(client.key, _WORKER, c.place & 0xFFFFFFFF, 0)
    c.worker = integer(w.worker_count, u)
    if cohort_at(w, c.cohort).tls:
        _request(w, slot, w.now_ns + _HELLO_NS)
    return True


@compiled
def _lose_syn(w: Any, slot: int) -> None:
    w.syn_retransmits += 1
    tries = connection_at(w, attempt_at(w, slot).connection).syns
    if tries <= _TRIES:
        _syn(w, slot, w.now_ns + _SYN_RETRIES_NS[tries - 1])


@compiled
def accept_slot(w: Any, slot: int) -> bool:
    """A worker accepts: whether the connection stands; if not, ``then`` says what follows."""
    connection = attempt_at(w, slot).connection
    c = connection_at(w, connection)
    worker = worker_at(w, c.worker)
    ints_at(w.ports)[cohort_at(w, c.cohort).port] -= 1
    charge(w, _ACCEPT, w.accept_ns)
    w.accepts += 1
    if not take_slot(w, c.worker):
        w.refused_connections += 1
        worker.then = _TURN_AWAY
        return False
    c.opened_ns = w.now_ns
    c.holders += 1
    w.connections_open += 1
    w.peak_connections = max(w.peak_connections, w.connections_open)
    w.connection_ns -= w.now_ns
    if c.hung_up:
        worker.then = _CLOSE
        return False
    return True


@compiled
def turn_away(w: Any, slot: int) -> None:
    """No slot is left: the connection is accepted and reset at once."""
    a = attempt_at(w, slot)
    c = connection_at(w, a.connection)
    c.closed_ns = w.now_ns
    a.over = 1
    reply(w, slot, RESET, w.now_ns + cohort_at(w, c.cohort).half_rtt_ns)
    reply_to_waiting(w, a.connection, RESET, NONE)


@compiled
def close_unused(w: Any, slot: int) -> None:
    """The client has hung up before its connection stood: nothing that waits goes out."""
    connection = attempt_at(w, slot).connection
    forget_waiting(w, connection)
    close(w, connection)


# TLS


@compiled
def is_hello(w: Any, slot: int) -> bool:
    """Whether what arrives begins a handshake: nothing else comes before the connection stands."""
    c = connection_at(w, attempt_at(w, slot).connection)
    return cohort_at(w, c.cohort).tls and c.ready_ns == NEVER


@compiled
def says_hello(w: Any, slot: int) -> bool:
    """The hello arrives: whether a worker is to answer it by itself."""
    c = connection_at(w, attempt_at(w, slot).connection)
    if c.opened_ns == NEVER:
        c.greeted = 1
        return False
    return c.closed_ns == NEVER


@compiled
def handshake(w: Any, slot: int) -> int:
    """A hello on a TLS connection: the cost of its handshake, or of refusing it."""
    a = attempt_at(w, slot)
    c = connection_at(w, a.connection)
    worker = worker_at(w, c.worker)
    if c.closed_ns != NEVER:
        worker.then = _NOTHING
        return 0
    pause_ns = w.now_ns - worker.shook_hands_ns
    worker.shook_hands_ns = w.now_ns
    if _refuses_tls(w, a) != NONE:
        cost_ns = after(w, w.refused_handshake, pause_ns)
        charge(w, _TLS, cost_ns)
        worker.then = _REFUSE_HANDSHAKE
        return cost_ns
    w.handshakes += 1
    cost_ns = after(w, w.handshake, pause_ns)
    charge(w, _TLS, cost_ns)
    worker.then = _SHAKEN
    return cost_ns


@compiled
def _refuses_tls(w: Any, a: Any) -> int:
    """The decision to refuse the handshake, or none."""
    root = record_at(w.nodes, _root(w, a), NODE)
    if root.kind == _ANSWER and decision_at(w, root.decision).tls:
        return root.decision
    return NONE


@compiled
def _root(w: Any, a: Any) -> int:
    return int(record_at(w.bounds, a.bound, BOUND).root)


@compiled
def refuse_handshake(w: Any, slot: int) -> None:
    """The alert goes out."""
    a = attempt_at(w, slot)
    decision = _refuses_tls(w, a)
    reply_to_waiting(w, a.connection, decision_at(w, decision).sight, decision)
    close(w, a.connection)


@compiled
def shaken(w: Any, slot: int) -> None:
    """The server's flight leaves; the client's last one brings the requests that waited."""
    connection = attempt_at(w, slot).connection
    c = connection_at(w, connection)
    if c.hung_up:
        close_unused(w, slot)
        return
    cohort = cohort_at(w, c.cohort)
    c.ready_ns = w.now_ns + cohort.half_rtt_ns
    waiting = c.waiting
    c.waiting = c.last_waiting = NONE
    while waiting != NONE:
        onward = attempt_at(w, waiting).next_waiting
        _request(w, waiting, w.now_ns + 2 * cohort.half_rtt_ns)
        drop_attempt(w, waiting)
        waiting = onward
    rest(w, connection, cohort.header_timeout_ns, _HEADER)


# Requests on a connection that stands


@compiled
def _request(w: Any, slot: int, at_ns: int) -> None:
    a = attempt_at(w, slot)
    a.holders += 1
    lane = _LANES * connection_at(w, a.connection).cohort + _REQUEST_LANE
    file(w, lane, at_ns, _REQUEST | a.place, slot)


@compiled
def reaches_server(w: Any, slot: int) -> bool:
    """A request arrives on a standing connection: whether a worker is to serve it."""
    a = attempt_at(w, slot)
    c = connection_at(w, a.connection)
    if c.closed_ns != NEVER:
        reset(w, slot)
        return False
    if a.over:
        return False
    a.reached = 1
    c.busy += 1
    return True


@compiled
def reset(w: Any, slot: int) -> None:
    """The request meets a connection that the server has closed."""
    a = attempt_at(w, slot)
    a.over = 1
    cohort = cohort_at(w, connection_at(w, a.connection).cohort)
    reply(w, slot, RESET, w.now_ns + cohort.half_rtt_ns)


# A header that never ends


@compiled
def hold(w: Any, slot: int) -> int:
    """The first part of such a header: what reading it costs."""
    a = attempt_at(w, slot)
    c = connection_at(w, a.connection)
    c.held = slot
    a.holders += 1
    charge(w, _READ, w.read_ns)
    watch(w, a.connection, cohort_at(w, c.cohort).header_timeout_ns, _HEADER)
    worker_at(w, c.worker).then = _AWAIT_LINE
    return w.read_ns


@compiled
def await_line(w: Any, slot: int) -> None:
    """The next line of it will come."""
    a = attempt_at(w, slot)
    c = connection_at(w, a.connection)
    a.holders += 1
    at_ns = w.now_ns + cohort_at(w, c.cohort).line_every_ns
    schedule(w, at_ns, _LINE | c.place, slot)


@compiled
def read_line(w: Any, slot: int) -> int:
    """What reading a further line costs."""
    charge(w, _READ, w.read_ns)
    worker_at(w, connection_at(w, attempt_at(w, slot).connection).worker).then = _AWAIT_LINE
    return w.read_ns


# Rest, time-outs, the end


@compiled
def rest(w: Any, connection: int, timeout_ns: int, lane: int) -> None:
    """The connection waits for a request: until it times out, or its slot is needed."""
    c = connection_at(w, connection)
    if not c.resting:
        worker = worker_at(w, c.worker)
        c.resting = 1
        c.older, c.newer = worker.newest, NONE
        if worker.newest == NONE:
            worker.oldest = connection
        else:
            connection_at(w, worker.newest).newer = connection
        worker.newest = connection
        worker.idle += 1
    watch(w, connection, timeout_ns, lane)


@compiled
def rouse(w: Any, connection: int) -> None:
    """The connection rests no more."""
    c = connection_at(w, connection)
    if not c.resting:
        return
    worker = worker_at(w, c.worker)
    c.resting = 0
    if c.older == NONE:
        worker.oldest = c.newer
    else:
        connection_at(w, c.older).newer = c.newer
    if c.newer == NONE:
        worker.newest = c.older
    else:
        connection_at(w, c.newer).older = c.older
    worker.idle -= 1


@compiled
def watch(w: Any, connection: int, timeout_ns: int, lane: int) -> None:
    """The connection is to end then, unless something comes in between."""
    c = connection_at(w, connection)
    c.deadline_ns = w.now_ns + timeout_ns
    if c.deadline_ns < c.timer_ns:
        c.timer_ns = c.deadline_ns
        lane += _LANES * c.cohort
        file(w, lane, c.deadline_ns, _TIMER | c.place, connection)


@compiled
def time_is_up(w: Any, connection: int, place: int) -> None:
    """A timer goes off; it may be that of a connection that is no more."""
    c = connection_at(w, connection)
    if c.place != place or c.timer_ns != w.now_ns or c.closed_ns != NEVER:
        return
    c.timer_ns = NEVER
    if c.busy:
        return
    if c.deadline_ns > w.now_ns:
        c.timer_ns = c.deadline_ns
        schedule(w, c.deadline_ns, _TIMER | c.place, connection)
        return
    if c.held != NONE:
        _give_up_header(w, connection)
    close(w, connection)


@compiled
def _give_up_header(w: Any, connection: int) -> None:
    c = connection_at(w, connection)
    cohort = cohort_at(w, c.cohort)
    a = attempt_at(w, c.held)
    w.header_timeouts += 1
    a.status = _TIMED_OUT
    a.over = 1
    reply(w, c.held, RESET if cohort.resets else EMPTY, w.now_ns + cohort.half_rtt_ns)


@compiled
def close(w: Any, connection: int) -> None:
    """The server closes the connection."""
    c = connection_at(w, connection)
    if c.closed_ns != NEVER:
        return
    c.closed_ns = w.now_ns
    rouse(w, connection)
    free_slot(w, c.worker)
    w.connections_open -= 1
    w.connection_ns += w.now_ns
    if c.held != NONE:
        held = c.held
        c.held = NONE
        drop_attempt(w, held)
    drop_connection(w, connection)


# Slots of workers


@compiled
def take_slot(w: Any, number: int) -> bool:
    """Take a connection slot of a worker, or not if there is none and none can be freed."""
    worker = worker_at(w, number)
    if worker.free <= worker.reuse_at and worker.idle:
        for _ in range(max(1, min(32, worker.idle // 8))):
            w.reused_slots += 1
            close(w, worker.oldest)
    if not worker.free:
        return False
    worker.free -= 1
    w.slots += 1
    w.peak_slots = max(w.peak_slots, w.slots)
    return True


@compiled
def free_slot(w: Any, number: int) -> None:
    """Give a connection slot back."""
    worker_at(w, number).free += 1
    w.slots -= 1


@compiled
def charge(w: Any, cause: int, cost_ns: int) -> None:
    """Note what CPU time is spent on."""
    ints_at(w.cpu_ns)[cause] += cost_ns
