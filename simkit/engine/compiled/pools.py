"""Slots of the pools: how compiled functions reach a record, take a slot, and give it back.

Attempts and connections are counted by those who hold them, and free when nobody does.
"""

from __future__ import annotations

from typing import Any

from simkit.engine.compiled import layout
from simkit.engine.compiled.compiler import compiled
from simkit.engine.compiled.memory import record_at
from simkit.host.wire import NEVER

__all__ = [
    "NONE",
    "attempt_at",
    "client_at",
    "cohort_at",
    "connection_at",
    "decision_at",
    "drop_attempt",
    "drop_connection",
    "drop_task",
    "drop_wish",
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

_CLIENT, _COHORT, _WORKER = layout.CLIENT, layout.COHORT, layout.WORKER
_CONNECTION, _ATTEMPT = layout.CONNECTION, layout.ATTEMPT
_WISH, _TASK = layout.WISH, layout.TASK
_DECISION, _SIGHT = layout.DECISION, layout.SIGHT


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
    c.ready_ns = c.opened_ns = c.closed_ns = c.deadline_ns = c.timer_ns = NEVER
    c.busy = c.served = c.syns = c.holders = 0
    c.worker = c.waiting = c.last_waiting = c.held = c.older = c.newer = c.next = NONE
    c.last = c.hung_up = c.greeted = c.resting = 0
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
    a.resume_ns = a.delay_ns = a.bytes_sent = 0
    a.status = 0
    a.connection = a.decision = a.price = a.node = a.occupied = a.sight = NONE
    a.older = a.newer = a.next_waiting = a.next_job = NONE
    a.holders = 1
    a.holds = a.fresh = a.reached = a.over = a.parked = a.upstream = 0
    a.answered = a.reused = a.recorded = 0
    return slot


@compiled
def drop_attempt(w: Any, slot: int) -> None:
    """One that held the attempt lets go of it; the last one lets go of its connection too."""
    a = attempt_at(w, slot)
    a.holders -= 1
    if a.holders == 0:
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
    return slot


@compiled
def drop_task(w: Any, slot: int) -> None:
    """The task has ended."""
    task = task_at(w, slot)
    task.next = w.tasks_free
    w.tasks_free = slot
    w.tasks_spare += 1
