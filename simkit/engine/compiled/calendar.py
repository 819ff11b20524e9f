"""Events of a later time: kept by spans of time, in any order, until theirs begins.

A crowd has an outstanding event for each client. In one heap most of them would be in the way of
the few that come next; here they stand in buckets, one for each span of the window, and a bucket is
poured into the heap when its span begins. What would come after the window is forgotten.
"""

from __future__ import annotations

from typing import Any

from simkit.engine.compiled.compiler import compiled
from simkit.engine.compiled.heap import push, set_event
from simkit.engine.compiled.layout import BUCKET, CHUNK, EVENT
from simkit.engine.compiled.memory import record_at, small_ints_at
from simkit.engine.compiled.pools import NONE

__all__ = ["bucket_at", "event_in", "open_bucket", "schedule"]


@compiled
def bucket_at(w: Any, number: int) -> Any:
    """A bucket."""
    return record_at(w.buckets, number, BUCKET)


@compiled
def schedule(w: Any, time_ns: int, key: int, subject: int) -> None:
    """An event happens at a time not before now, in the place that the key gives it."""
    if time_ns < w.opened_ns:
        push(w, time_ns, key, subject)
        return
    number = time_ns >> w.bucket_shift
    if number >= w.bucket_count:
        return
    bucket = bucket_at(w, number)
    if bucket.count == 0 or bucket.fill == CHUNK:
        _take_chunk(w, bucket)
    set_event(event_in(w, bucket.newest, bucket.fill), time_ns, key, subject)
    bucket.fill += 1
    bucket.count += 1


@compiled
def open_bucket(w: Any) -> None:
    """The next span begins: its events go into the heap."""
    bucket = bucket_at(w, w.opened)
    w.opened += 1
    w.opened_ns = w.opened << w.bucket_shift
    if bucket.count == 0:
        return
    links = small_ints_at(w.chunk_links)
    chunk, fill = bucket.newest, bucket.fill
    while chunk != NONE:
        for i in range(fill):
            event = event_in(w, chunk, i)
            push(w, event.time_ns, event.key, event.subject)
        following = links[chunk]
        links[chunk] = w.chunks_free
        w.chunks_free = chunk
        w.chunks_spare += 1
        chunk, fill = following, CHUNK
    bucket.count = 0


@compiled
def event_in(w: Any, chunk: int, place: int) -> Any:
    """An event of a chunk."""
    return record_at(w.chunks, chunk * CHUNK + place, EVENT)


@compiled
def _take_chunk(w: Any, bucket: Any) -> None:
    """A further chunk for a bucket."""
    links = small_ints_at(w.chunk_links)
    chunk = w.chunks_free
    w.chunks_free = links[chunk]
    w.chunks_spare -= 1
    links[chunk] = NONE if bucket.count == 0 else bucket.newest
    bucket.newest = chunk
    bucket.fill = 0
