"""`simkit.host.connections` for compiled code: what happens to a connection, function by function.

What `simkit.host.connections.Connections` does with a job is done here by the function of the same
name; it gives the cost and sets ``then`` of the worker.
"""

from __future__ import annotations

from typing import Any

from simkit.draws import Purpose
from simkit.engine.compiled.calendar import schedule
from simkit.engine.compiled.chances import integer, uniform
from simkit.engine.compiled.compiler import compiled
from simkit.engine.compiled.cooling import after
from simkit.engine.compiled.gate import root_of
from simkit.engine.compiled.lanes import file
from simkit.engine.compiled.layout import NODE, Lane, NodeKind, Queue, Then
from simkit.engine.compiled.memory import ints_at, record_at, small_ints_at
from simkit.engine.compiled.pools import (
    NONE,
    attempt_at,
    client_at,
    client_of,
    cohort_at,
    connection_at,
    decision_at,
    drop_attempt,
    drop_connection,
    serial_of,
    sight_at,
    worker_at,
)
from simkit.engine.compiled.rests import charge, close, rest, take_slot, watch
from simkit.engine.compiled.wire import (
    CONNECTED,
    REFUSED,
    RESET,
    forget_waiting,
    keep_waiting,
    reply,
    reply_to_waiting,
    turn_away,
    turn_away_waiting,
)
from simkit.host.connections import HELLO_NS, SYN_RETRIES_NS
from simkit.host.costs import Cause
from simkit.host.order import Kind, base
from simkit.host.wire import NEVER, Hold
from simkit.traffic.cohorts import Reach
from simkit.wire import SightKind

_HANG_UP = base(Kind.HANG_UP)
_CONNECT = base(Kind.CONNECT)
_REQUEST = base(Kind.REQUEST)
_LINE = base(Kind.LINE)
_WORKER = int(Purpose.WORKER)
_ACCEPT, _TLS, _READ = int(Cause.ACCEPT), int(Cause.TLS), int(Cause.READ)
_TRIES = len(SYN_RETRIES_NS)
_ANSWER = int(NodeKind.ANSWER)

_CONNECT_LANE, _REQUEST_LANE = int(Lane.CONNECT), int(Lane.REQUEST)
_HANG_UP_LANE = int(Lane.HANG_UP)
_HEADER = int(Queue.HEADER)
_BODY, _LINGER = int(Queue.BODY), int(Queue.LINGER)
_BODY_HELD, _REST_HELD = int(Hold.BODY), int(Hold.REST)
_CONNECT_ONLY, _REQUEST_TOO = int(Reach.CONNECT), int(Reach.REQUEST)
_NO_ANSWER_KIND = int(SightKind.NO_ANSWER)
_LANES = len(Lane)
_TURN_AWAY, _CLOSE = int(Then.TURN_AWAY), int(Then.CLOSE)
_REFUSE_HANDSHAKE, _SHAKEN = int(Then.REFUSE_HANDSHAKE), int(Then.SHAKEN)
_AWAIT_LINE, _HOLD_BODY = int(Then.AWAIT_LINE), int(Then.HOLD_BODY)
_RESET, _NOTHING = int(Then.RESET), int(Then.NOTHING)

# What follows a job of the worker


@compiled
def follow(w: Any, then: int, slot: int) -> None:
    """What follows, as far as it is about connections."""
    if then == _SHAKEN:
        _shaken(w, slot)
    elif then == _AWAIT_LINE:
        _await_line(w, slot)
    elif then == _HOLD_BODY:
        _hold_body(w, slot)
    elif then == _RESET:
        reset(w, slot)
    elif then == _REFUSE_HANDSHAKE:
        _refuse_handshake(w, slot)
    elif then == _TURN_AWAY:
        _turn_away(w, slot)
    elif then == _CLOSE:
        _close_unused(w, slot)


# The client's side of the wire


@compiled
def connect(w: Any, slot: int) -> None:
    """The client opens the connection of this attempt, in order to send it there."""
    a = attempt_at(w, slot)
    c = connection_at(w, a.connection)
    cohort = cohort_at(w, c.cohort)
    if w.firewall:
        verdict = small_ints_at(w.verdicts)[c.peer]
        if verdict != NONE:
            _block(w, slot, verdict, w.now_ns + 2 * cohort.half_rtt_ns)
            return
    if not cohort.listens:
        c.closed_ns = w.now_ns
        reply(w, slot, REFUSED, w.now_ns + 2 * cohort.half_rtt_ns)
        return
    if cohort.tls:
        if cohort.resumes:
            ticket_ns = client_at(w, client_of(c)).ticket_ns
            c.resumed = ticket_ns <= w.now_ns < ticket_ns + cohort.resumption_ns
        keep_waiting(w, a.connection, slot)
    _syn(w, slot, w.now_ns + 3 * cohort.half_rtt_ns)


@compiled
def _block(w: Any, slot: int, verdict: int, at_ns: int) -> None:
    """The firewall turns a SYN away: what it drops is not even answered."""
    connection = attempt_at(w, slot).connection
    c = connection_at(w, connection)
    w.blocked_connections += 1
    c.blocked = verdict
    if sight_at(w, decision_at(w, verdict).sight).kind == _NO_ANSWER_KIND:
        return
    c.closed_ns = w.now_ns
    if c.waiting == NONE:
        turn_away(w, slot, verdict, at_ns)
    else:
        turn_away_waiting(w, connection, verdict, at_ns)


@compiled
def _is_over_rate(w: Any, peer: int) -> bool:
    """`simkit.strategy.firewall.Rate.passes`, the other way round."""
    due_ns = ints_at(w.due_ns)
    due_ns[peer] = max(due_ns[peer], w.now_ns)
    if due_ns[peer] - w.now_ns > w.rate_ahead_ns:
        return True
    due_ns[peer] += w.rate_gap_ns
    return False


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
    half_rtt_ns = cohort_at(w, connection_at(w, connection).cohort).half_rtt_ns
    _hang_up_at(w, connection, w.now_ns + half_rtt_ns)


@compiled
def _hang_up_at(w: Any, connection: int, at_ns: int) -> None:
    c = connection_at(w, connection)
    c.holders += 1
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
    cohort = cohort_at(w, c.cohort)
    if w.rate_gap_ns and _is_over_rate(w, c.peer):
        _block(w, slot, w.rate_over, w.now_ns + cohort.half_rtt_ns)
        if c.closed_ns == NEVER:
            _lose_syn(w, slot)
        return False
    c.blocked = NONE
    unaccepted = ints_at(w.ports)
    port = cohort.port
    if unaccepted[port] > w.backlog:
        _lose_syn(w, slot)
        return False
    unaccepted[port] += 1
    client = client_at(w, client_of(c))
    u = uniform(client.key, _WORKER, serial_of(c), 0)
    c.worker = integer(w.worker_count, u)
    return True


@compiled
def stands_in_kernel(w: Any, slot: int) -> None:
    """Some clients want nothing but that; others begin TLS."""
    a = attempt_at(w, slot)
    c = connection_at(w, a.connection)
    cohort = cohort_at(w, c.cohort)
    if cohort.reach == _CONNECT_ONLY:
        c.hung_up = a.over = 1
        reply(w, slot, CONNECTED, w.now_ns)
    elif cohort.tls:
        _request(w, slot, w.now_ns + HELLO_NS)


@compiled
def _lose_syn(w: Any, slot: int) -> None:
    w.syn_retransmits += 1
    tries = connection_at(w, attempt_at(w, slot).connection).syns
    if tries <= _TRIES:
        _syn(w, slot, w.now_ns + SYN_RETRIES_NS[tries - 1])


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
def _turn_away(w: Any, slot: int) -> None:
    """No slot is left: the connection is accepted and reset at once."""
    a = attempt_at(w, slot)
    c = connection_at(w, a.connection)
    c.closed_ns = w.now_ns
    a.over = 1
    reply(w, slot, RESET, w.now_ns + cohort_at(w, c.cohort).half_rtt_ns)
    reply_to_waiting(w, a.connection, RESET, NONE)


@compiled
def _close_unused(w: Any, slot: int) -> None:
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
    price = w.handshake
    if c.resumed:
        w.resumptions += 1
        price = w.resumed
    cost_ns = after(w, price, pause_ns)
    charge(w, _TLS, cost_ns)
    worker.then = _SHAKEN
    return cost_ns


@compiled
def _refuses_tls(w: Any, a: Any) -> int:
    """The decision to refuse the handshake, or none."""
    root = record_at(w.nodes, root_of(w, a.bound), NODE)
    if root.kind == _ANSWER and decision_at(w, root.decision).tls:
        return root.decision
    return NONE


@compiled
def _refuse_handshake(w: Any, slot: int) -> None:
    """The alert goes out."""
    a = attempt_at(w, slot)
    decision = _refuses_tls(w, a)
    reply_to_waiting(w, a.connection, decision_at(w, decision).sight, decision)
    close(w, a.connection)


@compiled
def _shaken(w: Any, slot: int) -> None:
    """The server's flight leaves; the client's last one brings the requests that waited."""
    connection = attempt_at(w, slot).connection
    c = connection_at(w, connection)
    if c.hung_up:
        _close_unused(w, slot)
        return
    cohort = cohort_at(w, c.cohort)
    c.ready_ns = w.now_ns + cohort.half_rtt_ns
    if cohort.resumes:
        client_at(w, client_of(c)).ticket_ns = c.ready_ns
    waiting = c.waiting
    c.waiting = c.last_waiting = NONE
    while waiting != NONE:
        onward = attempt_at(w, waiting).next_waiting
        _go_on(w, waiting)
        drop_attempt(w, waiting)
        waiting = onward
    rest(w, connection, cohort.header_timeout_ns, _HEADER)


@compiled
def _go_on(w: Any, slot: int) -> None:
    """The connection stands for the client: it sends its request, or has what it wanted."""
    a = attempt_at(w, slot)
    c = connection_at(w, a.connection)
    cohort = cohort_at(w, c.cohort)
    if cohort.reach == _REQUEST_TOO:
        _request(w, slot, c.ready_ns + cohort.half_rtt_ns)
        return
    a.over = 1
    reply(w, slot, CONNECTED, c.ready_ns)
    _hang_up_at(w, a.connection, c.ready_ns + cohort.half_rtt_ns)


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


# What never ends: a header, a body, and after its answer the rest of the body


@compiled
def hold(w: Any, slot: int) -> int:
    """The first part of such a header: what reading it costs."""
    a = attempt_at(w, slot)
    c = connection_at(w, a.connection)
    _keep_held(w, slot)
    charge(w, _READ, w.read_ns)
    watch(w, a.connection, cohort_at(w, c.cohort).header_timeout_ns, _HEADER)
    worker_at(w, c.worker).then = _AWAIT_LINE
    return w.read_ns


@compiled
def _hold_body(w: Any, slot: int) -> None:
    """nginx waits for the body of a request before it passes it on."""
    a = attempt_at(w, slot)
    c = connection_at(w, a.connection)
    _keep_held(w, slot)
    watch(w, a.connection, cohort_at(w, c.cohort).body_timeout_ns, _BODY)
    _await_line(w, slot)


@compiled
def linger(w: Any, slot: int) -> None:
    """nginx has answered, but the body goes on: it reads that for a while."""
    a = attempt_at(w, slot)
    c = connection_at(w, a.connection)
    cohort = cohort_at(w, c.cohort)
    a.hold = _REST_HELD
    _keep_held(w, slot)
    c.linger_ns = w.now_ns + cohort.linger_time_ns
    watch(w, a.connection, cohort.linger_timeout_ns, _LINGER)
    _await_line(w, slot)


@compiled
def _keep_held(w: Any, slot: int) -> None:
    a = attempt_at(w, slot)
    connection_at(w, a.connection).held = slot
    a.holders += 1


@compiled
def _await_line(w: Any, slot: int) -> None:
    """The next line or piece of it will come."""
    a = attempt_at(w, slot)
    c = connection_at(w, a.connection)
    a.holders += 1
    at_ns = w.now_ns + cohort_at(w, c.cohort).line_every_ns
    schedule(w, at_ns, _LINE | c.place, slot)


@compiled
def line_is_read(w: Any, slot: int) -> bool:
    """Whether a line that comes finds anybody to read it."""
    c = connection_at(w, attempt_at(w, slot).connection)
    return bool(c.closed_ns == NEVER and c.held == slot)


@compiled
def read_line(w: Any, slot: int) -> int:
    """What reading a further line costs."""
    a = attempt_at(w, slot)
    c = connection_at(w, a.connection)
    cohort = cohort_at(w, c.cohort)
    charge(w, _READ, w.read_ns)
    if c.held == slot and a.hold == _BODY_HELD:
        watch(w, a.connection, cohort.body_timeout_ns, _BODY)
    elif c.held == slot and a.hold == _REST_HELD:
        left_ns = max(c.linger_ns - w.now_ns, 0)
        watch(w, a.connection, min(cohort.linger_timeout_ns, left_ns), _LINGER)
    worker_at(w, c.worker).then = _AWAIT_LINE
    return w.read_ns
