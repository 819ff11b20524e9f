"""Reading requests off a connection as nginx reads them: bytes in, a `Shape` out.

The reader takes bytes in pieces of any size and says how many nginx would read now (`room`), for
what is left in the kernel when a connection is closed turns an orderly close into a reset. Lines
are laid into buffers as nginx lays them (``client_header_buffer_size``, then
``large_client_header_buffers``), so what is too long is found at the same byte. Memory is bounded
by those buffers, work is linear in the bytes, and how the bytes were cut changes nothing.

What is wrong with a request is said as a `Fault`; what nginx does about it, the policy decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

from simkit.live.serve import automata
from simkit.policy.facts import HeaderNames
from simkit.policy.model import Server
from simkit.policy.parse import length_said
from simkit.policy.patterns import from_bytes
from simkit.policy.uri import parse_target, valid_host
from simkit.wire import Fault, Shape, Version

__all__ = ["Framing", "Limits", "Request", "RequestReader"]

_METHOD = re.compile(rb"([A-Z_-]+) ")
_UNIQUE = frozenset(
    """host content-length content-range transfer-encoding if-modified-since if-unmodified-since
    if-match if-none-match if-range expect authorization""".split()
)
"""Headers of which nginx takes no second one (ngx_http_process_unique_header_line)."""

_FAULTS = {
    automata.BAD_LINE: Fault.BAD_REQUEST_LINE,
    automata.BAD_METHOD: Fault.BAD_METHOD,
    automata.BAD_VERSION: Fault.UNKNOWN_VERSION,
}
_CLIENT_HELLO = 0x16


class Limits(NamedTuple):
    """What a server says about reading headers; sizes in bytes."""

    first_bytes: int = 1024
    large_count: int = 4
    large_bytes: int = 8192
    names: HeaderNames = HeaderNames()
    merge_slashes: bool = True

    @classmethod
    def of(cls, server: Server) -> Limits:
        """Those of a server block."""
        buffers, view = server.buffers, server.view
        return cls(
            buffers.first_bytes,
            buffers.large_count,
            buffers.large_bytes,
            view.names,
            view.merge_slashes,
        )


class Framing(Enum):
    """How the end of a request's body is found."""

    NONE = 0
    LENGTH = 1
    CHUNKED = 2


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose header has been read, or could not be.

    ``line`` is the request line as sent, without its end; ``header_bytes`` counts what was read
    of it so far, ``body_bytes`` is what `Content-Length` announces.
    """

    shape: Shape
    line: bytes
    header_bytes: int
    framing: Framing = Framing.NONE
    body_bytes: int = 0


class RequestReader:
    """Reads the requests of one connection, one after the other.

    ``find`` says what holds for a host (None: not known yet). Feed bytes with `feed`, ask for a
    request with `next`; after one, what follows it stays in the reader until `take`.
    """

    def __init__(
        self,
        find: Callable[[str | None], Limits],
        *,
        port: int = 80,
        tls: bool = False,
        sni: str | None = None,
    ) -> None:
        self._find = find
        # a line that cannot be read has no method and no target
        self._origin = Shape("", "", port=port, tls=tls, sni=sni)
        self._data = bytearray()  # from the start of the current line
        self._begin()

    def _begin(self) -> None:
        """Begin a request, in a fresh buffer.

        Where a request follows in the same buffer nginx goes on in it, if the bytes came in time;
        that would make what is too long depend on how the bytes were cut.
        """
        self._limits = self._find(None)
        self._at = 0  # what of the data has been stepped through
        self._size = self._limits.first_bytes  # of the buffer that is being filled
        self._line_start = 0  # where in that buffer the current line starts
        self._busy = 0  # large buffers in use
        self._state = automata.START
        self._in_line = True
        self._names_host = False
        self._begun = False
        self._line = b""
        self._read = 0
        self._shape = self._origin
        self._headers: list[tuple[str, str]] = []
        self._seen: set[str] = set()
        self._ended: Request | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing of a next request has been seen."""
        return not self._data and self._in_line and self._state == automata.START

    @property
    def room(self) -> int:
        """How many bytes nginx would read now, at most; at least 1."""
        filled = self._line_start + len(self._data)
        return self._size - filled if filled < self._size else self._limits.large_bytes

    @property
    def waiting(self) -> int:
        """How many bytes lie here that no request has taken yet."""
        return len(self._data)

    @property
    def line_so_far(self) -> bytes:
        """What was read of the request line, for the log of a request that was cut off."""
        return self._line or re.split(rb"[\r\n]", bytes(self._data), maxsplit=1)[0]

    @property
    def so_far(self) -> Request | None:
        """What was read of a request that is cut off; None where not a byte of it came."""
        if not (self._begun or self._read or self._data):
            return None
        shape = replace(self._shape, headers=tuple(self._headers))
        return Request(shape, self.line_so_far, self._read)

    def feed(self, data: bytes) -> None:
        """Take bytes that came."""
        self._data += data

    def take(self, most: int) -> bytes:
        """Up to so many of the bytes that follow the last request: its body."""
        taken = bytes(self._data[:most])
        del self._data[:most]
        return taken

    def give_back(self, data: bytes) -> None:
        """Bytes that were taken too many, and belong to the next request."""
        self._data[:0] = data

    def next(self) -> Request | None:
        """The next request, or None where more bytes are needed.

        After a request with a fault nothing can be read any more.
        """
        if self._ended is not None and self._ended.shape.fault is not Fault.NONE:
            return self._ended
        if self._ended is not None:
            self._begin()
        while self._ended is None:
            if not self._step():
                return None
        return self._ended

    def _step(self) -> bool:
        """Go on to the end of a line, a buffer or the data; False where more data is needed."""
        if self._in_line and self._state == automata.START:
            self._skip_empty_lines()
        stop = min(len(self._data), self._size - self._line_start)
        table = automata.LINE if self._in_line else automata.HEADER
        self._state, self._at = automata.run(table, self._state, self._data, self._at, stop)
        if self._state >= automata.DONE:
            self._stopped()
            return True
        if self._line_start + self._at < self._size:
            return False
        return self._next_buffer()

    def _skip_empty_lines(self) -> None:
        """Line ends before a request are passed over; the buffer is used again for more of them."""
        empty = len(self._data) - len(self._data.lstrip(b"\r\n"))
        self._begun = self._begun or empty > 0
        self._drop(empty)
        self._line_start %= self._size

    def _drop(self, count: int) -> None:
        del self._data[:count]
        self._at = 0
        self._line_start += count

    def _next_buffer(self) -> bool:
        """Lay the rest of the line into a further buffer (ngx_http_alloc_large_header_buffer)."""
        limits = self._limits
        if self._at >= limits.large_bytes or self._busy >= limits.large_count:
            self._fail(Fault.URI_TOO_LONG if self._in_line else Fault.HEADER_TOO_LARGE)
            return True
        self._busy += 1
        self._size, self._line_start = limits.large_bytes, 0
        return self._at < len(self._data)

    def _stopped(self) -> None:
        """A line has ended, or is wrong."""
        if self._state >= automata.BAD_LINE:
            self._fail(_FAULTS[self._state] if self._in_line else Fault.BAD_HEADER)
            return
        line = bytes(self._data[: self._at])
        ended, in_line = self._state == automata.END_OF_HEADER, self._in_line
        self._read += len(line)
        self._drop(len(line))
        self._state = automata.START
        if in_line:
            self._request_line(line)
        elif ended:
            self._whole()
        else:
            self._header(line)

    def _fail(self, fault: Fault) -> None:
        if fault is Fault.BAD_METHOD and self._data[0] == _CLIENT_HELLO and not self._origin.tls:
            fault = Fault.TLS_ON_PLAIN
        if self._in_line and not self._line:
            self._line = self.line_so_far
        if self._in_line and fault is not Fault.BAD_METHOD:
            self._note_method()
        shape = replace(self._shape, headers=tuple(self._headers), fault=fault)
        self._ended = Request(shape, self._line, self._read)

    def _note_method(self) -> None:
        """nginx knows the method once a space has followed it, whatever is wrong behind."""
        method = _METHOD.match(self._line)
        if method is not None:
            self._shape = replace(self._shape, method=method[1].decode())

    def _request_line(self, line: bytes) -> None:
        self._line = line.rstrip(b"\r\n")
        first, second, *third = (word for word in self._line.split(b" ") if word)
        version = _version(third[0]) if third else Version.HTTP_0_9
        method, text = first.decode(), from_bytes(second)
        self._shape = replace(self._shape, version=version)
        target = parse_target(text, merge_slashes=self._limits.merge_slashes)
        if target is None or (version is Version.HTTP_0_9 and method != "GET"):
            return self._fail(Fault.BAD_REQUEST_LINE)
        host = target.host
        self._shape = replace(self._shape, method=method, target=text)
        if host is not None and valid_host(host) is None:
            return self._fail(Fault.BAD_HOST)
        self._in_line = False
        if host is not None:
            self._names_host = True
            self._limits = self._find(valid_host(host))
        if version is Version.HTTP_0_9:
            self._whole()
        return None

    def _header(self, line: bytes) -> None:
        raw, _, rest = line.rstrip(b"\r\n").partition(b":")
        if not self._limits.names.take(from_bytes(raw)):
            return
        name, value = from_bytes(raw), from_bytes(rest.strip(b" "))
        fault = self._notice(name.lower(), value)
        if fault is Fault.NONE:
            self._headers.append((name, value))
        else:
            self._fail(fault)

    def _notice(self, name: str, value: str) -> Fault:
        """What a header means for reading on."""
        if name in self._seen:
            return Fault.BAD_HEADER
        if name in _UNIQUE:
            self._seen.add(name)
        if name == "host":
            host = valid_host(value)
            if host is None:
                return Fault.BAD_HOST
            if not self._names_host:
                self._limits = self._find(host)
        return Fault.NONE

    def _whole(self) -> None:
        """The header has been read; what is left is how its body is framed."""
        shape = replace(self._shape, headers=tuple(self._headers))
        framing, length, fault = _framing(shape)
        shape = replace(shape, body_bytes=length, fault=fault)
        self._ended = Request(shape, self._line, self._read, framing, length)


def _version(text: bytes) -> Version:
    """``HTTP/1.`` and any other minor version than 0 counts as HTTP/1.1."""
    return Version.HTTP_1_1 if text[len(b"HTTP/1.") :].strip(b"0") else Version.HTTP_1_0


def _framing(shape: Shape) -> tuple[Framing, int, Fault]:
    encoding, length = shape.header("Transfer-Encoding"), shape.header("Content-Length")
    said = 0 if length is None else length_said(length)
    if said is None:
        return Framing.NONE, 0, Fault.BAD_CONTENT_LENGTH
    if encoding is not None and encoding.lower() == "chunked":
        return Framing.CHUNKED, 0, Fault.NONE
    if said:
        return Framing.LENGTH, said, Fault.NONE
    return Framing.NONE, 0, Fault.NONE
