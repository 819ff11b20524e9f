"""Errors that end a request before any phase looks at it.

They are found in nginx's order: the request line, the headers, then the request as a whole
(src/http/ngx_http_request.c). No rule of the configuration has a say, except `error_page`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from simkit.policy.facts import Reading
from simkit.policy.model import Server
from simkit.policy.uri import parse_target, valid_host
from simkit.wire import Fault, Shape, Version

__all__ = ["ParseError", "parse_error"]

_METHOD = re.compile(r"[A-Z_-]+")
_REFUSED_METHODS = ("TRACE", "CONNECT")

_FAULTS = {
    Fault.BAD_REQUEST_LINE: (400, "client sent invalid request line"),
    Fault.BAD_METHOD: (400, "client sent invalid method"),
    Fault.TLS_ON_PLAIN: (400, "client sent TLS bytes to a plain port"),
    Fault.UNKNOWN_VERSION: (505, "client sent invalid version"),
    Fault.URI_TOO_LONG: (414, "client sent too long URI"),
    Fault.HEADER_TOO_LARGE: (494, "client sent too large request header"),
    Fault.BAD_CONTENT_LENGTH: (400, "client sent invalid Content-Length"),
    Fault.BAD_HEADER: (400, "client sent invalid header line"),
    Fault.BAD_HOST: (400, "client sent invalid host header"),
    Fault.UNKNOWN_TRANSFER_ENCODING: (501, "client sent unknown Transfer-Encoding"),
}
_IN_REQUEST_LINE = (
    Fault.BAD_REQUEST_LINE,
    Fault.BAD_METHOD,
    Fault.TLS_ON_PLAIN,
    Fault.UNKNOWN_VERSION,
    Fault.URI_TOO_LONG,
)


class ParseError(NamedTuple):
    """What is wrong: nginx's code, its words, and whether the URI and the Host were read."""

    code: int
    what: str
    has_uri: bool
    has_host: bool


def parse_error(reading: Reading, default: Server) -> ParseError | None:
    """The first error of a request that arrives where ``default`` is the default server."""
    shape = reading.shape
    line = _line_error(shape, default)
    if line is not None:
        return ParseError(*line, has_uri=False, has_host=False)
    header = _header_error(shape, default) or _whole_error(shape)
    if header is None:
        return None
    has_host = len(_hosts(shape)) > 0 and reading.host is not None
    return ParseError(*header, has_uri=True, has_host=has_host)


def _line_error(shape: Shape, server: Server) -> tuple[int, str] | None:
    if shape.fault in _IN_REQUEST_LINE:
        return _FAULTS[shape.fault]
    line = len(f"{shape.method} {shape.target} {shape.version.value}\r\n")
    if shape.version is not Version.HTTP_2 and line > server.header_buffer_bytes:
        return 414, "client sent too long URI"
    if not _METHOD.fullmatch(shape.method):
        return _FAULTS[Fault.BAD_METHOD]
    target = parse_target(shape.target)
    if target is None or (target.host is not None and valid_host(target.host) is None):
        return _FAULTS[Fault.BAD_REQUEST_LINE]
    return None


def _header_error(shape: Shape, server: Server) -> tuple[int, str] | None:
    sizes = [len(f"{name}: {value}\r\n") for name, value in shape.headers]
    room = server.header_buffer_bytes
    if any(size > room for size in sizes) or sum(sizes) > room * server.header_buffers:
        return 494, "client sent too large request header"
    if shape.fault in (Fault.BAD_HEADER, Fault.BAD_HOST, Fault.HEADER_TOO_LARGE):
        return _FAULTS[shape.fault]
    hosts = _hosts(shape)
    if len(hosts) > 1:
        return 400, "client sent duplicate host header"
    if hosts and valid_host(hosts[0]) is None:
        return _FAULTS[Fault.BAD_HOST]
    return None


def _whole_error(shape: Shape) -> tuple[int, str] | None:
    needs_host = shape.version in (Version.HTTP_1_1, Version.HTTP_2)
    if needs_host and not _hosts(shape):
        return 400, 'client sent HTTP/1.1 request without "Host" header'
    encoding = shape.header("Transfer-Encoding")
    if shape.fault in (Fault.BAD_CONTENT_LENGTH, Fault.UNKNOWN_TRANSFER_ENCODING):
        return _FAULTS[shape.fault]
    if encoding is not None:
        return _encoding_error(shape, encoding)
    if shape.method in _REFUSED_METHODS:
        return 405, f"client sent {shape.method} method"
    return None


def _encoding_error(shape: Shape, encoding: str) -> tuple[int, str] | None:
    if shape.version is Version.HTTP_1_0:
        return 400, "client sent HTTP/1.0 request with Transfer-Encoding"
    if encoding.lower() != "chunked":
        return _FAULTS[Fault.UNKNOWN_TRANSFER_ENCODING]
    if shape.header("Content-Length") is not None:
        return 400, "client sent Content-Length and Transfer-Encoding at once"
    return None


def _hosts(shape: Shape) -> list[str]:
    return [value for name, value in shape.headers if name.lower() == "host"]
