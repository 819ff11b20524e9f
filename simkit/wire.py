"""The words that everyone shares: what a client sends, and what it sees.

A `Shape` is everything about a request that rules can look at, apart from the time and the
client's address. A `Sight` is what the client gets to see of the answer. Both are plain values:
equal when their fields are equal, hashable, safe to share between runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address

Address = IPv4Address | IPv6Address

__all__ = ["Address", "Fault", "Shape", "Sight", "SightKind", "Version", "address"]


def address(text: str) -> Address:
    """An IPv4 or IPv6 address; an IPv4-mapped IPv6 address is the IPv4 address that it maps.

    Raises ValueError for anything else.
    """
    found = ip_address(text)
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return found if mapped is None else mapped


class Version(StrEnum):
    """The protocol version of a request, as nginx writes it in ``$server_protocol``."""

    HTTP_0_9 = "HTTP/0.9"
    HTTP_1_0 = "HTTP/1.0"
    HTTP_1_1 = "HTTP/1.1"
    HTTP_2 = "HTTP/2.0"


class Fault(StrEnum):
    """What is wrong with a request before any rule of a policy looks at it."""

    NONE = ""
    BAD_REQUEST_LINE = "malformed request line"
    BAD_METHOD = "malformed method"
    BAD_HEADER = "malformed header"
    BAD_HOST = "malformed host"
    TLS_ON_PLAIN = "TLS bytes on a plain port"
    UNKNOWN_TRANSFER_ENCODING = "unknown Transfer-Encoding"
    UNKNOWN_VERSION = "unknown HTTP version"
    URI_TOO_LONG = "request line longer than a buffer"
    HEADER_TOO_LARGE = "header larger than the buffers"
    BAD_CONTENT_LENGTH = "malformed Content-Length"
    BAD_BODY = "malformed chunked body"


@dataclass(frozen=True, slots=True)
class Shape:
    """A request as rules see it.

    ``headers`` are in the order of the wire with names as sent; ``Host`` is among them, so a
    request without Host or with two of them can be said. In HTTP/2 the ``:authority`` stands as
    ``Host``. ``target`` is the request target as sent (path and query, or an absolute URI).
    ``body_unread`` is set when a body is under way that the server will not have read when it
    decides. ``fault`` names an error of syntax that ends the request before any phase.
    """

    method: str = "GET"
    target: str = "/"
    version: Version = Version.HTTP_1_1
    headers: tuple[tuple[str, str], ...] = ()
    port: int = 80
    tls: bool = False
    sni: str | None = None
    body_bytes: int = 0
    body_unread: bool = False
    fault: Fault = Fault.NONE

    def header(self, name: str) -> str | None:
        """The value of the first header of that name (case does not matter), or None."""
        wanted = name.lower()
        return next((v for n, v in self.headers if n.lower() == wanted), None)

    @property
    def keep_alive(self) -> bool:
        """Whether the client asks for the connection to be kept, by RFC 9112, section 9.3."""
        wish = (self.header("Connection") or "").lower()
        if self.version is Version.HTTP_1_1:
            return "close" not in wish
        return self.version is Version.HTTP_2 or "keep-alive" in wish


class SightKind(IntEnum):
    """What a client sees of an answer. The numbers stand in recorded runs."""

    NO_ANSWER = 0
    """Nothing came until the client gave up."""
    REFUSED = 1
    """The connection was refused: a reset to the SYN."""
    RESET = 2
    """The connection was reset after it stood."""
    EMPTY = 3
    """The connection was closed in order, without a byte."""
    STREAM_RESET = 4
    """HTTP/2: the stream was reset, the connection stands."""
    TLS_ALERT = 5
    """The TLS handshake was refused."""
    HTTP = 6
    """An HTTP answer."""
    CONNECTED = 7
    """The connection stands, and the client wanted no more than that."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What the client sees: how it ended and, for an HTTP answer, what came.

    ``headers`` holds, lower-case and sorted, what can identify a server or tell a client what to
    do (``server``, ``connection``, ``retry-after``, ``location``, …), never the date.
    ``body_bytes`` is the length of the body, ``kept`` whether the connection can be used again.
    """

    kind: SightKind
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body_bytes: int = 0
    kept: bool = False

    @property
    def fine(self) -> bool:
        """Whether the client got what it asked for: an answer below 400, or its connection."""
        if self.kind is SightKind.HTTP:
            return self.status < 400
        return self.kind is SightKind.CONNECTED

    @property
    def came(self) -> bool:
        """Whether something came: an answer below 500, or the connection."""
        if self.kind is SightKind.HTTP:
            return self.status < 500
        return self.kind is SightKind.CONNECTED

    def header(self, name: str) -> str | None:
        """The value of a header by its lower-case name, or None."""
        return next((v for n, v in self.headers if n == name), None)

    @property
    def symbol(self) -> str:
        """A short word for tables: ``empty``, ``reset``, ``403`` …"""
        if self.kind is SightKind.HTTP:
            return str(self.status)
        return self.kind.name.lower().replace("_", " ")
