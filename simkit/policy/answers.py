"""What nginx 1.22 writes: its own pages, its headers, and how many bytes they take.

The texts are those of ngx_http_special_response.c; the sizes are held against a live server by the
tests. Sizes of HTTP/2 frames depend on the compression of headers and are estimates.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from simkit.wire import Version

NGINX_VERSION = "1.22.1"
"""The version that is modelled."""

_KNOWN = (
    *(200, 201, 202, 204, 206, 301, 303, 304, 307, 308),
    *(400, 401, 402, 403, 404, 406, 409, 410, 411, 412, 415, 421, 429),
    *(500, 501, 502, 505, 507),
)
_REASONS = {code: HTTPStatus(code).phrase for code in _KNOWN} | {
    302: "Moved Temporarily",
    405: "Not Allowed",
    408: "Request Time-out",
    413: "Request Entity Too Large",
    414: "Request-URI Too Large",
    416: "Requested Range Not Satisfiable",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
}
"""The phrases of nginx's status lines (ngx_http_header_filter_module.c), by code."""

_TITLES = {
    401: "401 Authorization Required",
    302: "302 Found",
    494: "400 Request Header Or Cookie Too Large",
    495: "400 The SSL certificate error",
    496: "400 No required SSL certificate was sent",
    497: "400 The plain HTTP request was sent to HTTPS port",
}
_HEADINGS = dict.fromkeys((494, 495, 496, 497), "400 Bad Request")
_EXPLAINED = {
    494: "Request Header Or Cookie Too Large",
    495: "The SSL certificate error",
    496: "No required SSL certificate was sent",
    497: "The plain HTTP request was sent to HTTPS port",
}
_FIRST_PAGE = 301
_WITHOUT_PAGE = frozenset({304})
_PADDING = 6 * "<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n"
_DATE = "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
_H2_HEADERS_ESTIMATE = 9 + 60

__all__ = [
    "NGINX_VERSION",
    "header_bytes",
    "page",
    "page_bytes",
    "product",
    "reason",
    "status_shown",
    "version_note",
]


def product(*, tokens: bool) -> str:
    """What the Server header says, with or without `server_tokens`."""
    return f"nginx/{NGINX_VERSION}" if tokens else "nginx"


def reason(status: int) -> str:
    """The phrase of a status line; empty for a status that nginx has no phrase for."""
    return _REASONS.get(status, "")


def status_shown(code: int) -> int:
    """The status that the client and the log see for one of nginx's inner codes."""
    return 400 if 494 <= code <= 497 else code


def page(code: int, *, tokens: bool, padded: bool) -> str:
    """nginx's own page for a code; empty where it has none.

    ``padded``: for agents that say MSIE or Chrome, nginx pads the pages of 4xx and 5xx.
    """
    if code < _FIRST_PAGE or code in _WITHOUT_PAGE or code not in _TITLES.keys() | _REASONS:
        return ""
    title = _TITLES.get(code) or f"{code} {_REASONS[code]}"
    heading = _HEADINGS.get(code, title)
    explained = f"<center>{_EXPLAINED[code]}</center>\r\n" if code in _EXPLAINED else ""
    body = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{heading}</h1></center>\r\n{explained}"
        f"<hr><center>{product(tokens=tokens)}</center>\r\n</body>\r\n</html>\r\n"
    )
    return body + (_PADDING if padded and code >= 400 else "")


def page_bytes(code: int, *, tokens: bool, padded: bool) -> int:
    """The size of nginx's own page for a code; 0 where it has none."""
    return len(page(code, tokens=tokens, padded=padded))


def header_bytes(
    version: Version, status: int, server: str, headers: Sequence[tuple[str, str]]
) -> int:
    """The size of an answer's header section, with the headers besides Server and Date."""
    if version is Version.HTTP_0_9:
        return 0
    if version is Version.HTTP_2:
        return _H2_HEADERS_ESTIMATE
    first = f"HTTP/1.1 {status:03d} {_REASONS.get(status, '')}\r\n"
    lines = sum(_size(name) + _size(value) + 4 for name, value in headers)
    return len(first) + len(f"Server: {server}\r\n") + len(_DATE) + lines + 2


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))


def version_note(version: str | None) -> str | None:
    """What to say of an nginx of that version; None where it is the modelled one, or not known."""
    if version is None or version == NGINX_VERSION:
        return None
    return f"this nginx is {version}, modelled is {NGINX_VERSION}: some answers may differ"
