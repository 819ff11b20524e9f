"""Errors that end a request before any phase looks at it.

They are found in nginx's order: the request line, the headers one by one, then the request as a
whole (src/http/ngx_http_request.c). No rule of the configuration has a say, except `error_page`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from simkit.policy.facts import Reading
from simkit.policy.model import HeaderBuffers, Server
from simkit.policy.servers import Group
from simkit.policy.uri import ascii_lower, parse_target, valid_host
from simkit.wire import Fault, Shape, Version

__all__ = ["ParseError", "length_said", "parse_error"]

_METHOD = re.compile(r"[A-Z_-]+")
_BAD_IN_NAME = re.compile(r"[\x00-\x20\x7f:]")
_LENGTH = re.compile(r"0*([0-9]{1,19})")
_MOST_BYTES = (1 << 63) - 1
_REFUSED_METHODS = ("CONNECT", "TRACE")
_UNIQUE = frozenset(
    """host if-modified-since if-unmodified-since if-match if-none-match content-length
    content-range if-range transfer-encoding expect authorization""".split()
)
"""Headers of which nginx takes no second one (ngx_http_headers_in)."""

_LINE_FAULTS = {
    Fault.BAD_REQUEST_LINE: (400, "client sent invalid request line"),
    Fault.BAD_METHOD: (400, "client sent invalid method"),
    Fault.TLS_ON_PLAIN: (400, "client sent TLS bytes to a plain port"),
    Fault.UNKNOWN_VERSION: (505, "client sent invalid version"),
    Fault.URI_TOO_LONG: (414, "client sent too long URI"),
}
_HEADER_FAULTS = {
    Fault.BAD_HEADER: (400, "client sent invalid header line"),
    Fault.BAD_HOST: (400, "client sent invalid host header"),
    Fault.HEADER_TOO_LARGE: (494, "client sent too large request header"),
}
_UNKNOWN_ENCODING = (501, "client sent unknown Transfer-Encoding")
_BAD_LENGTH = (400, 'client sent invalid "Content-Length" header')
_TOO_LONG = (414, 494)


class ParseError(NamedTuple):
    """What is wrong: nginx's code and its words, and how far the request had been read.

    ``has_uri``: its target is known; ``has_host``: its server was chosen by its host;
    ``unread``: some of it is left in the socket.
    """

    code: int
    what: str
    has_uri: bool
    has_host: bool
    unread: bool = False


def parse_error(reading: Reading, group: Group, position: int) -> ParseError | None:
    """The first error of a request; it begins at the server at ``position`` of the group."""
    shape, server = reading.shape, group.servers[position]
    line = _line_error(shape, server)
    if line is not None:
        return ParseError(*line, has_uri=False, has_host=False, unread=line[0] in _TOO_LONG)
    host = reading.unmerged.host
    if host is not None and valid_host(host) is None:
        return ParseError(400, "client sent invalid host in request line", True, False)
    if shape.version is Version.HTTP_0_9:
        return None
    reader = _HeaderReader(shape, group, server, host)
    found = reader.error() or _whole_error(shape)
    if found is None:
        return None
    unread = found[0] in _TOO_LONG and not shape.tls
    return ParseError(*found, has_uri=True, has_host=reader.host is not None, unread=unread)


def _line_error(shape: Shape, server: Server) -> tuple[int, str] | None:
    if shape.fault in _LINE_FAULTS:
        return _LINE_FAULTS[shape.fault]
    if shape.version is not Version.HTTP_2 and not _Room(server.buffers).lay(_line_bytes(shape)):
        return _LINE_FAULTS[Fault.URI_TOO_LONG]
    if not _METHOD.fullmatch(shape.method):
        return _LINE_FAULTS[Fault.BAD_METHOD]
    if shape.version is Version.HTTP_0_9 and shape.method != "GET":
        return 400, "client sent invalid method in HTTP/0.9 request"
    if parse_target(shape.target, merge_slashes=server.view.merge_slashes) is None:
        return _LINE_FAULTS[Fault.BAD_REQUEST_LINE]
    return None


def _line_bytes(shape: Shape) -> int:
    version = "" if shape.version is Version.HTTP_0_9 else f" {shape.version.value}"
    return _bytes(f"{shape.method} {shape.target}{version}\r\n")


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))


class _Room:
    """Lines laid into buffers: a first one, then large ones; a line must fit into one."""

    def __init__(self, buffers: HeaderBuffers) -> None:
        self.buffers = buffers
        self._size, self._used, self._busy = buffers.first_bytes, 0, 0

    def lay(self, line_bytes: int) -> bool:
        """Lay a line; False where there is no room for it."""
        while self._used + line_bytes > self._size:
            begun = self._size - self._used
            limits = self.buffers
            if begun >= limits.large_bytes or self._busy >= limits.large_count:
                return False
            self._busy += 1
            self._size, self._used = limits.large_bytes, 0
        self._used += line_bytes
        return True


class _HeaderReader:
    """Reads headers one by one; ``host`` is the one that has chosen the server."""

    def __init__(self, shape: Shape, group: Group, server: Server, host: str | None) -> None:
        self._shape = shape
        self._group = group
        self._room = _Room(server.buffers)
        self._room.lay(_line_bytes(shape))
        self._seen: set[str] = set()
        self.host: str | None = None
        if host is not None:
            self._choose(host)

    def _choose(self, host: str) -> None:
        self.host = valid_host(host)
        chosen = self._group.servers[self._group.find(self.host).position]
        self._room.buffers = chosen.buffers

    def error(self) -> tuple[int, str] | None:
        """The first error of the headers."""
        for name, value in _sent(self._shape):
            wrong = self._header(name, value)
            if wrong is not None:
                return wrong
        if self._shape.fault in _HEADER_FAULTS:
            return _HEADER_FAULTS[self._shape.fault]
        return None if self._room.lay(2) else _HEADER_FAULTS[Fault.HEADER_TOO_LARGE]

    def _header(self, name: str, value: str) -> tuple[int, str] | None:
        if not self._room.lay(_bytes(name) + _bytes(value) + 4):
            return _HEADER_FAULTS[Fault.HEADER_TOO_LARGE]
        if not name or _BAD_IN_NAME.search(name) or "\0" in value:
            return _HEADER_FAULTS[Fault.BAD_HEADER]
        key = ascii_lower(name)
        if key in self._seen:
            return 400, f'client sent duplicate header line: "{key}"'
        if key in _UNIQUE:
            self._seen.add(key)
        return self._take_host(value.strip(" ")) if key == "host" else None

    def _take_host(self, value: str) -> tuple[int, str] | None:
        if valid_host(value) is None:
            return _HEADER_FAULTS[Fault.BAD_HOST]
        if self.host is None:
            self._choose(value)
        return None


def _sent(shape: Shape) -> list[tuple[str, str]]:
    """The headers as they come; of a malformed Host there is no valid one beside it."""
    headers = list(shape.headers)
    if shape.fault is Fault.BAD_HOST:
        headers = [(n, v) for n, v in headers if ascii_lower(n) != "host"]
    if shape.body_bytes and shape.header("Content-Length") is None and not _is_chunked(shape):
        headers.append(("Content-Length", str(shape.body_bytes)))
    return headers


def _is_chunked(shape: Shape) -> bool:
    return shape.header("Transfer-Encoding") is not None


def _whole_error(shape: Shape) -> tuple[int, str] | None:
    if shape.version is not Version.HTTP_1_0 and shape.header("Host") is None:
        return 400, 'client sent HTTP/1.1 request without "Host" header'
    if shape.fault is Fault.BAD_CONTENT_LENGTH:
        return _BAD_LENGTH
    length, encoding = shape.header("Content-Length"), shape.header("Transfer-Encoding")
    if length is not None and length_said(length.strip(" ")) is None:
        return _BAD_LENGTH
    if shape.fault is Fault.UNKNOWN_TRANSFER_ENCODING:
        encoding = "unknown"
    if encoding is not None:
        wrong = _encoding_error(shape, encoding.strip(" "))
        if wrong is not None:
            return wrong
    if shape.fault is Fault.BAD_BODY:
        return 400, "client sent invalid chunked body"
    if shape.method in _REFUSED_METHODS:
        return 405, f"client sent {shape.method} method"
    return None


def length_said(text: str) -> int | None:
    """What a `Content-Length` says, in bytes; None where nginx cannot read it (ngx_atoof)."""
    found = _LENGTH.fullmatch(text)
    said = None if found is None else int(found[1])
    return said if said is not None and said <= _MOST_BYTES else None


def _encoding_error(shape: Shape, encoding: str) -> tuple[int, str] | None:
    if shape.version is Version.HTTP_1_0:
        return 400, 'client sent HTTP/1.0 request with "Transfer-Encoding" header'
    if ascii_lower(encoding) != "chunked":
        return _UNKNOWN_ENCODING
    if shape.header("Content-Length") is not None:
        return 400, 'client sent "Content-Length" and "Transfer-Encoding" headers at the same time'
    return None
