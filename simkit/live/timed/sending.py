"""Sending a trace to a live server at its times, on one kept connection or on many.

A connection carries one request at a time. On how many of them the trace goes out, from which
loopback addresses, and how long each is kept, is drawn. Requests leave while a millisecond of the
monotonic clock is young, so that nginx, which takes them up soon after, does so in the same one.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic_ns, sleep

from simkit.draws import Purpose, integer, stream, uniform
from simkit.live.encode import encode
from simkit.live.http1 import next_answer
from simkit.live.listening import Endpoint
from simkit.live.timed.schedule import Call

__all__ = ["Sent", "send"]

_CHUNK = 1 << 16
_NS_PER_MS, _YOUNG_NS = 1_000_000, 350_000
_MOST_CONNECTIONS = 48
_CLOSED_AFTER = 0.02
_MOST_LATE_S = 15.0
_SOURCES = 20
_NAME = "timed trace: connections"

_Kind = tuple[int, str | None, str]
"""What a connection is good for: a port, a name in TLS, a source."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it went out: which call, from which port, as which one on its connection.

    ``sent_ns`` and ``answered_ns`` are of the monotonic clock, just before it was sent and just
    after its answer had come. ``gave_up``: none came in time, so the client went away.
    """

    call: int
    port: int
    turn: int
    sent_ns: int
    answered_ns: int
    gave_up: bool = False


@dataclass(eq=False, slots=True)
class _Line:
    """A connection to the server."""

    kind: _Kind
    port: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    turns: int = 0
    closed: bool = False

    def gone(self) -> bool:
        """Whether the server has closed it."""
        return self.closed or self.reader.at_eof()

    def close(self) -> None:
        """Let go of it."""
        self.closed = True
        self.writer.close()


@dataclass(eq=False, slots=True)
class _Sender:
    """Connections in use and at rest, and what has been sent so far.

    The server's name for a connection is its port, so no port is used twice.
    """

    key: int
    most: int
    endpoints: dict[int, Endpoint]
    by_header: bool
    patience_s: float
    idle: list[_Line] = field(default_factory=list)
    ports: set[int] = field(default_factory=set)
    sent: list[Sent] = field(default_factory=list)
    room: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self.room = asyncio.Semaphore(self.most)

    async def run(self, calls: Sequence[Call]) -> list[Sent]:
        """Send each call at its time, or as soon after as a connection is free.

        A trace that has fallen far behind, for more was delayed than foreseen, ends there.
        """
        began_s = asyncio.get_running_loop().time()
        tasks: list[asyncio.Task[None]] = []
        for number, call in enumerate(calls):
            late_s = asyncio.get_running_loop().time() - began_s - call.at_s
            if late_s > _MOST_LATE_S:
                break
            if late_s < 0:
                await asyncio.sleep(-late_s)
            await self.room.acquire()
            tasks.append(asyncio.create_task(self._send(number, call)))
        await asyncio.gather(*tasks)
        for line in self.idle:
            line.close()
            with suppress(OSError):
                await line.writer.wait_closed()
        return self.sent

    async def _send(self, number: int, call: Call) -> None:
        try:
            line = await self._line(number, call)
            await self._exchange(line, number, call)
            if uniform(self.key, Purpose.LENGTH, number) < _CLOSED_AFTER and self.most > 1:
                line.close()
            if not line.closed:
                self.idle.append(line)
        finally:
            self.room.release()

    async def _exchange(self, line: _Line, number: int, call: Call) -> None:
        payload = encode(call.shape, call.client if self.by_header else None)
        line.turns += 1
        _wait_for_a_young_millisecond()
        sent_ns = monotonic_ns()
        line.writer.write(payload)
        gave_up = False
        try:
            kept = await asyncio.wait_for(_answered(line), self.patience_s)
        except TimeoutError:
            kept, gave_up = False, True
        if not kept:
            line.close()
        self.sent.append(Sent(number, line.port, line.turns, sent_ns, monotonic_ns(), gave_up))

    async def _line(self, number: int, call: Call) -> _Line:
        """A connection at rest that suits the call, or a new one."""
        source = self._source(number, call)
        kind = (call.shape.port, call.shape.sni, "" if self.by_header else source)
        self.idle = [one for one in self.idle if not one.gone()]
        fit = [one for one in self.idle if one.kind == kind]
        if fit:
            line = fit[integer(len(fit), uniform(self.key, Purpose.PLACEMENT, number))]
            self.idle.remove(line)
            return line
        while len(self.idle) >= self.most:
            self.idle.pop(0).close()
        return await self._open(call, source, kind)

    async def _open(self, call: Call, source: str, kind: _Kind) -> _Line:
        end = self.endpoints[call.shape.port]
        while True:
            reader, writer = await asyncio.open_connection(
                end.host,
                end.port,
                local_addr=(source, 0),
                ssl=_no_questions() if call.shape.tls else None,
                server_hostname=call.shape.sni if call.shape.tls else None,
            )
            port = int(writer.get_extra_info("sockname")[1])
            if port not in self.ports:
                self.ports.add(port)
                return _Line(kind, port, reader, writer)
            writer.close()

    def _source(self, number: int, call: Call) -> str:
        if not self.by_header:
            return str(call.client)
        if self.most == 1:
            return "127.0.0.1"
        return f"127.0.0.{1 + integer(_SOURCES, uniform(self.key, Purpose.ADDRESS, number))}"


def _no_questions() -> ssl.SSLContext:
    """TLS whose certificate nobody looks at."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _wait_for_a_young_millisecond() -> None:
    # asyncio's own sleep counts in whole milliseconds.
    while (age_ns := monotonic_ns() % _NS_PER_MS) > _YOUNG_NS:
        sleep((_NS_PER_MS - age_ns) / 1e9)


async def _answered(line: _Line) -> bool:
    """Wait for an answer, or for an end without one; whether the connection is kept."""
    data, ended = b"", False
    while (found := next_answer(data, head=False, ended=ended)) is None and not ended:
        part = await _read(line)
        data, ended = data + part, not part
    return not ended and found is not None and found[0].keeps


async def _read(line: _Line) -> bytes:
    try:
        return await line.reader.read(_CHUNK)
    except ConnectionResetError:
        return b""


def send(
    calls: Sequence[Call],
    endpoints: dict[int, Endpoint],
    *,
    seed: int,
    kept: bool,
    by_header: bool,
    patience_s: float,
) -> list[Sent]:
    """Send the calls to the endpoints of their ports, in real time; what went out, and when.

    Who has no answer after ``patience_s`` goes away.

    Raises OSError where nobody listens.
    """
    key = stream(seed, _NAME, 0)
    sender = _Sender(key, 1 if kept else _MOST_CONNECTIONS, endpoints, by_header, patience_s)
    # A notebook has a loop of its own running in this thread.
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(asyncio.run, sender.run(calls)).result()
