"""Connections at rest, their time-outs, their end, and the slots of workers that they take.

It goes on with `simkit.engine.compiled.connections`: the functions that do not look back to it.
"""

from __future__ import annotations

from typing import Any

from simkit.engine.compiled.compiler import compiled
from simkit.engine.compiled.gate import release
from simkit.engine.compiled.layout import CONNECTION, Queue
from simkit.engine.compiled.memory import ints_at
from simkit.engine.compiled.pools import (
    NONE,
    attempt_at,
    cohort_at,
    connection_at,
    decision_at,
    drop_attempt,
    drop_connection,
    worker_at,
)
from simkit.engine.compiled.queues import (
    is_due,
    link,
    queue_at,
    queue_number,
    set_alarm,
    unlink,
)
from simkit.engine.compiled.wire import EMPTY, RESET, reply
from simkit.host.order import Kind, base
from simkit.host.wire import NEVER, Hold

__all__ = [
    "KEEPALIVE",
    "charge",
    "close",
    "free_slot",
    "leave_queue",
    "let_go",
    "rest",
    "rouse",
    "take_slot",
    "time_is_up",
    "watch",
]

KEEPALIVE = int(Queue.KEEPALIVE)
"""The queue of connections at rest."""

_TIMER = base(Kind.TIMER)
_TIMED_OUT = 408
_CLOSED = int(Queue.CLOSED)
_HEADER_HELD, _BODY_HELD, _REST_HELD = int(Hold.HEADER), int(Hold.BODY), int(Hold.REST)

# Rest, time-outs, the end


@compiled
def rest(w: Any, connection: int, timeout_ns: int, queue: int) -> None:
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
    watch(w, connection, timeout_ns, queue)


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
def watch(w: Any, connection: int, timeout_ns: int, queue: int) -> None:
    """The connection is to end then, unless something comes in between."""
    c = connection_at(w, connection)
    leave_queue(w, connection)
    c.deadline_ns = w.now_ns + timeout_ns
    c.queue = queue
    number = queue_number(c.cohort, queue)
    link(queue_at(w, number), w.connections, CONNECTION, connection)
    _set_timer(w, number)


@compiled
def leave_queue(w: Any, connection: int) -> None:
    """Nothing that the connection waits for has a deadline any more."""
    c = connection_at(w, connection)
    if c.queued:
        unlink(queue_at(w, queue_number(c.cohort, c.queue)), w.connections, CONNECTION, connection)


@compiled
def _set_timer(w: Any, number: int) -> None:
    first = queue_at(w, number).first
    if first != NONE:
        c = connection_at(w, first)
        set_alarm(w, number, c.deadline_ns, _TIMER | c.place)


@compiled
def time_is_up(w: Any, number: int, place: int) -> None:
    """A timer goes off, for the first connection of a queue if it is that one's."""
    is_due(w, number, _TIMER | place)
    first = queue_at(w, number).first
    if first != NONE:
        c = connection_at(w, first)
        if c.deadline_ns == w.now_ns and c.place == place:
            leave_queue(w, first)
            if not c.busy or _holds_body(w, c):
                if c.held != NONE:
                    _give_up(w, first)
                close(w, first)
    _set_timer(w, number)


@compiled
def _holds_body(w: Any, c: Any) -> bool:
    return bool(c.held != NONE and attempt_at(w, c.held).hold == _BODY_HELD)


@compiled
def _give_up(w: Any, connection: int) -> None:
    c = connection_at(w, connection)
    cohort = cohort_at(w, c.cohort)
    a = attempt_at(w, c.held)
    at_ns = w.now_ns + cohort.half_rtt_ns
    if a.hold == _REST_HELD:
        if not cohort.heeds:
            reply(w, c.held, decision_at(w, a.price).closing, at_ns)
        return
    if a.hold == _HEADER_HELD:
        w.header_timeouts += 1
    else:
        w.body_timeouts += 1
        let_go(w, a)
    a.status = _TIMED_OUT
    a.over = 1
    reply(w, c.held, RESET if cohort.resets else EMPTY, at_ns)


@compiled
def let_go(w: Any, a: Any) -> None:
    """The request gives back what it holds: its place, an upstream slot, `limit_conn`."""
    c = connection_at(w, a.connection)
    c.busy -= 1
    if a.upstream:
        a.upstream = 0
        free_slot(w, c.worker)
    release(w, a)


@compiled
def close(w: Any, connection: int) -> None:
    """The server closes the connection."""
    c = connection_at(w, connection)
    if c.closed_ns != NEVER:
        return
    c.closed_ns = w.now_ns
    rouse(w, connection)
    leave_queue(w, connection)
    free_slot(w, c.worker)
    w.connections_open -= 1
    w.connection_ns += w.now_ns
    if c.held != NONE:
        held = c.held
        c.held = NONE
        drop_attempt(w, held)
    if c.free:
        c.deadline_ns = w.now_ns + cohort_at(w, c.cohort).half_rtt_ns
        c.queue = _CLOSED
        c.holders += 1
        number = queue_number(c.cohort, _CLOSED)
        link(queue_at(w, number), w.connections, CONNECTION, connection)
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
