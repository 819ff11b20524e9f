"""From a file to blocks of whole lines, in bounded memory, whatever the file holds.

A file that begins as gzip does is unpacked, by its content and not by its name. Where it is cut
or damaged everything before the damage is read, and `LineSource.damage` says what was found.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from simkit.errors import InputError

__all__ = ["BLOCK_BYTES", "MAX_LINE_BYTES", "Block", "LineSource"]

BLOCK_BYTES = 4 << 20
"""About how much text is parsed at a time."""

MAX_LINE_BYTES = 256 << 10
"""A longer line is malformed. Request line, referer and agent of 8 kB each (what nginx takes unless
told otherwise), every byte of them escaped, make 96 kB."""

_PACKED_BYTES = 4 << 10
_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 31
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines without the last line end; ``first`` is the number of the first, from 1."""

    first: int
    data: bytes


class LineSource:
    """The lines of a plain or gzipped file.

    After the last block, ``damage`` tells what was wrong with the packing (None: nothing), and
    ``unfinished`` whether the last line had no line end.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.damage: str | None = None
        self.unfinished = False

    def blocks(self) -> Iterator[Block]:
        """The file from its start.

        Raises InputError where it cannot be opened, is no file, or holds not a single byte.
        """
        try:
            with self.path.open("rb") as file:
                yield from self._blocks(file)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise InputError(f"cannot read the log: {reason}", file=self.path) from None

    def _blocks(self, file: BufferedReader) -> Iterator[Block]:
        number, rest, dropping, empty = 1, b"", False, True
        for data in self._text(file):
            empty = False
            start = data.find(b"\n") if dropping else 0
            if start < 0:
                continue
            rest, dropping = rest + data[start:], False
            end = rest.rfind(b"\n")
            if end >= 0:
                yield Block(number, rest[:end])
                number += rest.count(b"\n", 0, end) + 1
                rest = rest[end + 1 :]
            if len(rest) > MAX_LINE_BYTES:
                # One byte more than allowed stands for the whole line, which is refused for it.
                rest, dropping = rest[: MAX_LINE_BYTES + 1], True
        if empty:
            raise InputError(self.damage or "the log is empty", file=self.path)
        if rest:
            self.unfinished = True
            yield Block(number, rest)

    def _text(self, file: BufferedReader) -> Iterator[bytes]:
        packed = file.peek(len(_GZIP)).startswith(_GZIP)
        pieces = self._unpacked(file) if packed else _read(file, BLOCK_BYTES)
        first = True
        for data in _gathered(pieces):
            yield data.removeprefix(_BYTE_ORDER_MARK) if first else data
            first = False

    def _unpacked(self, file: BufferedReader) -> Iterator[bytes]:
        unpacker = zlib.decompressobj(_GZIP_WINDOW)
        for packed in _read(file, _PACKED_BYTES):
            data = packed
            while data:
                if unpacker.eof:
                    data = data.lstrip(b"\0")  # gzip allows zeros after the end
                    if not data:
                        break
                    unpacker = zlib.decompressobj(_GZIP_WINDOW)
                before = unpacker.copy()
                try:
                    text = unpacker.decompress(data, BLOCK_BYTES)
                except zlib.error as error:
                    self.damage = f"the gzip data is damaged: {_plain(error)}"
                    yield from _salvaged(before, data)
                    return
                yield text
                data = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
        yield unpacker.flush()
        if not unpacker.eof:
            self.damage = "the gzip data is cut off: its end is missing"


def _read(file: BufferedReader, size: int) -> Iterator[bytes]:
    while data := file.read(size):
        yield data


def _gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Pieces joined to about a block."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= BLOCK_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if size:
        yield b"".join(held)


def _salvaged(unpacker: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    """What can be unpacked before the damage, byte for byte."""
    try:
        for position in range(len(data)):
            yield unpacker.decompress(data[position : position + 1], BLOCK_BYTES)
    except zlib.error:
        return


def _plain(error: zlib.error) -> str:
    """zlib's own words, without its number."""
    return str(error).rpartition(": ")[2]
