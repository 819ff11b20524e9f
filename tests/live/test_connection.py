"""The raw client: a close in order and a reset are never taken for one another."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest

from simkit.live import Connection, Ending, Endpoint, Listen, exchange
from simkit.wire import SightKind

# SO_LINGER on, for 0 seconds: close sends a RST.
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)
        yield listening


def endpoint(server: socket.socket) -> Endpoint:
    host, port = server.getsockname()[:2]
    return Endpoint(host, port, Listen(4, "*", 80))


def end(accepted: socket.socket, *, reset: bool) -> None:
    if reset:
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    accepted.close()


@pytest.mark.parametrize("reset", [False, True])
def test_an_end_before_anything_was_sent(server: socket.socket, reset: bool) -> None:
    with Connection(endpoint(server)) as client:
        end(server.accept()[0], reset=reset)
        assert client.watch() is (Ending.RST if reset else Ending.FIN)


@pytest.mark.parametrize("reset", [False, True])
def test_an_end_that_the_client_meets_while_it_sends(server: socket.socket, reset: bool) -> None:
    """The system tells of a reset once: to whoever sends, if that comes first."""
    with Connection(endpoint(server)) as client:
        end(server.accept()[0], reset=reset)
        for _ in range(3):
            client.send(b"GET / HTTP/1.0\r\n\r\n")
        assert client.watch() is (Ending.RST if reset else Ending.FIN)


def test_what_was_sent_before_a_reset_is_still_read(server: socket.socket) -> None:
    with Connection(endpoint(server)) as client:
        accepted = server.accept()[0]
        accepted.sendall(b"HTTP/1.0 200 OK\r\n\r\nbody")
        end(accepted, reset=True)
        answer = client.answer()
        assert answer is not None
        assert (answer.status, answer.body, client.ending) == (200, b"body", Ending.RST)


def test_a_server_that_says_nothing_is_no_answer(server: socket.socket) -> None:
    seen = exchange(endpoint(server), b"GET / HTTP/1.0\r\n\r\n", timeout_s=0.05)
    assert (seen.ending, seen.sight.kind) == (Ending.OPEN, SightKind.NO_ANSWER)


def test_nobody_listening_is_an_error(server: socket.socket) -> None:
    end_of_it = endpoint(server)
    server.close()
    with pytest.raises(ConnectionRefusedError):
        Connection(end_of_it)
