"""Just enough HTTP/2 (RFC 9113) to see how a server ends a stream.

Requests go out with literal header fields, so nothing has to be remembered between them; of the
answers only the status is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from simkit.live.connection import Connection, Ending
from simkit.live.frames import PREFACE, Flag, FrameKind, frame, literal
from simkit.live.hpack import read_block

__all__ = ["Http2", "StreamEnd"]

_DATA, _HEADERS, _RST_STREAM = FrameKind.DATA, FrameKind.HEADERS, FrameKind.RST_STREAM
_SETTINGS, _PING, _GOAWAY = FrameKind.SETTINGS, FrameKind.PING, FrameKind.GOAWAY
_END_STREAM, _END_HEADERS, _ACK = Flag.END_STREAM, Flag.END_HEADERS, Flag.ACK


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """How a stream ended: a status with a body, or a reset with its error code, or neither.

    ``goaway`` is the error code with which the server gave up the connection, if it did.
    """

    status: int = 0
    body_bytes: int = 0
    reset: int | None = None
    goaway: int | None = None


class Http2:
    """HTTP/2 on a connection that has agreed on it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._buffer = b""
        self._stream = -1
        connection.send(PREFACE + frame(_SETTINGS, 0, 0, b""))

    def request(
        self,
        authority: str,
        path: str = "/",
        *,
        method: str = "GET",
        headers: Iterable[tuple[str, str]] = (),
    ) -> StreamEnd:
        """Send one request on a new stream and wait for its end."""
        self._stream += 2
        pseudo = ((":method", method), (":scheme", "https"), (":path", path))
        host = ((":authority", authority),) if authority else ()
        block = b"".join(literal(n, v) for n, v in (*pseudo, *host, *headers))
        self._connection.send(frame(_HEADERS, _END_STREAM | _END_HEADERS, self._stream, block))
        return self._wait()

    def _wait(self) -> StreamEnd:
        status, body_bytes = 0, 0
        while (came := self._next()) is not None:
            kind, flags, stream, payload = came
            self._acknowledge(kind, flags, payload)
            if kind == _GOAWAY:
                return StreamEnd(status, body_bytes, goaway=int.from_bytes(payload[4:8], "big"))
            if stream != self._stream:
                continue
            if kind == _RST_STREAM:
                return StreamEnd(status, body_bytes, reset=int.from_bytes(payload, "big"))
            status = read_block(payload)[0] if kind == _HEADERS else status
            body_bytes += len(payload) if kind == _DATA else 0
            if kind in (_DATA, _HEADERS) and flags & _END_STREAM:
                break
        return StreamEnd(status, body_bytes)

    def _acknowledge(self, kind: int, flags: int, payload: bytes) -> None:
        if kind in (_SETTINGS, _PING) and not flags & _ACK:
            self._connection.send(frame(kind, _ACK, 0, payload if kind == _PING else b""))

    def _next(self) -> tuple[int, int, int, bytes] | None:
        while True:
            size = int.from_bytes(self._buffer[:3], "big")
            if len(self._buffer) >= 9 and len(self._buffer) >= 9 + size:
                head, payload = self._buffer[:9], self._buffer[9 : 9 + size]
                self._buffer = self._buffer[9 + size :]
                return head[3], head[4], int.from_bytes(head[5:9], "big") & 0x7FFFFFFF, payload
            if self._connection.ending is not Ending.OPEN:
                return None
            more = self._connection.receive()
            if not more:
                return None
            self._buffer += more
