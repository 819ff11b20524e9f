"""One connection: requests in, decisions executed, and an end as exact as nginx's.

The times that end a connection, and how they end it, are those of ngx_http_request.c: a header or a
body that does not come is logged as 408 without an answer, an idle connection is closed with a FIN,
a 444 with a FIN or an RST, and after an answer that ends the connection whatever the client still
sends is read away for a while, or the kernel would tear up the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic, time

from simkit.live.serve.answering import Answerer
from simkit.live.serve.bodies import Body, BodyError
from simkit.live.serve.deciding import Decider, Turn
from simkit.live.serve.logs import Journal
from simkit.live.serve.reading import HeaderBuffers, Request, RequestReader
from simkit.live.serve.record import Peer, Record
from simkit.live.serve.stream import Plain, Secured, Stream
from simkit.policy import ConnectionSettings
from simkit.policy.model import Location
from simkit.policy.scope import Scope
from simkit.policy.servers import Group
from simkit.policy.syntax import NS_PER_S
from simkit.wire import Fault, Shape

__all__ = ["Connection", "Shared"]

_HANDSHAKES = (0x16, 0x80)
_TIMED_OUT, _LEFT = 408, 499
_SOLIDUS = "client timed out (110: Connection timed out)"


@dataclass(eq=False, slots=True)
class Shared:
    """What all connections of a server share."""

    decider: Decider
    answerer: Answerer
    journal: Journal
    log: Callable[[Record], None]
    buffers: Callable[[Group, str | None], HeaderBuffers]
    idle: dict[Connection, float] = field(default_factory=dict)


class _Over(Exception):  # noqa: N818 (it is no error)
    """The connection ends; ``reset`` with an RST, ``quiet`` without saying so first in TLS."""

    def __init__(self, *, reset: bool = False, quiet: bool = False, linger: bool = False) -> None:
        super().__init__()
        self.reset = reset
        self.quiet = quiet
        self.linger = linger


class Connection:
    """An accepted connection on its way."""

    def __init__(
        self,
        shared: Shared,
        group: Group,
        settings: ConnectionSettings,
        context: ssl.SSLContext | None,
        peer: Peer,
        stream: Stream,
    ) -> None:
        self._shared = shared
        self._group = group
        self._settings = settings
        self._context = context
        self._peer = peer
        self._stream = stream
        self._sni: str | None = None
        self._location: Location | None = None

    async def run(self) -> None:
        """Serve it to its end."""
        over = _Over()
        try:
            await self._serve()
        except _Over as end:
            over = end
        except (OSError, ssl.SSLError):
            pass
        finally:
            self._shared.idle.pop(self, None)
            await self._end(over)

    def drop(self) -> None:
        """Close it from outside: it was idle, and its place is needed."""
        self._stream.close()

    async def _end(self, over: _Over) -> None:
        if over.linger and not over.reset:
            with contextlib.suppress(OSError):
                await self._linger()
        elif not over.quiet and not over.reset:
            with contextlib.suppress(OSError, ssl.SSLError):
                await self._stream.farewell()
        self._stream.close(reset=over.reset)

    async def _linger(self) -> None:
        """Read away what the client still sends (ngx_http_set_lingering_close)."""
        scope = self._scope
        wait_s = scope.time_ns("lingering_timeout", 5) / NS_PER_S
        until = monotonic() + scope.time_ns("lingering_time", 30) / NS_PER_S
        await self._stream.finish()
        loop, raw = asyncio.get_running_loop(), self._stream.socket
        while (left := min(wait_s, until - monotonic())) > 0:
            try:
                async with asyncio.timeout(left):
                    if not await loop.sock_recv(raw, 4096):
                        return
            except TimeoutError:
                return

    @property
    def _scope(self) -> Scope:
        location = self._location or self._group.servers[0].base
        return location.scope or Scope(())

    # -- the requests ------------------------------------------------------------------------

    async def _serve(self) -> None:
        deadline = monotonic() + self._settings.client_header_timeout_ns / NS_PER_S
        tls = self._context is not None and await self._speaks_tls(deadline)
        if tls:
            await self._shake_hands(deadline)
        reader = RequestReader(
            lambda host: self._shared.buffers(self._group, host),
            port=self._peer.local_port,
            tls=tls,
            sni=self._sni,
        )
        while True:
            started, pipelined = monotonic(), not reader.idle
            request = await self._next_request(reader, deadline)
            self._peer.requests += 1
            record = Record(self._peer, request, None, self._peer.requests, started)
            record.pipelined = pipelined
            await self._request(reader, request, record)
            deadline = await self._keep(reader)

    async def _speaks_tls(self, deadline: float) -> bool:
        """Whether the first byte begins a handshake; on a TLS port plain HTTP is understood too."""
        async with self._within(deadline):
            first = await self._stream.peek()
        if not first:
            raise _Over
        return first[0] == _HANDSHAKES[0] or bool(first[0] & _HANDSHAKES[1])

    async def _shake_hands(self, deadline: float) -> None:
        assert self._context is not None
        stream = Secured(self._stream.socket, self._context)
        self._stream = stream
        try:
            async with self._within(deadline):
                await stream.shake_hands()
        except ssl.SSLError as error:
            self._say("info", f"SSL_do_handshake() failed ({error.reason}) while SSL handshaking")
            raise _Over(quiet=True) from None
        cipher = stream.tls.cipher()
        self._sni = self._peer.tls_name = getattr(stream.tls, "simkit_name", None)
        self._peer.tls_protocol = stream.tls.version() or ""
        self._peer.tls_cipher = cipher[0] if cipher else ""

    @contextlib.asynccontextmanager
    async def _within(self, deadline: float):
        """No longer than until then; nothing was sent yet, so nothing is logged."""
        try:
            async with asyncio.timeout(max(0.0, deadline - monotonic())):
                yield
        except TimeoutError:
            raise _Over from None

    async def _next_request(self, reader: RequestReader, deadline: float) -> Request:
        started = monotonic()
        while (request := reader.next()) is None:
            try:
                async with asyncio.timeout(max(0.0, deadline - monotonic())):
                    data = await self._stream.read(reader.room)
            except TimeoutError:
                self._cut_off(reader, started, _TIMED_OUT)
            except OSError:
                data = b""
            if not data:
                self._cut_off(reader, started, 400)
            reader.feed(data)
        return request

    def _cut_off(self, reader: RequestReader, started: float, status: int) -> None:
        """A request that never came to its end: logged if it began, and not answered."""
        if not reader.read_so_far:
            raise _Over
        timed_out = status == _TIMED_OUT
        said = _SOLIDUS if timed_out else "client prematurely closed connection"
        self._say("info", f"{said} while reading client request headers")
        self._peer.requests += 1
        request = Request(Shape(), reader.line_so_far, reader.read_so_far)
        record = Record(self._peer, request, None, self._peer.requests, started)
        record.status, record.read_bytes = status, reader.read_so_far
        self._log(record)
        raise _Over(reset=timed_out and self._resets, quiet=timed_out)
