"""One connection: requests in, one after the other, and an end as exact as nginx's.

The times that end a connection, and how they end it, are those of ngx_http_request.c: a header that
does not come is logged as 408 without an answer, an idle connection is closed with a FIN, a 444
with a FIN or an RST, and after an answer that ends the connection whatever the client still sends
is read away for a while, or the kernel would tear up the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from time import monotonic

from simkit.live.serve.ending import Over
from simkit.live.serve.exchange import Exchange, Shared
from simkit.live.serve.reading import Limits, Request, RequestReader
from simkit.live.serve.record import Peer, Record
from simkit.live.serve.secure import Doors
from simkit.live.serve.stream import Secured, Stream
from simkit.policy.model import ConnectionSettings, Location, Server
from simkit.policy.scope import Scope
from simkit.policy.servers import Group
from simkit.policy.syntax import NS_PER_S

__all__ = ["Connection", "Port"]

_HANDSHAKE, _OLD_HANDSHAKE = 0x16, 0x80
_TIMED_OUT, _CUT_OFF = 408, 400
_LOST = "client prematurely closed connection"
_LATE = "client timed out (110: Connection timed out)"


class Port:
    """A port that is listened on: its servers, its settings, and TLS where it is spoken."""

    def __init__(self, group: Group, settings: ConnectionSettings, doors: Doors | None) -> None:
        self.group = group
        self.settings = settings
        self.doors = doors

    def server(self, name: str | None) -> Server:
        """The server that a connection begins at, by the name asked for in TLS."""
        return self.group.servers[self.group.find_indicated(name).position]

    def limits(self, first: Server, host: str | None) -> Limits:
        """What holds for reading headers, once the host is known or before."""
        found = first if host is None else self.group.servers[self.group.find(host).position]
        return Limits.of(found)


class Connection:
    """An accepted connection on its way. ``idle_since`` is None while it is of use."""

    def __init__(self, shared: Shared, port: Port, peer: Peer, stream: Stream) -> None:
        self._shared = shared
        self._port = port
        self._peer = peer
        self._stream = stream
        self._here = port.server(None).base
        self._tls = False
        self._name: str | None = None
        self._pipelined = False
        self.idle_since: float | None = monotonic()

    async def run(self) -> None:
        """Serve it to its end."""
        over = Over()
        try:
            await self._serve()
        except Over as end:
            over = end
        except (OSError, ssl.SSLError):
            over = Over(quiet=True)
        finally:
            self.idle_since = None
            await self._end(over)

    def drop(self) -> None:
        """Close it from outside: it was idle, and its place is needed."""
        self.idle_since = None
        with contextlib.suppress(OSError):
            self._stream.socket.shutdown(socket.SHUT_RD)

    async def _end(self, over: Over) -> None:
        with contextlib.suppress(OSError, ssl.SSLError):
            if over.linger:
                await self._linger()
            elif not over.quiet:
                await self._stream.farewell()
        self._stream.close(reset=over.reset)

    async def _linger(self) -> None:
        """Read away what the client still sends (ngx_http_set_lingering_close)."""
        scope = self._scope
        if scope.scalar("lingering_close", "on", lambda text, _: text) == "off":
            return
        wait_s = scope.time_ns("lingering_timeout", 5) / NS_PER_S
        until = monotonic() + scope.time_ns("lingering_time", 30) / NS_PER_S
        await self._stream.finish()
        with contextlib.suppress(TimeoutError):
            while (left := min(wait_s, until - monotonic())) > 0:
                async with asyncio.timeout(left):
                    if not await self._stream.read_raw(4096):
                        return

    @property
    def _scope(self) -> Scope:
        return self._here.scope

    # -- before the first request --------------------------------------------------------------

    async def _serve(self) -> None:
        settings = self._port.settings
        deadline = monotonic() + settings.client_header_timeout_ns / NS_PER_S
        if self._port.doors is not None:
            await self._knock(self._port.doors, deadline)
        first = self._port.server(self._name)
        reader = RequestReader(
            lambda host: self._port.limits(first, host),
            port=self._peer.local_port,
            tls=self._tls,
            sni=self._name,
        )
        while True:
            await self._next(reader, deadline)
            deadline = await self._keep(reader)

    async def _knock(self, doors: Doors, deadline: float) -> None:
        """Shake hands, unless the first byte begins none: plain HTTP is understood too."""
        async with _until(deadline):
            first = await self._stream.peek()
        if not first:
            raise Over
        if first[0] != _HANDSHAKE and not first[0] & _OLD_HANDSHAKE:
            return
        stream = self._stream = Secured(self._stream.socket, doors.context)
        try:
            async with _until(deadline):
                await stream.shake_hands()
        except ssl.SSLError as error:
            self._say("info", f"SSL_do_handshake() failed ({error.reason}) while SSL handshaking")
            raise Over(quiet=True) from None
        self._tls, self._name = True, doors.name_of(stream.tls)
        cipher = stream.tls.cipher()
        self._peer.tls_name = self._name or ""
        self._peer.tls_protocol = stream.tls.version() or ""
        self._peer.tls_cipher = cipher[0] if cipher else ""

    # -- requests --------------------------------------------------------------------------------

    async def _next(self, reader: RequestReader, deadline: float) -> None:
        """Read a request and serve it."""
        started = monotonic()
        request = await self._read(reader, deadline, started)
        record = self._record(request, started)
        record.pipelined = self._pipelined
        exchange = Exchange(self._shared, self._stream, reader, record, self._may_keep)
        try:
            await exchange.run()
        finally:
            if record.ending is not None:
                self._here = record.ending.location

    def _record(self, request: Request, started: float) -> Record:
        self._peer.requests += 1
        http = self._shared.decider.policy.http
        return Record(http, self._peer, request, self._peer.requests, started)

    async def _read(self, reader: RequestReader, deadline: float, started: float) -> Request:
        while (request := reader.next()) is None:
            try:
                async with asyncio.timeout(_left(deadline)):
                    data = await self._stream.read(reader.room)
            except TimeoutError:
                self._cut_off(reader, started, _TIMED_OUT)
            except OSError:
                data = b""
            if not data:
                self._cut_off(reader, started, _CUT_OFF)
            self.idle_since = None
            reader.feed(data)
        return request

    def _cut_off(self, reader: RequestReader, started: float, status: int) -> None:
        """A request that did not come to its end: logged if it began, and not answered."""
        request = reader.so_far
        if request is None:
            raise Over
        late = status == _TIMED_OUT
        said = f"{_LATE if late else _LOST} while reading client request headers"
        self._say("info", f"{said}, client: {self._peer.address}, server: {self._server_name}")
        record = self._record(request, started)
        record.status, record.read_bytes = status, request.header_bytes
        record.ending = self._shared.decider.cut_off(request.shape, self._peer.address)
        record.cut_off = True
        self._shared.log(record)
        raise Over(reset=late and self._scope.flag("reset_timedout_connection"), quiet=True)

    @property
    def _server_name(self) -> str:
        return self._port.server(self._name).name

    def _say(self, level: str, text: str) -> None:
        self._shared.journal.say(level, text, scope=self._scope, serial=self._peer.serial)

    # -- keeping the connection -------------------------------------------------------------------

    def _may_keep(self, location: Location) -> bool:
        """Whether age and number of requests let it live (ngx_http_update_location_config)."""
        scope = location.scope
        age_s = monotonic() - self._peer.started_s
        young = age_s <= scope.time_ns("keepalive_time", 3600) / NS_PER_S
        return young and self._peer.requests < scope.number("keepalive_requests", 1000)

    async def _keep(self, reader: RequestReader) -> float:
        """Wait for the next request to begin; until when its header has to be there."""
        header_s = self._port.settings.client_header_timeout_ns / NS_PER_S
        self._pipelined = reader.waiting > 0
        if not reader.waiting:
            self.idle_since = monotonic()
            until = monotonic() + self._here.keepalive_timeout_ns / NS_PER_S
            async with _until(until):
                data = await self._stream.read(reader.room)
            self.idle_since = None
            if not data:
                raise Over
            reader.feed(data)
        return monotonic() + header_s


@contextlib.asynccontextmanager
async def _until(deadline: float) -> AsyncIterator[None]:
    """No longer than until then; nothing has begun, so nothing is logged."""
    try:
        async with asyncio.timeout(_left(deadline)):
            yield
    except TimeoutError:
        raise Over from None


def _left(deadline: float) -> float:
    return max(0.0, deadline - monotonic())
