"""A request as the configuration's variables see it, before anything was rewritten.

`Facts` is a view on a `Shape` and the client's address; what it says depends on nothing else. The
variables that nginx computes from a request are functions in one table, by name and by prefix.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address

from simkit.policy.plan import Source
from simkit.policy.syntax import Network
from simkit.policy.uri import Target, parse_target, valid_host
from simkit.wire import Address, Shape, Version, address

__all__ = [
    "RAW_PREFIXES",
    "RAW_VARIABLES",
    "Facts",
    "Reading",
    "RealIp",
    "View",
    "is_ipv4",
    "is_of_address",
    "is_raw",
    "is_rewritable",
    "raw_value",
]


@dataclass(frozen=True, slots=True)
class RealIp:
    """`set_real_ip_from`, `real_ip_header` and `real_ip_recursive` of one server or location."""

    trusted: tuple[Network, ...]
    header: str
    recursive: bool
    source: Source

    def resolve(self, peer: Address, shape: Shape) -> Address:
        """The address that nginx takes the client to have."""
        value = shape.header(self.header)
        if value is None or not self._trusts(peer):
            return peer
        hops = [hop.strip() for hop in value.split(",")] if _is_list(self.header) else [value]
        return self._walk(peer, hops)

    def _walk(self, peer: Address, hops: list[str]) -> Address:
        found = peer
        for hop in reversed(hops):
            try:
                found = address(hop.strip("[]"))
            except ValueError:
                return found
            if not (self.recursive and self._trusts(found)):
                return found
        return found

    def _trusts(self, who: Address) -> bool:
        return any(who.version == net.version and who in net for net in self.trusted)


def _is_list(header: str) -> bool:
    return header.lower() == "x-forwarded-for"


@dataclass(frozen=True, slots=True)
class View:
    """What the chosen server adds to how a request is read."""

    realip: RealIp | None = None
    server_name: str = ""


class Reading:
    """A `Shape`, read: what does not depend on who sent it. One per shape, shared by all views."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.answers: dict[object, Hashable] = {}
        """What the planner has found out about the shape."""

    @cached_property
    def target(self) -> Target:
        """The request target; an invalid one reads as the root without a query."""
        return parse_target(self.shape.target) or Target("/", None)

    @cached_property
    def unmerged_path(self) -> str:
        """The path with its repeated slashes, as `merge_slashes off` leaves it."""
        found = parse_target(self.shape.target, merge_slashes=False)
        return "/" if found is None else found.path

    @cached_property
    def headers(self) -> dict[str, str]:
        """Header values by lower-case name with ``_`` for ``-``; repeated ones joined."""
        found: dict[str, str] = {}
        for name, value in self.shape.headers:
            key = name.lower().replace("-", "_")
            found[key] = f"{found[key]}, {value}" if key in found else value
        return found

    @cached_property
    def host(self) -> str | None:
        """The valid host that the request names, lower-case and without port, or None."""
        named = self.target.host or self.shape.header("Host")
        return None if named is None else valid_host(named)

    @cached_property
    def cookies(self) -> dict[str, str]:
        """Cookies by name."""
        pairs = (part.partition("=") for part in self.headers.get("cookie", "").split(";"))
        return {name.strip(): value.strip() for name, _, value in pairs}

    @cached_property
    def arguments(self) -> dict[str, str]:
        """The first value of each argument of the query, by lower-case name."""
        found: dict[str, str] = {}
        for part in (self.target.query or "").split("&"):
            name, _, value = part.partition("=")
            found.setdefault(name.lower(), value)
        return found


class Facts:
    """One request of one client, seen through one `View`."""

    __slots__ = ("_client", "peer", "reading", "view")

    def __init__(self, reading: Reading, peer: Address, view: View | None = None) -> None:
        self.reading = reading
        self.peer = peer
        self.view = view or View()
        self._client: Address | None = None

    @property
    def shape(self) -> Shape:
        """The request."""
        return self.reading.shape

    @property
    def client(self) -> Address:
        """The client's address, after `set_real_ip_from`."""
        if self._client is None:
            realip = self.view.realip
            self._client = self.peer if realip is None else realip.resolve(self.peer, self.shape)
        return self._client

    def through(self, view: View) -> Facts:
        """The same request seen through another view."""
        return self if view == self.view else Facts(self.reading, self.peer, view)


Reader = Callable[[Facts], str]

RAW_VARIABLES: dict[str, Reader] = {
    "args": lambda f: f.reading.target.query or "",
    "binary_remote_addr": lambda f: f.client.packed.decode("latin-1"),
    "content_length": lambda f: str(f.shape.body_bytes) if f.shape.body_bytes else "",
    "content_type": lambda f: f.reading.headers.get("content_type", ""),
    "document_uri": lambda f: f.reading.target.path,
    "host": lambda f: f.reading.host or f.view.server_name,
    "http2": lambda f: _http2(f.shape),
    "https": lambda f: "on" if f.shape.tls else "",
    "is_args": lambda f: "?" if f.reading.target.query else "",
    "query_string": lambda f: f.reading.target.query or "",
    "realip_remote_addr": lambda f: str(f.peer),
    "remote_addr": lambda f: str(f.client),
    "request": lambda f: f"{f.shape.method} {f.shape.target} {f.shape.version.value}",
    "request_method": lambda f: f.shape.method,
    "request_uri": lambda f: f.shape.target,
    "scheme": lambda f: "https" if f.shape.tls else "http",
    "server_name": lambda f: f.view.server_name,
    "server_port": lambda f: str(f.shape.port),
    "server_protocol": lambda f: f.shape.version.value,
    "ssl_server_name": lambda f: f.shape.sni or "",
    "uri": lambda f: f.reading.target.path,
}
"""Variables that depend on the request and the address alone."""

RAW_PREFIXES: dict[str, Callable[[Facts, str], str]] = {
    "http_": lambda f, name: f.reading.headers.get(name, ""),
    "arg_": lambda f, name: f.reading.arguments.get(name.lower(), ""),
    "cookie_": lambda f, name: f.reading.cookies.get(name, ""),
}

REWRITABLE = frozenset({"uri", "document_uri", "args", "query_string", "is_args"})
"""Raw variables that a rewrite or an internal redirect changes (and every ``arg_``)."""


def _http2(shape: Shape) -> str:
    if shape.version is not Version.HTTP_2:
        return ""
    return "h2" if shape.tls else "h2c"


def is_raw(name: str) -> bool:
    """Whether a variable is one of `RAW_VARIABLES` or has one of `RAW_PREFIXES`."""
    return name in RAW_VARIABLES or any(name.startswith(p) for p in RAW_PREFIXES)


def is_rewritable(name: str) -> bool:
    """Whether a rewrite or an internal redirect changes the variable."""
    return name in REWRITABLE or name.startswith("arg_")


def is_of_address(name: str) -> bool:
    """Whether a raw variable depends on the client's address."""
    return name in ("remote_addr", "binary_remote_addr", "realip_remote_addr")


def raw_value(name: str, facts: Facts) -> str:
    """The value of a raw variable. Raises KeyError for another."""
    reader = RAW_VARIABLES.get(name)
    if reader is not None:
        return reader(facts)
    for prefix, read in RAW_PREFIXES.items():
        if name.startswith(prefix):
            return read(facts, name[len(prefix) :])
    raise KeyError(name)


def is_ipv4(who: Address) -> bool:
    """Whether an address belongs to IPv4."""
    return isinstance(who, IPv4Address)
