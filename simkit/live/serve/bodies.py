"""Where a request's body ends: by its length, or chunk by chunk. Nothing of it is kept."""

from __future__ import annotations

from simkit.live.serve import automata
from simkit.live.serve.reading import Framing

__all__ = ["Body", "BodyError"]

_MOST_BYTES = (1 << 63) - 1
_PIECE = 4096


class BodyError(Exception):
    """The body is malformed."""


class Body:
    """Takes the bytes of a body and says where it ends.

    ``done`` is set at its end, ``read_bytes`` counts what was taken.
    """

    def __init__(self, framing: Framing, length: int) -> None:
        self._chunked = framing is Framing.CHUNKED
        self._left = length
        self._state = automata.FIRST_CHUNK
        self.done = framing is Framing.NONE
        self.read_bytes = 0

    @property
    def room(self) -> int:
        """How many bytes may be read now: none of the next request, where that is known."""
        return _PIECE if self._chunked else min(_PIECE, max(1, self._left))

    def take(self, data: bytes) -> tuple[bytes, bytes]:
        """The content in the data, and what follows the body. Raises BodyError."""
        if self.done:
            return b"", data
        if self._chunked:
            content, rest = self._take_chunks(data)
        else:
            content, rest = data[: self._left], data[self._left :]
            self._left -= len(content)
            self.done = self._left == 0
        self.read_bytes += len(data) - len(rest)
        return content, rest

    def _take_chunks(self, data: bytes) -> tuple[bytes, bytes]:
        parts: list[bytes] = []
        at = 0
        while at < len(data) and not self.done:
            if self._state == automata.DONE:
                parts.append(data[at : at + self._left])
                at += len(parts[-1])
                self._left -= len(parts[-1])
                if not self._left:
                    self._state = automata.AFTER_CHUNK
            else:
                self._step(data[at])
                at += 1
        return b"".join(parts), data[at:]

    def _step(self, byte: int) -> None:
        """One byte between the data of two chunks."""
        if self._left > _MOST_BYTES // 16 and self._state == automata.SIZE:
            raise BodyError("client sent invalid chunked body")
        self._state = automata.CHUNK[self._state][byte]
        if self._state == automata.BAD_LINE:
            raise BodyError("client sent invalid chunked body")
        if self._state == automata.SIZE:
            self._left = self._left * 16 + int(chr(byte), 16)
        self.done = self._state == automata.END_OF_HEADER
