"""What the load generator counts is what nginx logged, for every kind of traffic."""

from __future__ import annotations

import ssl
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from time import sleep

import pytest

from simkit.errors import InputError
from simkit.live import LiveNginx
from simkit.live.calibrate import traffic as generator
from simkit.live.calibrate.application import Application
from simkit.live.calibrate.cases import CASES, LOADS, PAUSED, Case
from simkit.live.calibrate.measuring import measure
from simkit.live.calibrate.running import made_nginx
from simkit.live.calibrate.traffic import Address, traffic
from simkit.live.calibrate.worker import worker_of

BY_NAME = {case.name: case for case in CASES}
AT_ONCE, ROUNDS = 3, 4
SERVED = ("new", "kept", "kept tls", "after", "tls", "resumed")


APPLICATION = Application()


@pytest.fixture(scope="module")
def nginx() -> Iterator[LiveNginx]:
    with made_nginx(APPLICATION) as running:
        yield running


def address(nginx: LiveNginx, case: Case) -> Address:
    end = nginx.endpoint(case.port)
    return end.host, end.port


def test_a_round_is_as_many_requests_as_were_logged(nginx: LiveNginx) -> None:
    for case in (one for one in CASES if one.manner in SERVED):
        # A connection that is kept begins with an answer that does not count; what ends in silence
        # has a page first; a session is there to be resumed after a first request.
        extras = {"kept": AT_ONCE, "kept tls": AT_ONCE, "after": AT_ONCE * ROUNDS, "resumed": 1}
        extra = extras.get(case.manner, 0)
        with traffic(case, address(nginx, case), AT_ONCE) as stream:
            for _ in range(ROUNDS):
                stream.round()
        assert stream.hits + stream.strays == AT_ONCE * ROUNDS
        records = nginx.log.take_all(AT_ONCE * ROUNDS + extra)
        found = Counter((one.request.split(" ")[1], one.status) for one in records)
        assert found.total() == AT_ONCE * ROUNDS + extra, case.name
        if case.manner == "after":
            assert found.pop(("/page", 403)) == extra
        assert {path for path, _ in found} == {case.path}, case.name
        if not case.otherwise:
            status = int(case.begins.split()[1]) if case.begins else 444
            assert {status for _, status in found} == {status}, case.name


def test_delays_and_strays_are_told_apart(nginx: LiveNginx) -> None:
    case = BY_NAME["delay"]
    with traffic(case, address(nginx, case), 1) as stream:
        stream.round()
        at_once = stream.strays
        sleep(0.05)  # the limit has been drained: this one does not wait
        stream.round()
    assert stream.strays == at_once + 1


@pytest.mark.parametrize(
    "name", ["new.silent", "kept.page", "read", "refused", "handshake.rsa", "resumed", "tls_answer"]
)
def test_a_worker_that_is_held_answers_all_and_goes_on(nginx: LiveNginx, name: str) -> None:
    case = BY_NAME[name]
    worker = worker_of(nginx.process.pid)
    with traffic(case, address(nginx, case), 16) as stream:
        stream.holds = worker.pid
        for _ in range(ROUNDS):
            stream.round()
    assert stream.hits == 16 * ROUNDS


def test_requests_that_waited_together_share_a_wake_up(nginx: LiveNginx) -> None:
    """One wake-up alone; held, no more than two for a round: it stops, and it sleeps."""
    case = BY_NAME["kept.page"]
    worker = worker_of(nginx.process.pid)
    low, _, high = LOADS
    where = address(nginx, case)
    alone = measure(worker, where, case, low, repeat=0, window_s=0.05)
    together = measure(worker, where, case, high, repeat=0, window_s=0.05)
    assert alone.wake_ups_per_request == pytest.approx(1, abs=0.3)
    assert together.wake_ups_per_request < 0.1
    assert together.cpu_us_per_request < alone.cpu_us_per_request


def test_a_pause_is_as_long_as_the_load_wants_it(nginx: LiveNginx) -> None:
    case = BY_NAME["kept.page"]
    worker = worker_of(nginx.process.pid)
    for load in PAUSED[:3]:
        found = measure(worker, address(nginx, case), case, load, repeat=0, window_s=0.05)
        assert load.pause_s is not None
        assert found.paused_s / found.rounds >= load.pause_s
        assert found.rounds == found.requests
        assert found.wake_ups_per_request == pytest.approx(1, abs=0.3)


def test_a_session_that_is_not_resumed_is_an_error(
    nginx: LiveNginx, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = BY_NAME["resumed"]
    with traffic(case, address(nginx, case), 1) as stream:
        stream.round()
        stale = ssl.SSLContext.wrap_socket
        monkeypatch.setattr(
            ssl.SSLContext,
            "wrap_socket",
            lambda context, made, session, **how: stale(context, made, **how),
        )
        with pytest.raises(InputError, match="did not resume a TLS session"):
            stream.round()
    assert stream.hits == 1


@pytest.mark.parametrize("name", ["kept.limited_page", "kept.limited_silent"])
def test_what_a_limit_lets_pass_now_and_then_is_a_stray(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fresh nginx has a token left: whoever takes it gets the file, in the middle of a round."""
    case = BY_NAME[name]
    monkeypatch.setattr(generator._Kept, "_begin", lambda _kept, _connection: None)
    with made_nginx(Application()) as fresh, traffic(case, address(fresh, case), 2) as stream:
        stream.round()
        stream.round()
    assert (stream.hits, stream.strays) == (3, 1)


def test_answers_of_the_application_wait_for_each_other_too(nginx: LiveNginx) -> None:
    """At least two wake-ups each alone: for the request and for its answer."""
    case = BY_NAME["kept.proxy"]
    worker = worker_of(nginx.process.pid)
    where = address(nginx, case)
    low, _, high = LOADS
    alone = measure(worker, where, case, low, repeat=0, window_s=0.1, application=APPLICATION)
    held = measure(worker, where, case, high, repeat=0, window_s=0.1, application=APPLICATION)
    assert alone.wake_ups_per_request > 1.5
    assert held.wake_ups_per_request < 0.7
    with traffic(case, where, 2) as stream:
        stream.round()  # the door was left open
    assert stream.hits == 2


def test_another_answer_than_meant_is_an_error(nginx: LiveNginx) -> None:
    case = replace(BY_NAME["new.page"], begins=b"HTTP/1.1 200 ")
    with (
        traffic(case, address(nginx, case), 1) as stream,
        pytest.raises(InputError, match=r"answered new.page with b'HTTP/1.1 403"),
    ):
        stream.round()


def test_the_worker_runs_on_after_an_error_while_it_is_held(nginx: LiveNginx) -> None:
    case = BY_NAME["new.page"]
    pid = worker_of(nginx.process.pid).pid
    nobody = traffic(case, ("127.0.0.1", 1), 1)
    nobody.holds = pid
    with pytest.raises(OSError, match="refused"):
        nobody.round()
    with traffic(case, address(nginx, case), 1) as stream:
        stream.round()
    assert stream.hits == 1
