"""The load generator: rounds of requests over plain sockets, never pipelined.

A round sends one request on each of its connections, then waits for all answers. So no more events
are outstanding than the load says, and none is lost or merged with another. A round may be held:
the worker is stopped while requests are sent and finds them all when it goes on, as one that is
saturated does; no generator has to be faster than it for that. The answers of the application
behind a proxied place are held and let go in the same way.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from simkit.errors import InputError
from simkit.live.calibrate.application import Application
from simkit.live.calibrate.cases import Case, Manner
from simkit.live.calibrate.words import (
    client_hello,
    one_answer,
    request,
    tls_context,
    until_closed,
)

__all__ = ["Address", "Traffic", "traffic"]

Address = tuple[str, int]

_PATIENCE_S = 10.0
_ANSWERING_S = 0.003
"""For an application that may go on: its threads write their answers meanwhile."""
_PART = b"a: b\r\n"


class Traffic(ABC):
    """Rounds of one kind of traffic. ``hits`` and ``strays`` count answers by what they were.

    Used in a ``with`` statement: connections that are kept are opened before its block, and closed
    after it with all else that ``_open`` holds. ``holds`` is the process that is stopped while
    requests are sent (None: none is), and while ``application`` answers them, if it is asked.
    Raises InputError for an answer that the case does not allow for.
    """

    def __init__(self, case: Case, address: Address, at_once: int) -> None:
        self.case = case
        self.address = address
        self.at_once = at_once
        self.holds: int | None = None
        self.application: Application | None = None
        self.hits = 0
        self.strays = 0
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    @abstractmethod
    def round(self) -> None:
        """One round: ``at_once`` requests are sent, then all are seen answered."""

    @contextlib.contextmanager
    def _sending(self) -> Iterator[None]:
        """While the block runs the worker is stopped, if this traffic holds it."""
        if self.holds is None:
            yield
        elif self.application is None:
            with _stopped(self.holds):
                yield
        else:
            with self._answers_held(self.application, self.holds), _stopped(self.holds):
                yield

    @contextlib.contextmanager
    def _answers_held(self, application: Application, worker: int) -> Iterator[None]:
        """After the block the worker asks the application, then gets all answers together."""
        application.shut()
        try:
            yield
            application.gather(self.at_once)
            with _stopped(worker):
                application.open()
                time.sleep(_ANSWERING_S)
        finally:
            application.open()

    def _connected(self) -> socket.socket:
        connection = socket.socket()
        try:
            connection.settimeout(_PATIENCE_S)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.connect(self.address)
        except BaseException:
            connection.close()
            raise
        return connection

    def _count(self, answer: bytes) -> None:
        case = self.case
        meant = answer.startswith(case.begins) if case.begins else not answer
        if meant and case.holds in answer:
            self.hits += 1
        elif case.otherwise:
            self.strays += 1
        else:
            raise InputError(f"nginx answered {case.name} with {answer[:60]!r}")


@contextlib.contextmanager
def _stopped(process: int) -> Iterator[None]:
    """The process stands still while the block runs, and goes on whatever happens in it."""
    try:
        os.kill(process, signal.SIGSTOP)
        yield
    finally:
        os.kill(process, signal.SIGCONT)


class _New(Traffic):
    """A connection for each request, which the server closes."""

    def __init__(self, case: Case, address: Address, at_once: int, sent: bytes) -> None:
        super().__init__(case, address, at_once)
        self._sent = sent

    def round(self) -> None:
        with contextlib.ExitStack() as stack:
            connections = []
            with self._sending():
                for _ in range(self.at_once):
                    connection = stack.enter_context(self._connected())
                    connections.append(connection)
                    self._say(connection)
            for connection in connections:
                self._count(until_closed(connection))

    def _say(self, connection: socket.socket) -> None:
        connection.sendall(self._sent)


class _Empty(_New):
    """A connection that ends without a word."""

    def _say(self, connection: socket.socket) -> None:
        connection.shutdown(socket.SHUT_WR)


class _After(Traffic):
    """A new connection each, with a page first and the request after it."""

    def __init__(self, case: Case, address: Address, at_once: int) -> None:
        super().__init__(case, address, at_once)
        self._first, self._sent = request("/page", kept=True), request(case.path, kept=False)

    def round(self) -> None:
        with contextlib.ExitStack() as stack:
            with self._sending():
                connections = [stack.enter_context(self._connected()) for _ in range(self.at_once)]
                for connection in connections:
                    connection.sendall(self._first)
            for connection in connections:
                one_answer(connection)
            with self._sending():
                for connection in connections:
                    connection.sendall(self._sent)
            for connection in connections:
                self._count(until_closed(connection))


class _Kept(Traffic):
    """The same connections for all rounds; the first answer on each is not counted."""

    def __init__(self, case: Case, address: Address, at_once: int) -> None:
        super().__init__(case, address, at_once)
        self._sent = request(case.path, kept=True)
        self._connections: list[socket.socket] = []

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            for _ in range(self.at_once):
                connection = stack.enter_context(self._connected())
                self._connections.append(connection)
                self._begin(connection)
            self._open = stack.pop_all()
        return self

    def _begin(self, connection: socket.socket) -> None:
        connection.sendall(self._sent)
        one_answer(connection)

    def round(self) -> None:
        with self._sending():
            for connection in self._connections:
                connection.sendall(self._sent)
        for connection in self._connections:
            self._count(one_answer(connection))


class _Parts(_Kept):
    """Parts of headers that never end; a page on a connection apart tells when all were read."""

    def __enter__(self) -> Self:
        super().__enter__()
        self._apart = self._open.enter_context(self._connected())
        return self

    def _begin(self, connection: socket.socket) -> None:
        connection.sendall(self._sent.removesuffix(b"\r\n"))

    def round(self) -> None:
        with self._sending():
            for connection in self._connections:
                connection.sendall(_PART)
            self._apart.sendall(self._sent)
        one_answer(self._apart)
        self.hits += self.at_once


class _KeptTls(_Kept):
    """The same over TLS."""

    def _connected(self) -> socket.socket:
        return tls_context().wrap_socket(super()._connected())


class _Tls(Traffic):
    """A TLS handshake for each request, side by side within a round: a full one."""

    def __init__(self, case: Case, address: Address, at_once: int) -> None:
        super().__init__(case, address, at_once)
        self._context = tls_context()
        self._sent = request(case.path, kept=False)
        self._session: ssl.SSLSession | None = None

    def round(self) -> None:
        with contextlib.ExitStack() as stack:
            with self._sending():
                opened = [stack.enter_context(self._greeted()) for _ in range(self.at_once)]
            for connection in opened:
                connection.settimeout(_PATIENCE_S)
                connection.do_handshake()
                if self._session is not None and not connection.session_reused:
                    raise InputError("nginx did not resume a TLS session")
                connection.sendall(self._sent)
            for connection in opened:
                self._count(until_closed(connection))

    def _greeted(self) -> ssl.SSLSocket:
        """A connection on which the client has begun its handshake."""
        connection = self._context.wrap_socket(
            self._connected(), do_handshake_on_connect=False, session=self._session
        )
        connection.setblocking(False)
        with contextlib.suppress(ssl.SSLWantReadError):
            connection.do_handshake()
        return connection


class _Resumed(_Tls):
    """A handshake that resumes the session of the first one, which is a full one."""

    def __enter__(self) -> Self:
        with self._context.wrap_socket(self._connected()) as connection:
            connection.sendall(self._sent)
            until_closed(connection)  # the tickets come with the answer
            self._session = connection.session
        return self


_KINDS: dict[Manner, type[_After | _Kept | _Tls]] = {
    "kept": _Kept,
    "kept tls": _KeptTls,
    "after": _After,
    "parts": _Parts,
    "tls": _Tls,
    "resumed": _Resumed,
}


def traffic(case: Case, address: Address, at_once: int) -> Traffic:
    """The traffic of a case, ``at_once`` requests a round, to that address."""
    kind = _KINDS.get(case.manner)
    if kind is not None:
        return kind(case, address, at_once)
    if case.manner == "empty":
        return _Empty(case, address, at_once, b"")
    refused = case.manner == "refused"
    sent = client_hello() if refused else request(case.path, kept=False)
    return _New(case, address, at_once, sent)
