"""The application behind nginx: the queue of the model, on real sockets.

It serves in the order and for as long as `simkit.host.upstream.Upstream` says, which goes by the
draws of whoever asks; so a request takes as long here as in simulation.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Self

from simkit.host import Kind, Upstream, base
from simkit.live.crowd.agenda import ClockAgenda
from simkit.live.crowd.answers import fields_of
from simkit.live.crowd.poller import Poller
from simkit.live.crowd.requests import NUMBER_HEADER, Requests
from simkit.policy import Site
from simkit.policy.answers import reason
from simkit.traffic import UpstreamSpec

__all__ = ["Application"]

_UPSTREAM = base(Kind.UPSTREAM)
_CHUNK = 1 << 16
_BACKLOG = 4096
_END = b"\r\n\r\n"
_TURNED_AWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
"""What nginx would make of a refusal itself: one that it got would have it try once more."""
_NUMBER = NUMBER_HEADER.lower().encode()


class Application:
    """Listens on a free port of 127.0.0.1. Use it in a ``with`` statement."""

    def __init__(self, agenda: ClockAgenda, poller: Poller, site: Site, spec: UpstreamSpec) -> None:
        self._agenda = agenda
        self._poller = poller
        self._site = site
        self._pages: dict[bytes, bytes] = {}
        self._calls: set[_Call] = set()
        self.requests: Requests | None = None
        """Who asks what: set before the first request comes."""
        self.upstream = Upstream(spec)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)

    def __enter__(self) -> Self:
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(_BACKLOG)
        self._poller.watch(self._socket.fileno(), self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for call in list(self._calls):
            call.close()
        self._poller.forget(self._socket.fileno())
        self._socket.close()

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        return int(self._socket.getsockname()[1])

    def _accept(self, _: int) -> None:
        while True:
            try:
                made, _from = self._socket.accept()
            except BlockingIOError:
                return
            made.setblocking(False)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            call = _Call(made, self._poller, self._asked, self._calls.discard)
            self._calls.add(call)

    def _asked(self, call: _Call, top: bytes) -> None:
        """A request has been read: it is served when its turn comes and its time has passed."""
        method, target, _ = top.split(b" ", 2)
        fields = fields_of(top)
        answer = self._answer(target, head=method == b"HEAD")
        call.closes = fields.get(b"connection", b"").lower() == b"close"
        attempt = None
        if self.requests is not None:
            attempt = self.requests.passed_on.pop(fields.get(_NUMBER, b""), None)
        if attempt is None:
            call.say(answer)
            return
        done_ns = self.upstream.enter(attempt, self._agenda.now)
        if done_ns is None:
            call.say(_TURNED_AWAY)
            return
        self._agenda.at(done_ns, _UPSTREAM | attempt.place, call.say, answer)

    def _answer(self, target: bytes, *, head: bool) -> bytes:
        known = self._pages.get(target)
        if known is None:
            page = self._site.find(target.decode("latin-1").partition("?")[0])
            status, size = (404, 0) if page is None else (page.status, page.body_bytes)
            top = (
                f"HTTP/1.1 {status} {reason(status) or '-'}\r\nServer: application\r\n"
                f"Content-Type: text/html\r\nContent-Length: {size}\r\n\r\n"
            )
            known = self._pages[target] = top.encode() + b"x" * size
        return known.partition(_END)[0] + _END if head else known


class _Call:
    """A connection that nginx opened."""

    __slots__ = ("_asked", "_data", "_gone", "_poller", "_socket", "closes")

    def __init__(
        self,
        made: socket.socket,
        poller: Poller,
        asked: Callable[[_Call, bytes], None],
        gone: Callable[[_Call], None],
    ) -> None:
        self._socket = made
        self._poller = poller
        self._asked = asked
        self._gone = gone
        self._data = b""
        self.closes = False
        poller.watch(made.fileno(), self._happens)

    def say(self, answer: bytes) -> None:
        """Send an answer, unless nginx has gone."""
        if self._socket.fileno() < 0:
            return
        # An answer fits into the buffers of the socket, or blocks for the moment that it takes.
        self._socket.setblocking(True)
        try:
            self._socket.sendall(answer)
        except OSError:
            self.close()
            return
        self._socket.setblocking(False)
        if self.closes:
            self.close()

    def close(self) -> None:
        """Let go of it."""
        self._poller.forget(self._socket.fileno())
        self._socket.close()
        self._gone(self)

    def _happens(self, _: int) -> None:
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        self._data += data
        self._read()

    def _read(self) -> None:
        """A request is read when its body is; nginx sends the next one after the answer."""
        top, mark, rest = self._data.partition(_END)
        if mark and len(rest) >= int(fields_of(top).get(b"content-length", b"0")):
            self._data = b""
            self._asked(self, top)
