"""What waits for a deadline that is as far away for all of a cohort: in order, with one event.

A deadline comes up nearly always for nothing, because the answer was there in time, or the next
request. So it is no event of its own. Attempts that may cost their client its patience and
connections that may time out stand in queues in the order of `simkit.host.order`, and leave them
when they need not wait any more; only the first of a queue is on the agenda.
"""

from __future__ import annotations

from typing import Any

from simkit.engine.compiled.calendar import schedule
from simkit.engine.compiled.compiler import compiled
from simkit.engine.compiled.layout import QUEUE, Queue
from simkit.engine.compiled.memory import record_at
from simkit.engine.compiled.pools import NONE
from simkit.host.wire import NEVER

__all__ = ["is_due", "link", "queue_at", "queue_number", "set_alarm", "unlink"]

_QUEUES = len(Queue)


@compiled
def queue_number(cohort: int, kind: int) -> int:
    """The number of a queue of a cohort."""
    return _QUEUES * cohort + kind


@compiled
def queue_at(w: Any, number: int) -> Any:
    """A queue."""
    return record_at(w.queues, number, QUEUE)


@compiled
def link(queue: Any, pool: int, dtype: Any, slot: int) -> None:
    """Put a record of a pool into a queue: behind all whose deadline and place are not later."""
    item = record_at(pool, slot, dtype)
    before = queue.last
    while before != NONE and _is_later(record_at(pool, before, dtype), item):
        before = record_at(pool, before, dtype).earlier
    after = queue.first if before == NONE else record_at(pool, before, dtype).later
    item.earlier, item.later = before, after
    item.queued = 1
    if before == NONE:
        queue.first = slot
    else:
        record_at(pool, before, dtype).later = slot
    if after == NONE:
        queue.last = slot
    else:
        record_at(pool, after, dtype).earlier = slot


@compiled
def _is_later(item: Any, other: Any) -> bool:
    if item.deadline_ns != other.deadline_ns:
        return bool(item.deadline_ns > other.deadline_ns)
    return bool(item.place > other.place)


@compiled
def unlink(queue: Any, pool: int, dtype: Any, slot: int) -> None:
    """Take a record out of its queue."""
    item = record_at(pool, slot, dtype)
    item.queued = 0
    if item.earlier == NONE:
        queue.first = item.later
    else:
        record_at(pool, item.earlier, dtype).later = item.later
    if item.later == NONE:
        queue.last = item.earlier
    else:
        record_at(pool, item.later, dtype).earlier = item.earlier


@compiled
def set_alarm(w: Any, number: int, time_ns: int, key: int) -> None:
    """The first of a queue is due then: put that on the agenda, unless it is there."""
    queue = queue_at(w, number)
    if time_ns > queue.alarm_ns or (time_ns == queue.alarm_ns and key >= queue.alarm_key):
        return
    queue.alarm_ns, queue.alarm_key = time_ns, key
    schedule(w, time_ns, key, number)


@compiled
def is_due(w: Any, number: int, key: int) -> None:
    """An alarm goes off; if it is the one that was set last, there is none any more."""
    queue = queue_at(w, number)
    if queue.alarm_ns == w.now_ns and queue.alarm_key == key:
        queue.alarm_ns = NEVER
