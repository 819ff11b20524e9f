"""A request as the configuration's variables see it, before anything was rewritten.

`Facts` is a view on a `Shape` and the client's address; what it says depends on nothing else. The
variables that nginx computes from a request are functions in one table, by name and by prefix.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable
from functools import cached_property
from ipaddress import IPv4Address
from typing import Any, NamedTuple

from simkit.policy.realip import RealIp
from simkit.policy.uri import Target, ascii_lower, parse_target, valid_host
from simkit.wire import Address, Shape, Version

__all__ = [
    "PLAIN_VIEW",
    "RAW_PREFIXES",
    "RAW_VARIABLES",
    "Facts",
    "HeaderNames",
    "Headers",
    "Reading",
    "View",
    "argument_in",
    "is_ipv4",
    "is_of_address",
    "is_raw",
    "is_rewritable",
    "raw_value",
]

_PLAIN_NAME = re.compile(r"[A-Za-z0-9-]+")
_NAME_WITH_UNDERSCORE = re.compile(r"[A-Za-z0-9_-]+")
_WITHOUT_VIEW = Target("/", None)


class HeaderNames(NamedTuple):
    """Which names of headers count: with an underscore in them, with whatever else."""

    underscores: bool = False
    others: bool = False

    def take(self, name: str) -> bool:
        """Whether a header of that name counts."""
        if self.others:
            return True
        valid = _NAME_WITH_UNDERSCORE if self.underscores else _PLAIN_NAME
        return valid.fullmatch(name) is not None


PLAIN_NAMES = HeaderNames()


class View:
    """What the server, and later the location, add to how a request is read.

    ``realips`` are asked in turn until one names an address. ``merge_slashes`` and, for what comes
    before the Host, ``first_names`` are those of the server at which reading began. Views are
    compared by identity.
    """

    __slots__ = ("_others", "first_names", "merge_slashes", "names", "realips", "server_name")

    def __init__(
        self,
        realips: tuple[RealIp, ...] = (),
        server_name: str = "",
        *,
        merge_slashes: bool = True,
        names: HeaderNames = PLAIN_NAMES,
        first_names: HeaderNames | None = None,
    ) -> None:
        self.realips = realips
        self.server_name = server_name
        self.merge_slashes = merge_slashes
        self.names = names
        self.first_names = names if first_names is None else first_names
        self._others: dict[object, View] = {}

    def behind(self, realip: RealIp | None) -> View:
        """The view with one more `RealIp` to ask; the same object every time."""
        if realip is None or realip in self.realips:
            return self
        return self._other(realip, (*self.realips, realip), self)

    def begun_at(self, first: View) -> View:
        """The view of a request whose reading began at another server; the same object always."""
        if (first.merge_slashes, first.names) == (self.merge_slashes, self.first_names):
            return self
        return self._other(first, self.realips, first)

    def _other(self, key: object, realips: tuple[RealIp, ...], first: View) -> View:
        if key not in self._others:
            self._others[key] = View(
                realips,
                self.server_name,
                merge_slashes=first.merge_slashes,
                names=self.names,
                first_names=first.first_names,
            )
        return self._others[key]


PLAIN_VIEW = View()
"""A view that adds nothing."""


class Headers:
    """The headers of a request that nginx does not pass over for their names.

    ``names`` says which those are, ``first`` the same for what comes before the Host.
    """

    def __init__(self, shape: Shape, names: HeaderNames, first: HeaderNames) -> None:
        sent = () if shape.version is Version.HTTP_0_9 else shape.headers
        hosts = (i for i, (name, _) in enumerate(sent) if ascii_lower(name) == "host")
        named = 0 if "://" in shape.target else next(hosts, len(sent))
        self._pairs = [
            (ascii_lower(name), value.strip(" "))
            for i, (name, value) in enumerate(sent)
            if (first if i < named else names).take(name)
        ]

    def all(self, name: str) -> list[str]:
        """The values of every header of that name, in order."""
        wanted = ascii_lower(name)
        return [value for key, value in self._pairs if key == wanted]

    @cached_property
    def by_variable(self) -> dict[str, str]:
        """What ``$http_…`` says, by the rest of the variable's name."""
        found: dict[str, str] = {}
        for name, value in self._pairs:
            key = name.replace("-", "_")
            joint = _JOINTS.get(name)
            if key not in found:
                found[key] = value
            elif joint is not None:
                found[key] += joint + value
        return found


_JOINTS = {"cookie": "; ", "x-forwarded-for": ", "}
"""Repeated headers of which a variable gives more than the first (up to nginx 1.22)."""


class Reading:
    """A `Shape`, read: what does not depend on who sent it. One per shape, shared by all views."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.ahead: dict[Any, Any] = {}
        """Where the planner's questions about the shape alone lead."""
        self._headers: dict[tuple[HeaderNames, HeaderNames], Headers] = {}

    @cached_property
    def target(self) -> Target:
        """The request target; an invalid one reads as the root without a query."""
        return parse_target(self.shape.target) or _WITHOUT_VIEW

    @cached_property
    def unmerged(self) -> Target:
        """The target with the repeated slashes that `merge_slashes off` leaves."""
        return parse_target(self.shape.target, merge_slashes=False) or _WITHOUT_VIEW

    @cached_property
    def headers(self) -> Headers:
        """The headers with plain names, among which are all that nginx itself looks at."""
        return self.headers_by(PLAIN_NAMES, PLAIN_NAMES)

    def headers_by(self, names: HeaderNames, first: HeaderNames) -> Headers:
        """The headers whose names count, where ``first`` is for what comes before the Host."""
        found = self._headers.get((names, first))
        if found is None:
            found = self._headers[names, first] = Headers(self.shape, names, first)
        return found

    @cached_property
    def host(self) -> str | None:
        """The valid host that the request names, lower-case and without port, or None."""
        named = self.unmerged.host or next(iter(self.headers.all("Host")), None)
        return None if named is None else valid_host(named)

    @cached_property
    def content_length(self) -> str:
        """What `Content-Length` says, or what a body of that size would make it say."""
        sent = next(iter(self.headers.all("Content-Length")), "")
        return sent or (str(self.shape.body_bytes) if self.shape.body_bytes else "")

    @property
    def user(self) -> str:
        """The user of Basic credentials that nginx can read; empty without."""
        return self._credentials[0]

    @property
    def password(self) -> str:
        """The password of such credentials."""
        return self._credentials[1]

    @cached_property
    def _credentials(self) -> tuple[str, str]:
        scheme, _, given = next(iter(self.headers.all("Authorization")), "").partition(" ")
        if scheme.lower() != "basic":
            return "", ""
        try:
            plain = b64decode(given.strip(" "), validate=False).decode("utf-8", "surrogateescape")
        except (Base64Error, ValueError):
            return "", ""
        user, colon, password = plain.partition(":")
        return (user, password) if colon else ("", "")

    def cookie(self, name: str) -> str:
        """The value of a cookie, found as nginx finds it."""
        for line in self.headers.all("Cookie"):
            found = _cookie_in(line, name)
            if found is not None:
                return found
        return ""


def _cookie_in(line: str, name: str) -> str | None:
    start, wanted = 0, ascii_lower(name)
    while start < len(line):
        if ascii_lower(line[start : start + len(name)]) == wanted:
            start = _after_spaces(line, start + len(name))
            if line[start : start + 1] == "=":
                return line[_after_spaces(line, start + 1) :].partition(";")[0]
            start += 1  # nginx looks for the next mark behind that character, even if it is one
        ends = [end for end in (line.find(";", start), line.find(",", start)) if end >= 0]
        if not ends:
            return None
        start = _after_spaces(line, min(ends) + 1)
    return None


def _after_spaces(line: str, start: int) -> int:
    while line[start : start + 1] == " ":
        start += 1
    return start


def argument_in(query: str, name: str) -> str:
    """The value of the first argument of that name; case does not matter."""
    wanted = ascii_lower(name)
    for part in query.split("&"):
        key, equals, value = part.partition("=")
        if equals and ascii_lower(key) == wanted:
            return value
    return ""


class Facts:
    """One request of one client, seen through one `View`."""

    __slots__ = ("_client", "_seen", "peer", "reading", "view")

    def __init__(self, reading: Reading, peer: Address, view: View = PLAIN_VIEW) -> None:
        self.reading = reading
        self.peer = peer
        self.view = view
        self._client: Address | None = None
        self._seen: Facts | None = None  # through the view that was used last

    @property
    def shape(self) -> Shape:
        """The request."""
        return self.reading.shape

    @property
    def target(self) -> Target:
        """The request target."""
        return self.reading.target if self.view.merge_slashes else self.reading.unmerged

    @property
    def headers(self) -> Headers:
        """The headers that count."""
        return self.reading.headers_by(self.view.names, self.view.first_names)

    @property
    def client(self) -> Address:
        """The client's address, after `set_real_ip_from`."""
        if self._client is None:
            asked = (one.resolve(self.peer, self.headers) for one in self.view.realips)
            self._client = next((found for found in asked if found is not None), self.peer)
        return self._client

    def through(self, view: View) -> Facts:
        """The same request seen through another view."""
        if view is self.view:
            return self
        seen = self._seen
        if seen is None or seen.view is not view:
            seen = self._seen = Facts(self.reading, self.peer, view)
        return seen


Reader = Callable[[Facts], str]

RAW_VARIABLES: dict[str, Reader] = {
    "args": lambda f: f.target.query or "",
    "binary_remote_addr": lambda f: f.client.packed.decode("latin-1"),
    "content_length": lambda f: f.reading.content_length,
    "content_type": lambda f: f.headers.by_variable.get("content_type", ""),
    "document_uri": lambda f: f.target.path,
    "host": lambda f: f.reading.host or f.view.server_name,
    "http2": lambda f: _http2(f.shape),
    "https": lambda f: "on" if f.shape.tls else "",
    "is_args": lambda f: "?" if f.target.query else "",
    "query_string": lambda f: f.target.query or "",
    "realip_remote_addr": lambda f: str(f.peer),
    "remote_addr": lambda f: str(f.client),
    "remote_user": lambda f: f.reading.user,
    "request": lambda f: _request_line(f.shape),
    "request_method": lambda f: f.shape.method,
    "request_uri": lambda f: f.target.sent,
    "scheme": lambda f: "https" if f.shape.tls else "http",
    "server_name": lambda f: f.view.server_name,
    "server_port": lambda f: str(f.shape.port),
    "server_protocol": lambda f: _protocol(f.shape),
    "ssl_server_name": lambda f: f.shape.sni or "",
    "uri": lambda f: f.target.path,
}
"""Variables that depend on the request and the address alone."""

RAW_PREFIXES: dict[str, Callable[[Facts, str], str]] = {
    "http_": lambda f, name: f.headers.by_variable.get(name, ""),
    "arg_": lambda f, name: argument_in(f.target.query or "", name),
    "cookie_": lambda f, name: f.reading.cookie(name),
}

REWRITABLE = frozenset({"uri", "document_uri", "args", "query_string", "is_args", "request_method"})
"""Raw variables that a rewrite or an internal redirect changes (and every ``arg_``)."""


def _http2(shape: Shape) -> str:
    if shape.version is not Version.HTTP_2:
        return ""
    return "h2" if shape.tls else "h2c"


def _protocol(shape: Shape) -> str:
    return "" if shape.version is Version.HTTP_0_9 else shape.version.value


def _request_line(shape: Shape) -> str:
    return " ".join(filter(None, (shape.method, shape.target, _protocol(shape))))


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
