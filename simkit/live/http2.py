"""Just enough HTTP/2 (RFC 9113) to see how a server ends a stream.

Requests go out with literal header fields, so nothing has to be remembered between them; of the
answers only the status is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from simkit.live.connection import Connection, Ending

__all__ = ["Http2", "StreamEnd"]

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY = 0, 1, 3, 4, 6, 7
_END_STREAM, _END_HEADERS, _ACK = 1, 4, 1
# RFC 7541, appendix A: entries 8 to 14 of the static table are statuses.
_INDEXED_STATUS = {0x88: 200, 0x89: 204, 0x8A: 206, 0x8B: 304, 0x8C: 400, 0x8D: 404, 0x8E: 500}


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
        connection.send(_PREFACE + _frame(_SETTINGS, 0, 0, b""))

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
        block = b"".join(_literal(n, v) for n, v in (*pseudo, *host, *headers))
        self._connection.send(_frame(_HEADERS, _END_STREAM | _END_HEADERS, self._stream, block))
        return self._wait()

    def _wait(self) -> StreamEnd:
        status, body_bytes = 0, 0
        while (frame := self._next()) is not None:
            kind, flags, stream, payload = frame
            self._acknowledge(kind, flags, payload)
            if kind == _GOAWAY:
                return StreamEnd(status, body_bytes, goaway=int.from_bytes(payload[4:8], "big"))
            if stream != self._stream:
                continue
            if kind == _RST_STREAM:
                return StreamEnd(status, body_bytes, reset=int.from_bytes(payload, "big"))
            status = _status(payload) if kind == _HEADERS else status
            body_bytes += len(payload) if kind == _DATA else 0
            if kind in (_DATA, _HEADERS) and flags & _END_STREAM:
                break
        return StreamEnd(status, body_bytes)

    def _acknowledge(self, kind: int, flags: int, payload: bytes) -> None:
        if kind in (_SETTINGS, _PING) and not flags & _ACK:
            self._connection.send(_frame(kind, _ACK, 0, payload if kind == _PING else b""))

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


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    size = len(payload).to_bytes(3, "big")
    return size + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def _literal(name: str, value: str) -> bytes:
    """A field never indexed, with both strings as they are (RFC 7541, section 6.2.3)."""
    return b"\x10" + _string(name.encode()) + _string(value.encode())


def _string(raw: bytes) -> bytes:
    if len(raw) < 127:
        return bytes((len(raw),)) + raw
    rest, digits = len(raw) - 127, [127]
    while rest >= 128:
        digits.append(rest % 128 + 128)
        rest //= 128
    return bytes((*digits, rest)) + raw


def _status(block: bytes) -> int:
    """The status of a header block: nginx puts it first, indexed or as three plain digits."""
    block = block.removeprefix(b"\x20")  # a table of size 0, said once a connection
    if block[0] in _INDEXED_STATUS:
        return _INDEXED_STATUS[block[0]]
    if block[:2] in (b"\x08\x03", b"\x48\x03"):
        return int(block[2:5])
    return 0
