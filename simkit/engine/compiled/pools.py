"""Slots of the pools: how compiled functions reach a record, take a slot, and give it back.

Attempts and connections are counted by those who hold them, and free when nobody does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simkit.engine.compiled import layout
from simkit.engine.compiled.compiler import compiled
from simkit.engine.compiled.memory import record_at
from simkit.host.order import SEQUENCE_BITS
from simkit.host.wire import NEVER

__all__ = [
    "NONE",
    "attempt_at",
    "client_at",
    "client_of",
    "cohort_at",
    "connection_at",
    "decision_at",
    "decision_of",
    "drop_attempt",
    "drop_connection",
    "drop_task",
    "drop_wish",
    "place",
    "serial_of",
    "sight_at",
    "take_attempt",
    "take_connection",
    "take_task",
    "take_wish",
    "task_at",
    "wish_at",
    "worker_at",
]

NONE = -1
"""No slot."""

_SEQUENCE = (1 << SEQUENCE_BITS) - 1
_CLIENT, _COHORT, _WORKER = layout.CLIENT, layout.COHORT, layout.WORKER
_CONNECTION, _ATTEMPT = layout.CONNECTION, layout.ATTEMPT
_WISH, _TASK = layout.WISH, layout.TASK
_DECISION, _SIGHT = layout.DECISION, layout.SIGHT


@compiled
def place(entity: int, sequence: int) -> Any:
    """`simkit.host.order.place`."""
    return np.int64(entity) << SEQUENCE_BITS | np.int64(sequence)


@compiled
def client_of(record: Any) -> int:
    """The client of an attempt or connection."""
    return record.place >> SEQUENCE_BITS


@compiled
def serial_of(record: Any) -> int:
    """The number of an attempt or connection within its client."""
    return record.place & _SEQUENCE


@compiled
def decision_of(a: Any) -> int:
    """The decision that was carried out on an attempt, or none."""
    return a.price if a.logged else NONE


@compiled
def client_at(w: Any, slot: int) -> Any:
    """A client."""
    return record_at(w.clients, slot, _CLIENT)


@compiled
def cohort_at(w: Any, slot: int) -> Any:
    """A cohort."""
    return record_at(w.cohorts, slot, _COHORT)


@compiled
def worker_at(w: Any, slot: int) -> Any:
    """A worker."""
    return record_at(w.workers, slot, _WORKER)


@compiled
def connection_at(w: Any, slot: int) -> Any:
    """A connection."""
    return record_at(w.connections, slot, _CONNECTION)


@compiled
def attempt_at(w: Any, slot: int) -> Any:
    """An attempt."""
    return record_at(w.attempts, slot, _ATTEMPT)


@compiled
def wish_at(w: Any, slot: int) -> Any:
    """A wish."""
    return record_at(w.wishes, slot, _WISH)


@compiled
def task_at(w: Any, slot: int) -> Any:
    """A task."""
    return record_at(w.tasks, slot, _TASK)


@compiled
def decision_at(w: Any, number: int) -> Any:
    """A decision with its price."""
    return record_at(w.decisions, number, _DECISION)


@compiled
def sight_at(w: Any, number: int) -> Any:
    """A sight."""
    return record_at(w.sights, number, _SIGHT)


@compiled
def take_connection(w: Any) -> int:
    """A fresh connection, held by nobody."""
    slot = w.connections_free
    c = connection_at(w, slot)
    w.connections_free = c.next
    w.connections_spare -= 1
    c.ready_ns = c.opened_ns = c.closed_ns = c.deadline_ns = NEVER
    c.busy = c.served = c.syns = c.holders = c.carried = 0
    c.worker = c.waiting = c.last_waiting = c.held = c.previous = c.next = c.blocked = NONE
    c.last = c.hung_up = c.greeted = c.resting = c.free = c.queued = c.resumed = 0
    return slot


@compiled
def drop_connection(w: Any, slot: int) -> None:
    """One that held the connection lets go of it."""
    c = connection_at(w, slot)
    c.holders -= 1
    if c.holders == 0:
        c.place = NONE
        c.next = w.connections_free
        w.connections_free = slot
        w.connections_spare += 1


@compiled
def take_attempt(w: Any) -> int:
    """A fresh attempt, held by the client that makes it."""
    slot = w.attempts_free
    a = attempt_at(w, slot)
    w.attempts_free = a.next_job
    w.attempts_spare -= 1
    a.resume_ns = a.delay_ns = 0
    a.status = 0
    a.connection = a.price = a.node = a.occupied = a.sight = NONE
    a.next_waiting = a.next_job = NONE
    a.holders = 1
    a.hold = a.fresh = a.reached = a.over = a.parked = a.upstream = a.logged = 0
    a.answered = a.reused = a.recorded = a.queued = a.at_edge = a.own = a.again = 0
    return slot


@compiled
def drop_attempt(w: Any, slot: int) -> None:
    """One that held the attempt lets go of it; the last one lets go of its connection too."""
    a = attempt_at(w, slot)
    a.holders -= 1
    if a.holders == 0:
        if a.connection != NONE:
            drop_connection(w, a.connection)
        a.place = NONE
        a.next_job = w.attempts_free
        w.attempts_free = slot
        w.attempts_spare += 1


@compiled
def take_wish(w: Any) -> int:
    """A fresh wish."""
    slot = w.wishes_free
    wish = wish_at(w, slot)
    w.wishes_free = wish.next
    w.wishes_spare -= 1
    wish.attempts = wish.refusals = wish.failed = wish.under_way = 0
    wish.rule = NONE
    wish.open = 1
    return slot


@compiled
def drop_wish(w: Any, slot: int) -> None:
    """The wish has ended."""
    wish = wish_at(w, slot)
    wish.open = 0
    wish.next = w.wishes_free
    w.wishes_free = slot
    w.wishes_spare += 1


@compiled
def take_task(w: Any, client: int, program: int, parent: int) -> int:
    """A fresh task of a client."""
    slot = w.tasks_free
    task = task_at(w, slot)
    w.tasks_free = task.next
    w.tasks_spare -= 1
    task.client = client
    task.program = program
    task.parent = parent
    task.wish = NONE
    task.running = task.cursor = task.number = task.count = 0
    task.turn_ns = 0
    return slot


@compiled
def drop_task(w: Any, slot: int) -> None:
    """The task has ended."""
    task = task_at(w, slot)
    task.next = w.tasks_free
    w.tasks_free = slot
    w.tasks_spare += 1
