"""Time that follows the clock: nothing happens early, and sockets are heard in between."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from functools import partial
from time import monotonic

import pytest

from simkit.host import Kind, priority
from simkit.live.crowd.agenda import ClockAgenda
from simkit.live.crowd.poller import Poller

MS = 1_000_000


@pytest.fixture
def poller() -> Iterator[Poller]:
    with Poller() as made:
        yield made


def test_events_happen_in_order_and_never_early(poller: Poller) -> None:
    agenda = ClockAgenda(poller)
    happened: list[tuple[str, int]] = []

    def note(name: str) -> None:
        happened.append((name, agenda.now))

    for name, at, kind in (
        ("third", 30 * MS, Kind.WAKE),
        ("second", 20 * MS, Kind.WAKE),
        ("first", 20 * MS, Kind.SIGHT),
        ("never", 50 * MS, Kind.WAKE),
    ):
        agenda.at(at, priority(kind, 0, 0), note, name)
    agenda.start()
    began = monotonic()
    agenda.follow(50 * MS)
    assert monotonic() - began >= 0.05
    assert agenda.now == 50 * MS
    assert [name for name, _ in happened] == ["first", "second", "third"]
    times = [time for _, time in happened]
    assert times == sorted(times)
    assert times[0] >= 20 * MS
    assert times[2] >= 30 * MS
    assert len(agenda.late_ns) == 2  # what clients plan, and no sights
    assert min(agenda.late_ns) >= 0


def test_a_process_sleeps_for_as_long_as_it_says(poller: Poller) -> None:
    agenda = ClockAgenda(poller)
    woke: list[int] = []

    def process() -> Iterator[object]:
        for _ in range(3):
            event = agenda.event()
            event._ok, event._value = True, None
            agenda.happens_at(agenda.now + 5 * MS, priority(Kind.WAKE, 0, len(woke)), event)
            yield event
            woke.append(agenda.now)

    agenda.process(process())  # type: ignore[arg-type]
    agenda.start()
    agenda.follow(100 * MS)
    assert all(b - a >= 5 * MS for a, b in zip([0, *woke], woke, strict=False))
    assert len(woke) == 3


def test_what_a_socket_brings_is_heard_while_nothing_is_due(poller: Poller) -> None:
    agenda = ClockAgenda(poller)
    here, there = socket.socketpair()
    heard: list[tuple[bytes, int]] = []
    with here, there:
        here.setblocking(False)
        poller.watch(here.fileno(), lambda _: heard.append((here.recv(10), agenda.now)))
        agenda.at(10 * MS, priority(Kind.WAKE, 0, 0), there.sendall, b"word")
        agenda.start()
        agenda.follow(60 * MS)
        poller.forget(here.fileno())
    ((word, at),) = heard
    assert word == b"word"
    assert 10 * MS <= at < 60 * MS


def test_a_process_that_fails_ends_it_all(poller: Poller) -> None:
    agenda = ClockAgenda(poller)

    def process() -> Iterator[object]:
        yield from ()
        raise LookupError("what it wanted is not there")

    agenda.process(process())  # type: ignore[arg-type]
    agenda.start()
    with pytest.raises(LookupError, match="not there"):
        agenda.follow(10 * MS)


def test_a_socket_that_is_forgotten_is_not_heard(poller: Poller) -> None:
    here, there = socket.socketpair()
    with here, there:
        poller.watch(here.fileno(), lambda _: None)
        there.sendall(b"x")
        assert len(poller.wait(0)) == 1
        poller.forget(here.fileno())
        assert poller.wait(0) == []


def test_what_is_long_waits_for_what_is_due_and_for_what_has_come(poller: Poller) -> None:
    agenda = ClockAgenda(poller)
    here, there = socket.socketpair()
    order: list[str] = []

    def long(name: str) -> None:
        order.append(name)
        if name == "first":
            there.sendall(b"word")
            agenda.at(agenda.now, priority(Kind.WAKE, 0, 0), order.append, "due")

    with here, there:
        poller.watch(here.fileno(), lambda _: order.append(here.recv(10).decode()))
        for name in ("first", "second", "third"):
            agenda.later(partial(long, name))
        agenda.start()
        began = monotonic()
        agenda.follow(20 * MS)
    assert order == ["first", "due", "word", "second", "third"]
    assert monotonic() - began >= 0.02


def test_what_is_long_is_done_even_if_something_is_always_due(poller: Poller) -> None:
    agenda = ClockAgenda(poller)
    done: list[int] = []

    def again(number: int) -> None:
        agenda.at(agenda.now, priority(Kind.WAKE, 0, 0), again, number + 1)

    again(0)
    agenda.later(lambda: done.append(agenda.now))
    agenda.start()
    agenda.follow(20 * MS)
    assert done
