"""The loop of the compiled engine: the next event, until a given time or until Python is needed."""

from __future__ import annotations

from typing import Any

import numba

from simkit.engine.compiled import connections as wires
from simkit.engine.compiled import edges, rests, server
from simkit.engine.compiled.ahead import look_ahead
from simkit.engine.compiled.behaviours import flood, seen, set_out, wakes
from simkit.engine.compiled.calendar import bucket_at, open_bucket
from simkit.engine.compiled.clients import end, record, sees
from simkit.engine.compiled.compiler import announce, cache_folder, compiled, entry
from simkit.engine.compiled.compiler import is_kept as lies_in
from simkit.engine.compiled.heap import event_at, is_before, pop
from simkit.engine.compiled.lanes import lane_at, next_lane, next_subject, take_next
from simkit.engine.compiled.layout import WORLD, Ending, Job
from simkit.engine.compiled.memory import small_ints_at
from simkit.engine.compiled.parties import lose_patience
from simkit.engine.compiled.pools import (
    NONE,
    attempt_at,
    drop_attempt,
    wish_at,
    worker_at,
)
from simkit.engine.compiled.wire import NO_ANSWER
from simkit.host.order import PLACE_BITS, Kind

__all__ = ["cut", "is_kept", "prepare", "run", "set_out_all"]

_PLACE = (1 << PLACE_BITS) - 1
_TIMER, _DELAY = int(Kind.TIMER), int(Kind.DELAY)
_HANG_UP, _CONNECT = int(Kind.HANG_UP), int(Kind.CONNECT)
_REQUEST, _LINE, _SIGHT = int(Kind.REQUEST), int(Kind.LINE), int(Kind.SIGHT)
_PATIENCE, _EDGE = int(Kind.PATIENCE), int(Kind.EDGE)
_ACCEPT, _SERVE, _READ_LINE = int(Job.ACCEPT), int(Job.SERVE), int(Job.READ_LINE)
_RESUME, _FETCH, _HELLO = int(Job.RESUME), int(Job.FETCH), int(Job.HELLO)
_MARK, _ROOM, _BOUND = int(Ending.MARK), int(Ending.ROOM), int(Ending.BOUND)
_TIME_SLICE = int(Ending.TIME_SLICE)


@compiled
def _has_room(w: Any) -> bool:
    """Whether everything that a single event can take is there."""
    margin = w.margin
    return (
        w.full_lane == NONE
        and w.attempts_spare >= margin
        and w.connections_spare >= margin
        and w.wishes_spare >= margin
        and w.tasks_spare >= margin
        and w.chunks_spare >= margin
        and w.event_count + margin <= w.event_room
        and w.request_count + margin <= w.request_room
        and w.wish_count + margin <= w.wish_room
    )


@compiled
def _can_open(w: Any) -> bool:
    """Whether the heap has room for the next bucket, and then for what a single event can take."""
    return w.event_count + bucket_at(w, w.opened).count + w.margin <= w.event_room


@compiled
def _first_worker(w: Any) -> int:
    """The worker that has done its work first; of several the first."""
    first = 0
    for number in range(1, w.worker_count):
        if worker_at(w, number).finish_ns < worker_at(w, first).finish_ns:
            first = number
    return first


@compiled
def _first_lane(w: Any) -> int:
    """The lane that the next event of no worker stands in, or none if it is in the heap."""
    number = next_lane(w)
    if w.event_count == 0:
        return number
    lane, top = lane_at(w, number), event_at(w, 0)
    return NONE if is_before(top.time_ns, top.key, lane) else number


@compiled
def _lacks_plan(w: Any, kind: int, slot: int) -> bool:
    """Whether an attempt, if the event is about one that needs it, has no plan yet."""
    if kind not in (_SIGHT, _REQUEST, _CONNECT, _EDGE):
        return False
    a = attempt_at(w, slot)
    if a.bound == NONE:
        a.bound = small_ints_at(w.bind)[a.bind]
    return bool(a.bound == NONE)


@entry
def set_out_all(w: Any) -> None:
    """All clients begin, in order, before anything else happens."""
    for slot in range(w.client_count):
        set_out(w, slot)


@entry
def run(w: Any, most_events: int) -> int:
    """Let events happen until there is a reason to come back, an `Ending`."""
    stop_at = w.happened + most_events
    while w.happened < stop_at:
        if not _has_room(w):
            return _ROOM
        worker = _first_worker(w)
        finish_ns = worker_at(w, worker).finish_ns
        number = _first_lane(w)
        time_ns = event_at(w, 0).time_ns if number == NONE else lane_at(w, number).time_ns
        first_ns = min(finish_ns, time_ns)
        if first_ns >= w.opened_ns and w.opened_ns < w.stop_ns:
            if not _can_open(w):
                return _ROOM
            _open(w)
        elif first_ns >= w.stop_ns:
            w.now_ns = w.stop_ns
            return _MARK
        elif finish_ns == first_ns:
            w.now_ns = first_ns
            w.happened += 1
            server.finish(w, worker)
        elif not _next(w, number, time_ns):
            return _BOUND
    return _TIME_SLICE


@compiled
def _open(w: Any) -> None:
    open_bucket(w)
    if w.looks_ahead:
        look_ahead(w)


@compiled
def _next(w: Any, number: int, time_ns: int) -> bool:
    """The next event of a lane, or of the heap, happens; not if it lacks a plan for that."""
    key = event_at(w, 0).key if number == NONE else lane_at(w, number).key
    subject = event_at(w, 0).subject if number == NONE else next_subject(w, number)
    kind = key >> PLACE_BITS
    if _lacks_plan(w, kind, subject):
        w.wanted = subject
        return False
    if number == NONE:
        pop(w)
    else:
        take_next(w, number)
    w.now_ns = time_ns
    w.happened += 1
    _happen(w, kind, key & _PLACE, subject)
    return True


@compiled
def _happen(w: Any, kind: int, place: int, subject: int) -> None:
    if kind == _SIGHT:
        _sight(w, subject)
    elif kind > _PATIENCE:
        if subject < 0:
            flood(w, -1 - subject)
        else:
            wakes(w, subject)
    elif kind == _TIMER:
        rests.time_is_up(w, subject, place)
    elif kind == _HANG_UP:
        wires.hangs_up(w, subject)
    elif kind == _PATIENCE:
        lose_patience(w, subject, place)
    elif kind == _EDGE:
        edges.arrives(w, subject)
        drop_attempt(w, subject)
    else:
        _at_server(w, kind, subject)
        drop_attempt(w, subject)


@compiled
def _sight(w: Any, slot: int) -> None:
    a = attempt_at(w, slot)
    task = a.task
    if a.own:
        edges.came(w, slot)
    else:
        sees(w, slot)
        if task != NONE:
            seen(w, task, slot)
    drop_attempt(w, slot)  # by the event
    drop_attempt(w, slot)  # by the client


@compiled
def _at_server(w: Any, kind: int, slot: int) -> None:
    if kind == _REQUEST:
        if wires.is_hello(w, slot):
            if wires.says_hello(w, slot):
                server.add(w, _HELLO, slot)
        elif wires.reaches_server(w, slot):
            server.add(w, _SERVE, slot)
    elif kind == _CONNECT:
        if wires.reaches_port(w, slot):
            server.add(w, _ACCEPT, slot)
            wires.stands_in_kernel(w, slot)
    elif kind == _LINE:
        if wires.line_is_read(w, slot):
            server.add(w, _READ_LINE, slot)
    else:
        a = attempt_at(w, slot)
        if not a.over:
            a.parked = 0
            server.add(w, _RESUME if kind == _DELAY else _FETCH, slot)


@entry
def cut(w: Any, attempts: int, wishes: int) -> None:
    """The window has ended: record what is under way as it stands, in pools of that size."""
    for slot in range(attempts):
        a = attempt_at(w, slot)
        if a.place != NONE and not a.recorded and not a.own:
            a.sight = NO_ANSWER
            record(w, slot)
    for slot in range(wishes):
        if wish_at(w, slot).open:
            end(w, slot, 1)


_FOLDER = cache_folder()


def is_kept() -> bool:
    """Whether the entries need no compiling."""
    return lies_in(_FOLDER)


def prepare() -> None:
    """Have the entries ready: from disk, or compiled, which takes some time and is said."""
    if run.signatures:  # type: ignore[attr-defined]
        return
    announce(_FOLDER)
    world = numba.from_dtype(WORLD)
    set_out_all.compile((world,))  # type: ignore[attr-defined]
    run.compile((world, numba.int64))  # type: ignore[attr-defined]
    cut.compile((world, numba.int64, numba.int64))  # type: ignore[attr-defined]
