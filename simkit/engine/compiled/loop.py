"""The loop of the compiled engine: the next event, until a given time or until Python is needed."""

from __future__ import annotations

from typing import Any

import numba

from simkit.engine.compiled import connections as wires
from simkit.engine.compiled import server
from simkit.engine.compiled.agenda import (
    event_at,
    lane_at,
    next_lane,
    next_subject,
    pop,
    take_next,
)
from simkit.engine.compiled.behaviours import flood, seen, set_out, wakes
from simkit.engine.compiled.clients import end, lose_patience, record, sees
from simkit.engine.compiled.compiler import announce, cache_folder, compiled, entry
from simkit.engine.compiled.compiler import is_kept as lies_in
from simkit.engine.compiled.layout import WORLD, Ending, Job
from simkit.engine.compiled.memory import small_ints_at
from simkit.engine.compiled.pools import (
    NONE,
    attempt_at,
    connection_at,
    drop_attempt,
    wish_at,
    worker_at,
)
from simkit.host.order import Kind
from simkit.host.wire import NEVER

__all__ = ["cut", "is_kept", "prepare", "run", "set_out_all"]

_KIND_BITS = 59
_PLACE = (1 << _KIND_BITS) - 1
_UPSTREAM, _TIMER, _DELAY = int(Kind.UPSTREAM), int(Kind.TIMER), int(Kind.DELAY)
_HANG_UP, _CONNECT = int(Kind.HANG_UP), int(Kind.CONNECT)
_REQUEST, _LINE, _SIGHT = int(Kind.REQUEST), int(Kind.LINE), int(Kind.SIGHT)
_PATIENCE = int(Kind.PATIENCE)
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
        and w.event_count + margin <= w.event_room
        and w.request_count + margin <= w.request_room
        and w.wish_count + margin <= w.wish_room
    )


@compiled
def _first_worker(w: Any) -> int:
    """The worker that has done its work first; of several the first."""
    first = 0
    for number in range(1, w.worker_count):
        if worker_at(w, number).finish_ns < worker_at(w, first).finish_ns:
            first = number
    return first


@compiled
def _is_bound(w: Any, slot: int) -> bool:
    """Whether the attempt has its plan by now."""
    a = attempt_at(w, slot)
    if a.bound == NONE:
        a.bound = small_ints_at(w.bind)[a.bind]
    return a.bound != NONE


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
        number = _first_worker(w)
        finish_ns = worker_at(w, number).finish_ns
        lane_number = next_lane(w)
        lane = lane_at(w, lane_number)
        time_ns, key, in_lane = lane.time_ns, lane.key, True
        if w.event_count:
            top = event_at(w, 0)
            if top.time_ns < time_ns or (top.time_ns == time_ns and top.key < key):
                time_ns, key, in_lane = top.time_ns, top.key, False
        if min(finish_ns, time_ns) >= w.stop_ns:
            w.now_ns = w.stop_ns
            return _MARK
        if finish_ns <= time_ns:
            w.now_ns = finish_ns
            w.happened += 1
            server.finish(w, number)
            continue
        subject = next_subject(w, lane_number) if in_lane else event_at(w, 0).subject
        kind = key >> _KIND_BITS
        if kind in (_SIGHT, _REQUEST, _CONNECT) and not _is_bound(w, subject):
            w.wanted = subject
            return _BOUND
        if in_lane:
            take_next(w, lane_number)
        else:
            pop(w)
        w.now_ns = time_ns
        w.happened += 1
        _happen(w, kind, key & _PLACE, subject)
    return _TIME_SLICE


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
        wires.time_is_up(w, subject, place)
    elif kind == _HANG_UP:
        wires.hangs_up(w, subject)
    elif kind == _PATIENCE:
        lose_patience(w, subject)
    else:
        _at_server(w, kind, subject)
        drop_attempt(w, subject)


@compiled
def _sight(w: Any, slot: int) -> None:
    task = attempt_at(w, slot).task
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
    elif kind == _LINE:
        if connection_at(w, attempt_at(w, slot).connection).closed_ns == NEVER:
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
        if a.place != NONE and not a.recorded:
            a.sight = wires.NO_ANSWER
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
