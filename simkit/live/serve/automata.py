"""How nginx reads a request line and a header line, byte by byte, as two tables.

The states are those of ngx_http_parse_request_line and ngx_http_parse_header_line of nginx 1.22
(src/http/ngx_http_parse.c). A table says for each state and byte what the next state is, so the
work is one step a byte, and an error is found at the byte that makes it, not at the end of a line.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "AFTER_CHUNK",
    "BAD_LINE",
    "BAD_METHOD",
    "BAD_VERSION",
    "CHUNK",
    "DONE",
    "END_OF_HEADER",
    "FIRST_CHUNK",
    "HEADER",
    "LINE",
    "SIZE",
    "START",
    "run",
]

START = 0
"""The first state of both tables: nothing of the line has been seen."""

DONE, END_OF_HEADER, BAD_LINE, BAD_METHOD, BAD_VERSION = 251, 252, 253, 254, 255
"""Where reading stops: a whole line, the empty line after the header, or an error."""

Table = tuple[bytes, ...]

_UPPER = bytes(range(ord("A"), ord("Z") + 1))
_LOWER = _UPPER.lower()
_DIGITS = b"0123456789"
_LETTERS = _UPPER + _LOWER
_ANY = bytes(range(256))
_CONTROLS = bytes((*range(0x20), 0x7F))
_VISIBLE = bytes(b for b in range(0x21, 256) if b != 0x7F)
_SUB_DELIMITERS = b"!$&'()*+,;="
_METHOD = _UPPER + b"_-"
_URI = bytes(b for b in _ANY if b not in _CONTROLS and b != 0x20)

Moves = dict[str, list[tuple[bytes, str]]]
_STOPS = {"done": DONE, "end": END_OF_HEADER, "bad version": BAD_VERSION}


def _table(moves: Moves, errors: dict[str, int]) -> Table:
    """The table of a list of moves: for each state, which bytes lead where."""
    numbers = {name: number for number, name in enumerate(moves)} | _STOPS
    return tuple(
        _row(((chars, numbers[to]) for chars, to in arms), errors.get(name, BAD_LINE))
        for name, arms in moves.items()
    )


def _row(arms: Iterable[tuple[bytes, int]], error: int) -> bytes:
    row = bytearray([error]) * 256
    for chars, to in arms:
        for char in chars:
            row[char] = to
    return bytes(row)


_LINE_END = [(b"\r", "almost done"), (b"\n", "done")]
_AFTER_HOST = [(b"/?", "uri"), (b" ", "after uri")]

LINE: Table = _table(
    {
        "start": [(_METHOD, "method"), (b"\r\n", "start")],
        "method": [(_METHOD, "method"), (b" ", "before uri")],
        "before uri": [(b" ", "before uri"), (b"/", "uri"), (_LETTERS, "schema")],
        "schema": [(_LETTERS + _DIGITS + b"+-.", "schema"), (b":", "schema slash")],
        "schema slash": [(b"/", "schema slash slash")],
        "schema slash slash": [(b"/", "host start")],
        "host start": [
            (b"[", "literal"),
            (_LETTERS + _DIGITS + b".-", "host"),
            (b":", "port"),
            *_AFTER_HOST,
        ],
        "host": [(_LETTERS + _DIGITS + b".-", "host"), (b":", "port"), *_AFTER_HOST],
        "literal": [
            (_LETTERS + _DIGITS + b":-._~" + _SUB_DELIMITERS, "literal"),
            (b"]", "host end"),
        ],
        "host end": [(b":", "port"), *_AFTER_HOST],
        "port": [(_DIGITS, "port"), *_AFTER_HOST],
        "uri": [(_URI, "uri"), (b" ", "after uri"), *_LINE_END],
        "after uri": [(b" ", "after uri"), (b"H", "H"), *_LINE_END],
        "H": [(b"T", "HT")],
        "HT": [(b"T", "HTT")],
        "HTT": [(b"P", "HTTP")],
        "HTTP": [(b"/", "first major")],
        "first major": [(b"1", "major"), (b"23456789", "bad version")],
        "major": [(b".", "first minor"), (_DIGITS, "bad version")],
        # a minor version of up to three digits, and any number of zeros before them
        "first minor": [(b"0", "minor"), (b"123456789", "minor 1")],
        "minor": [(b"0", "minor"), (b"123456789", "minor 1"), (b" ", "after version"), *_LINE_END],
        "minor 1": [(_DIGITS, "minor 2"), (b" ", "after version"), *_LINE_END],
        "minor 2": [(_DIGITS, "minor 3"), (b" ", "after version"), *_LINE_END],
        "minor 3": [(b" ", "after version"), *_LINE_END],
        "after version": [(b" ", "after version"), *_LINE_END],
        "almost done": [(b"\n", "done")],
    },
    {"start": BAD_METHOD, "method": BAD_METHOD},
)
"""Reading a request line, with the line ends that may stand before it."""


HEADER: Table = _table(
    {
        "start": [
            (bytes(b for b in _VISIBLE if b != ord(":")), "name"),
            (b"\r", "almost end"),
            (b"\n", "end"),
        ],
        "name": [(_VISIBLE, "name"), (b":", "before value"), *_LINE_END],
        "before value": [
            (bytes(b for b in _ANY if b), "value"),
            (b" ", "before value"),
            *_LINE_END,
        ],
        "value": [(bytes(b for b in _ANY if b), "value"), *_LINE_END],
        "almost done": [(b"\r", "almost done"), (b"\n", "done")],
        "almost end": [(b"\n", "end")],
    },
    {},
)
"""Reading a header line, and the empty line that ends the header."""


_HEX = b"0123456789abcdefABCDEF"
_CHUNK_ENDS = [(b"\r", "size end"), (b"\n", "done"), (b"; \t", "extension")]
_LAST_ENDS = [(b"\r", "last end"), (b"\n", "trailer"), (b"; \t", "last extension")]

CHUNK: Table = _table(
    {
        "after chunk": [(b"\r", "after chunk end"), (b"\n", "start")],
        "size": [(_HEX, "size"), *_CHUNK_ENDS],
        "start": [(_HEX, "size"), (b"0", "zero")],
        "zero": [(_HEX, "size"), (b"0", "zero"), *_LAST_ENDS],
        "after chunk end": [(b"\n", "start")],
        "extension": [(_ANY, "extension"), *_CHUNK_ENDS[:2]],
        "size end": [(b"\n", "done")],
        "last extension": [(_ANY, "last extension"), *_LAST_ENDS[:2]],
        "last end": [(b"\n", "trailer")],
        "trailer": [(_ANY, "trailer line"), (b"\r", "trailer end"), (b"\n", "end")],
        "trailer line": [(_ANY, "trailer line"), (b"\r", "trailer line end"), (b"\n", "trailer")],
        "trailer line end": [(b"\n", "trailer")],
        "trailer end": [(b"\n", "end")],
    },
    {},
)
"""Reading a chunked body around its data: `DONE` is where data begins, `END_OF_HEADER` its end.

As in ngx_http_parse_chunked of nginx 1.22 a line feed may stand alone, where RFC 9112, section 7.1,
wants CR LF.
"""

AFTER_CHUNK, SIZE, FIRST_CHUNK = 0, 1, 2
"""States of `CHUNK`: the data of a chunk is over, a digit of a size was read, the beginning."""


def run(
    table: Table, state: int, data: bytes | bytearray, start: int, stop: int
) -> tuple[int, int]:
    """Step through ``data[start:stop]``; the state reached and where. It ends early at a stop."""
    for at in range(start, stop):
        state = table[state][data[at]]
        if state >= DONE:
            return state, at + 1
    return state, stop
