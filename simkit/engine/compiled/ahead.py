"""What will be needed soon, fetched from memory in time.

A large crowd lies in memory as it was made, and comes in another order: without help the processor
would wait for each client, its connection, its plan and its entry in a limit, one after the other.
Events of the next buckets tell who is about to start something. What each bucket needs is fetched
in steps, a step whenever a bucket is opened, for each needs what the one before has brought:

    client or task ─► connection, cell of `bind` ─► plan ─► entry of the limit

This changes nothing but the time that it takes.
"""

from __future__ import annotations

from typing import Any

from simkit.engine.compiled.calendar import bucket_at, event_in
from simkit.engine.compiled.compiler import compiled
from simkit.engine.compiled.layout import CHUNK, CLIENT, CONNECTION, TASK
from simkit.engine.compiled.memory import fetch, ints_at, small_ints_at
from simkit.engine.compiled.pools import NONE, client_at
from simkit.policy.limits import ENTRY

__all__ = ["look_ahead"]

_CLIENT_BYTES, _TASK_BYTES = CLIENT.itemsize, TASK.itemsize
_CONNECTION_BYTES = CONNECTION.itemsize
_ENTRY_BYTES = 8 * ENTRY


@compiled
def look_ahead(w: Any) -> None:
    """Take each of the next buckets one step further."""
    for step in range(4):
        number = w.opened + 3 - step
        if number < w.bucket_count:
            _step_bucket(w, number, step)


@compiled
def _step_bucket(w: Any, number: int, step: int) -> None:
    bucket = bucket_at(w, number)
    if bucket.count == 0:
        return
    links = small_ints_at(w.chunk_links)
    chunk, fill = bucket.newest, bucket.fill
    while chunk != NONE:
        for i in range(fill):
            _step(w, event_in(w, chunk, i).subject, step)
        chunk, fill = links[chunk], CHUNK


@compiled
def _step(w: Any, subject: int, step: int) -> None:
    if step == 0:
        if subject < 0:
            fetch(w.clients + (-1 - subject) * _CLIENT_BYTES, _CLIENT_BYTES)
        else:
            fetch(w.tasks + subject * _TASK_BYTES, _TASK_BYTES)
        return
    if subject >= 0:
        return
    client = client_at(w, -1 - subject)
    if step == 1:
        if client.idle != NONE:
            fetch(w.connections + client.idle * _CONNECTION_BYTES, _CONNECTION_BYTES)
        fetch(w.bind + 4 * client.binds, 8)
        return
    bound = small_ints_at(w.bind)[client.binds]
    if bound == NONE:
        return
    if step == 2:
        fetch(w.bounds + 8 * bound, 16)
        return
    entry = ints_at(w.bounds)[bound + 1]
    fetch(w.entries + entry * _ENTRY_BYTES, _ENTRY_BYTES)
