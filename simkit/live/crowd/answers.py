"""Reading HTTP/1.x answers as they come, no more of them than a client reacts to.

`simkit.live.http1` reads every header of an answer that is there as a whole; a crowd has no time
for that.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AnswerReader", "Seen", "fields_of"]

_END = b"\r\n\r\n"
_LAST_CHUNK = b"\r\n0\r\n\r\n"
_BODILESS = (204, 304)


@dataclass(slots=True)
class Seen:
    """An answer: status, length of its body, Retry-After if it has one, whether one may go on.

    The length of a body in chunks is that of the chunks as sent.
    """

    status: int
    body_bytes: int
    retry_after: str
    keeps: bool


class AnswerReader:
    """One answer after another on a connection; set ``next_is_head`` before one to a HEAD."""

    __slots__ = (
        "_chunked",
        "_counted",
        "_head",
        "_left",
        "_seen",
        "_tail",
        "_to_the_end",
        "next_is_head",
    )

    def __init__(self) -> None:
        self.next_is_head = False
        self._head = b""
        self._left = self._counted = 0
        self._seen: Seen | None = None
        self._to_the_end = self._chunked = False
        self._tail = b""

    @property
    def left(self) -> int:
        """How much of the body of the answer under way is still to come, as far as is known."""
        return 0 if self._seen is None or self._chunked else max(0, self._left)

    def skip(self, count: int) -> Seen | None:
        """The same as `feed` for so many bytes of the body, fewer than are left or just these."""
        seen = self._seen
        assert seen is not None
        self._counted += count
        self._left -= count
        return None if self._left else self._done(seen)

    def feed(self, data: bytes) -> Seen | None:
        """The answer that these bytes complete, if they do."""
        if self._seen is None:
            self._head += data
            top, mark, data = self._head.partition(_END)
            if not mark:
                return None
            self._head = b""
            self._begin(top)
        return self._body(data)

    def end(self) -> Seen | None:
        """The connection has ended: the answer that this completes, if it does."""
        seen = self._seen
        if seen is None or not self._to_the_end:
            return None
        return self._done(seen)

    def _begin(self, top: bytes) -> None:
        fields = fields_of(top)
        status = int(top[9:12])
        wish = fields.get(b"connection", b"").lower()
        keeps = wish == b"keep-alive" if top.startswith(b"HTTP/1.0") else wish != b"close"
        self._seen = Seen(status, 0, fields.get(b"retry-after", b"").decode("latin-1"), keeps)
        length = fields.get(b"content-length")
        self._counted = 0
        self._to_the_end = False
        self._chunked = fields.get(b"transfer-encoding", b"").lower() == b"chunked"
        self._tail = b"\r\n"
        if self.next_is_head or status in _BODILESS or 100 <= status < 200:
            self._left = 0
            self._chunked = False
        elif self._chunked:
            self._left = 1
        elif length is None:
            self._to_the_end = True
        else:
            self._left = int(length)

    def _body(self, data: bytes) -> Seen | None:
        seen = self._seen
        assert seen is not None
        self._counted += len(data)
        if self._chunked:
            self._tail = (self._tail + data)[-len(_LAST_CHUNK) :]
            self._left = int(self._tail != _LAST_CHUNK)
        else:
            self._left -= len(data)
        if self._to_the_end or self._left > 0:
            return None
        if 100 <= seen.status < 200:
            self._seen = None
            return self.feed(data) if data else None
        return self._done(seen)

    def _done(self, seen: Seen) -> Seen:
        seen.body_bytes = self._counted
        seen.keeps = seen.keeps and not self._to_the_end
        self._seen = None
        return seen


def fields_of(top: bytes) -> dict[bytes, bytes]:
    """The header fields that follow the first line, by their names in small letters."""
    lines = (line.partition(b":") for line in top.split(b"\r\n")[1:])
    return {name.lower(): value.strip() for name, _, value in lines}
