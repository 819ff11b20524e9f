"""The application behind nginx serves as long as the queue of the model says, on real sockets."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import cast

import pytest

from simkit.engine.attempt import Attempt
from simkit.host import place
from simkit.live.crowd.agenda import ClockAgenda
from simkit.live.crowd.application import Application
from simkit.live.crowd.poller import Poller
from simkit.live.crowd.requests import NUMBER_HEADER, Requests
from simkit.policy import Page
from simkit.traffic import UpstreamSpec

MS = 1_000_000
SPEC = UpstreamSpec(servers=1, service="constant", mean_ms=20)


class Site:
    """One page."""

    def find(self, path: str) -> Page | None:
        """It."""
        return Page(200, 5) if path == "/page" else None


def ask(method: str, target: str, *fields: str, body: str = "") -> bytes:
    return "\r\n".join((f"{method} {target} HTTP/1.1", "Host: x", *fields, "", body)).encode()


def numbered(requests: Requests, number: int) -> str:
    """A request of somebody, who is known by this number."""
    attempt = SimpleNamespace(key=1, wish_number=number, item=0, attempt=0, place=place(0, number))
    requests.passed_on[str(number).encode()] = cast(Attempt, attempt)
    return f"{NUMBER_HEADER}: {number}"


def test_two_who_ask_at_once_are_served_one_after_the_other() -> None:
    with Poller() as poller:
        agenda = ClockAgenda(poller)
        with Application(agenda, poller, Site(), SPEC) as application:
            requests = application.requests = Requests([])
            where = "127.0.0.1", application.port
            with socket.create_connection(where) as one, socket.create_connection(where) as other:
                one.sendall(ask("GET", "/page?x=1", numbered(requests, 1)))
                other.sendall(ask("GET", "/none", numbered(requests, 2)))
                agenda.start()
                agenda.follow(200 * MS)
                for connection in (one, other):
                    connection.settimeout(5)
                first, second = one.recv(1000), other.recv(1000)
            upstream = application.upstream
    assert first.startswith(b"HTTP/1.1 200 OK\r\n")
    assert first.endswith(b"\r\n\r\nxxxxx")
    assert second.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert b"Content-Length: 0\r\n" in second
    assert upstream.requests == 2
    assert upstream.busy_ns == 40 * MS
    assert 0 < upstream.waited_ns <= 20 * MS  # they came at nearly the same time
    assert requests.passed_on == {}


def test_a_request_is_read_to_the_end_of_its_body_and_heads_have_none() -> None:
    with Poller() as poller:
        agenda = ClockAgenda(poller)
        with (
            Application(agenda, poller, Site(), SPEC) as application,
            socket.create_connection(("127.0.0.1", application.port)) as connection,
        ):
            connection.settimeout(5)
            whole = ask("POST", "/page", "Content-Length: 4", body="word")
            connection.sendall(whole[:-1])
            agenda.start()
            agenda.follow(20 * MS)
            connection.setblocking(False)
            with pytest.raises(BlockingIOError):
                connection.recv(1)
            connection.settimeout(5)
            connection.sendall(whole[-1:])
            agenda.follow(40 * MS)
            assert connection.recv(1000).endswith(b"\r\n\r\nxxxxx")
            connection.sendall(ask("HEAD", "/page", "Connection: close"))
            agenda.follow(60 * MS)
            assert connection.recv(1000).endswith(b"Content-Length: 5\r\n\r\n")
            assert connection.recv(1000) == b""


def test_whoever_has_gone_is_not_answered() -> None:
    with Poller() as poller:
        agenda = ClockAgenda(poller)
        with Application(agenda, poller, Site(), SPEC) as application:
            requests = application.requests = Requests([])
            agenda.start()
            with socket.create_connection(("127.0.0.1", application.port)) as gone:
                gone.sendall(ask("GET", "/page", numbered(requests, 1)))
                agenda.follow(5 * MS)
            agenda.follow(60 * MS)
            assert application.upstream.busy_ns == 20 * MS  # it had begun, and went on
