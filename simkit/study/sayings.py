"""What clients say about an answer: curl by its exit status and message, a browser by its error.

curl: exit statuses and messages of curl 7.88.1 with OpenSSL 3.0, as measured; its manual lists the
statuses. Chromium: net::ERR_EMPTY_RESPONSE, net::ERR_CONNECTION_RESET and
net::ERR_HTTP2_PROTOCOL_ERROR as measured with Chromium 156; the other names are those of its
net/base/net_error_list.h. How often it loads a page again is what Chromium 156 did with one tab.
"""

from __future__ import annotations

from dataclasses import dataclass

from simkit.policy.answers import reason
from simkit.wire import Fault, Shape, Sight, SightKind, Version

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FIRST_ERROR = 400

_METHODS_OF_BROWSERS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
_IN_A_WORD = {
    0: "",
    7: "no connection",
    28: "timed out",
    35: "TLS error",
    52: "empty reply",
    56: "reset by peer",
    92: "stream error",
}

__all__ = ["REDIRECTS", "CurlSays", "browser_again", "browser_says", "browser_sends", "curl_says"]


@dataclass(frozen=True, slots=True)
class CurlSays:
    """curl's exit status, and what it prints: an error message, or what came."""

    exit: int
    message: str

    def __str__(self) -> str:
        return f"({self.exit}) {self.message}" if self.exit else self.message

    @property
    def short(self) -> str:
        """The exit status and a word or two."""
        return f"{self.exit} {_IN_A_WORD[self.exit]}".rstrip()


_CURL = {
    SightKind.NO_ANSWER: CurlSays(28, "Connection timed out"),
    SightKind.REFUSED: CurlSays(7, "Couldn't connect to server"),
    SightKind.RESET: CurlSays(56, "Recv failure: Connection reset by peer"),
    SightKind.EMPTY: CurlSays(52, "Empty reply from server"),
    SightKind.STREAM_RESET: CurlSays(
        92, "HTTP/2 stream 1 was not closed cleanly: PROTOCOL_ERROR (err 1)"
    ),
    SightKind.TLS_ALERT: CurlSays(35, "tlsv1 unrecognized name"),
}
_CURL_IN_HANDSHAKE = {
    SightKind.HTTP: CurlSays(35, "wrong version number"),
    SightKind.EMPTY: CurlSays(35, "OpenSSL SSL_connect: SSL_ERROR_SYSCALL"),
    SightKind.RESET: CurlSays(35, "Recv failure: Connection reset by peer"),
}

_BROWSER = {
    SightKind.NO_ANSWER: "net::ERR_CONNECTION_TIMED_OUT",
    SightKind.REFUSED: "net::ERR_CONNECTION_REFUSED",
    SightKind.RESET: "net::ERR_CONNECTION_RESET",
    SightKind.EMPTY: "net::ERR_EMPTY_RESPONSE",
    SightKind.STREAM_RESET: "net::ERR_HTTP2_PROTOCOL_ERROR",
    SightKind.TLS_ALERT: "net::ERR_SSL_UNRECOGNIZED_NAME_ALERT",
}
_BROWSER_IN_HANDSHAKE = {
    SightKind.HTTP: "net::ERR_SSL_PROTOCOL_ERROR",
    SightKind.EMPTY: "net::ERR_CONNECTION_CLOSED",
    SightKind.RESET: "net::ERR_CONNECTION_RESET",
}
_AGAIN = {
    SightKind.EMPTY: "15 requests in 96 s for one tab",
    SightKind.RESET: "11 requests in 42 s for one tab",
    SightKind.STREAM_RESET: "4 requests in 42 s for one tab",
}


def _shakes_hands_in_vain(shape: Shape) -> bool:
    """Whether the client speaks TLS and the server does not."""
    return shape.fault is Fault.TLS_ON_PLAIN


def curl_says(sight: Sight, shape: Shape) -> CurlSays:
    """What ``curl`` without options that matter makes of it."""
    if _shakes_hands_in_vain(shape):
        return _CURL_IN_HANDSHAKE.get(sight.kind) or _CURL[sight.kind]
    if sight.kind is SightKind.HTTP:
        return CurlSays(0, _http(sight))
    return _CURL[sight.kind]


def browser_says(sight: Sight, shape: Shape) -> str:
    """What Chromium makes of it when a person asks for the page."""
    if _shakes_hands_in_vain(shape):
        return _BROWSER_IN_HANDSHAKE.get(sight.kind) or _BROWSER[sight.kind]
    if sight.kind is not SightKind.HTTP:
        return _BROWSER[sight.kind]
    location = sight.header("location")
    if sight.status in REDIRECTS and location is not None:
        return f"goes on to {location}"
    if sight.status >= _FIRST_ERROR and not sight.body_bytes and shape.method != "HEAD":
        return "net::ERR_HTTP_RESPONSE_CODE_FAILURE"
    return f"shows {_http(sight)}"


def browser_sends(shape: Shape) -> bool:
    """Whether a browser makes such a request when a person or a page asks for something."""
    if shape.fault is Fault.TLS_ON_PLAIN:
        return True
    names = [name.lower() for name, _ in shape.headers]
    return (
        shape.fault is Fault.NONE
        and shape.version in (Version.HTTP_1_1, Version.HTTP_2)
        and shape.method in _METHODS_OF_BROWSERS
        and names.count("host") == 1
        and (shape.header("User-Agent") or "").startswith("Mozilla/")
        and "transfer-encoding" not in names
    )


def browser_again(sight: Sight, shape: Shape) -> str | None:
    """How Chromium loads the page again by itself, or None where it leaves it at that."""
    if shape.method != "GET" or _shakes_hands_in_vain(shape) or not browser_sends(shape):
        return None
    return _AGAIN.get(sight.kind)


def _http(sight: Sight) -> str:
    if sight.status < _FIRST_ERROR and sight.status not in REDIRECTS:
        return "the page" if sight.status == 200 else f"the answer {sight.status}"
    return f"the {sight.status} page ({reason(sight.status) or 'no phrase'})"
