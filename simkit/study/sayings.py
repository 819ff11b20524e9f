"""What clients say about an answer: curl by its exit status and message, a browser by its error.

curl: exit statuses and messages of curl 7.88.1 with OpenSSL 3.0, as measured; its manual lists the
statuses. Chromium: what Chromium 156 did, except for net::ERR_CONNECTION_TIMED_OUT, which is from
its net/base/net_error_list.h. When it loads a page again is said by the catalogue of clients; how
often that meets the server is what was counted with one tab.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simkit.policy.answers import reason
from simkit.traffic.catalogue import CLIENTS
from simkit.traffic.reactions import ReactionTable
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
# Its first message is longer than the 1 kB that nginx reads at first, so nginx's orderly close
# becomes a reset by the kernel; curl's message is shorter.
_BROWSER_IN_HANDSHAKE = {
    SightKind.HTTP: "net::ERR_SSL_PROTOCOL_ERROR",
    SightKind.EMPTY: "net::ERR_CONNECTION_RESET",
    SightKind.RESET: "net::ERR_CONNECTION_RESET",
}
_AGAIN = ReactionTable(CLIENTS["chromium"])
# With one tab; more where the browser happens to hold a spare connection.
_COUNTED = {
    SightKind.EMPTY: "10 to 15 requests in 96 s",
    SightKind.RESET: "8 to 11 requests in 42 s",
    SightKind.STREAM_RESET: "4 requests in 42 s",
}
_MINUTE_S = 60.0


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
    """When Chromium loads the page again by itself, or None where it leaves it at that."""
    delays_s = _AGAIN.action(sight, shape.method).retry_after_s
    if shape.method != "GET" or not delays_s or not browser_sends(shape):
        return None
    words = f"after {_durations(delays_s)}"
    counted = None if _shakes_hands_in_vain(shape) else _COUNTED.get(sight.kind)
    return words if counted is None else f"{words} ({counted})"


def _durations(delays_s: Sequence[float]) -> str:
    short = [f"{d:g}" for d in delays_s if d < _MINUTE_S]
    long = [f"{d / _MINUTE_S:g}" for d in delays_s if d >= _MINUTE_S]
    return ", ".join(f"{', '.join(n)} {unit}" for n, unit in ((short, "s"), (long, "min")) if n)


def _http(sight: Sight) -> str:
    if sight.status < _FIRST_ERROR and sight.status not in REDIRECTS:
        return "the page" if sight.status == 200 else f"the answer {sight.status}"
    return f"the {sight.status} page ({reason(sight.status) or 'no phrase'})"
