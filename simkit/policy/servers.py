"""Servers: where they listen, what they are called, and which one a request meets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from simkit.policy import syntax
from simkit.policy.model import Listen, Server
from simkit.policy.patterns import Pattern
from simkit.policy.reader import Directive
from simkit.policy.syntax import bad
from simkit.policy.uri import valid_host

_MAX_PORT = 65535
_NAME = re.compile(r"(?:\*\.|\.)?[^*]+|[^*]+\.\*|")
_FLAGS = frozenset(
    "ssl http2 quic proxy_protocol default_server default bind deferred reuseport".split()
)
_SETTINGS = ("backlog=", "rcvbuf=", "sndbuf=", "accept_filter=", "setfib=", "fastopen=",
             "ipv6only=", "so_keepalive=")  # fmt: skip

__all__ = ["Chosen", "Group", "Names", "groups", "overlooked", "read_listens"]


def read_listens(directives: Iterable[Directive], *, http2: bool) -> tuple[Listen, ...]:
    """The listens of a server; without any, nginx (as root) listens on port 80."""
    found = tuple(one for d in directives for one in _listen(d, http2=http2))
    seen: set[tuple[str, int]] = set()
    for listen in found:
        if (listen.address, listen.port) in seen:
            raise bad(listen.source, f"a duplicate listen {listen.address}:{listen.port}")
        seen.add((listen.address, listen.port))
    return found


def _listen(directive: Directive, *, http2: bool) -> Iterator[Listen]:
    where, *words = directive.args
    for word in words:
        if word not in _FLAGS and not word.startswith(_SETTINGS):
            raise bad(directive.source, f'the invalid "{word}" parameter')
    if "proxy_protocol" in words or "quic" in words:
        raise bad(directive.source, f'"{directive.source.text}" is not simulated', "TCP, no PROXY")
    address, ports, ipv6 = _where(where, directive)
    default = "default_server" in words or "default" in words
    tls, http2 = "ssl" in words, http2 or "http2" in words
    for port in ports:
        yield Listen(address, port, ipv6, tls, http2, default, directive.source)
        if ipv6 and "ipv6only=off" in words:
            yield Listen("*", port, False, tls, http2, default, directive.source)


def _where(text: str, directive: Directive) -> tuple[str, range, bool]:
    if text.startswith("unix:"):
        raise bad(directive.source, "unix sockets are not simulated", "clients have addresses")
    if text.startswith("["):
        host, bracket, port = text.partition("]")
        if not bracket or not _is_address(host[1:], IPv6Address) or port[:1] not in ("", ":"):
            raise bad(directive.source, f'invalid IPv6 address in "{directive.source.text}"')
        return host[1:], _ports(port.removeprefix(":") or "80", directive), True
    if re.fullmatch(r"[0-9]+(-[0-9]+)?", text):
        return "*", _ports(text, directive), False
    host, colon, port = text.partition(":")
    host = "*" if host in ("", "0.0.0.0") else host
    if re.fullmatch(r"[0-9.]+", host) and not _is_address(host, IPv4Address):
        raise bad(directive.source, f'invalid host in "{directive.source.text}"')
    return host, _ports(port if colon else "80", directive), False


def _is_address(text: str, kind: type[IPv4Address | IPv6Address]) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True


def _ports(text: str, directive: Directive) -> range:
    first, dash, last = text.partition("-")
    low = syntax.whole(first, directive.source, least=1)
    high = syntax.whole(last, directive.source, least=1) if dash else low
    if not low <= high <= _MAX_PORT:
        raise bad(directive.source, f'invalid port in "{directive.source.text}"')
    return range(low, high + 1)


class Chosen(NamedTuple):
    """A server by its position in the group, and the regular expression that its name is."""

    position: int
    pattern: Pattern | None = None


@dataclass(slots=True)
class Names:
    """The names of the servers on one address and port; values are positions in the group."""

    exact: dict[str, int] = field(default_factory=dict)
    leading: dict[str, int] = field(default_factory=dict)  # "*.example.com" as ".example.com"
    trailing: dict[str, int] = field(default_factory=dict)  # "www.*" as "www."
    patterns: list[tuple[Pattern, int]] = field(default_factory=list)

    def add(self, name: str, position: int, server: Server) -> None:
        """Enter one name of a server; the first server to claim it keeps it."""
        if name.startswith("~"):
            self.patterns.append((server.patterns[name], position))
        elif not _NAME.fullmatch(name):
            # nginx finds out where it has to tell servers apart
            what = f'invalid server name or wildcard "{name}"'
            raise bad(server.source, what, "a * only as *. or .*")
        elif name.startswith("*."):
            self.leading.setdefault(name[1:], position)
        elif name.startswith("."):
            self.exact.setdefault(name[1:], position)
            self.leading.setdefault(name, position)
        elif name.endswith(".*"):
            self.trailing.setdefault(name[:-1], position)
        else:
            self.exact.setdefault(name, position)

    def find(self, host: str) -> Chosen | None:
        """The server of that name, or None where no name fits."""
        if host in self.exact:
            return Chosen(self.exact[host])
        for table, parts in ((self.leading, _tails(host)), (self.trailing, _heads(host))):
            position = next((table[p] for p in parts if p in table), None)
            if position is not None:
                return Chosen(position)
        for pattern, position in self.patterns if host else ():
            if pattern.matches(host):
                return Chosen(position, pattern)
        return None


def _tails(host: str) -> Sequence[str]:
    return [host[i:] for i, c in enumerate(host) if c == "." and i > 0]


def _heads(host: str) -> Sequence[str]:
    return [host[: i + 1] for i in range(len(host) - 1, -1, -1) if host[i] == "." and i]


@dataclass(eq=False, slots=True)
class Group:
    """The servers that listen on one address and port; the first is the default one."""

    listen: Listen
    servers: list[Server]
    names: Names
    has_default: bool = False

    def find(self, host: str | None) -> Chosen:
        """The server for a valid host (None: no Host was sent); the first where none fits."""
        return self.names.find(host or "") or Chosen(0)

    def find_indicated(self, name: str | None) -> Chosen:
        """The server for the name that a TLS client indicates (None: it does not)."""
        host = valid_host(name) if name else None
        return self.find(host) if host else Chosen(0)


def groups(servers: Sequence[Server]) -> dict[tuple[int, bool], Group]:
    """Groups by port and family (True: IPv6), as met by a client from outside.

    Where several addresses of one family and port are listened on, the wildcard one counts, else
    the first: a request does not say which of the machine's addresses it was sent to. What is
    different at the others `overlooked` says.
    """
    found: dict[tuple[int, bool], Group] = {}
    for group in _every_group(servers):
        found.setdefault((group.listen.port, group.listen.ipv6), group)
        _check_certificates(group)
        for position, server in enumerate(group.servers) if _has_to_choose(group) else ():
            for name in server.names or ("",):
                group.names.add(name, position, server)
    return found


def overlooked(servers: Sequence[Server]) -> Iterator[str]:
    """What `groups` leaves out and is not the same there: each address, with file and line."""
    met: dict[tuple[int, bool], Group] = {}
    for group in _every_group(servers):
        listen = group.listen
        counted = met.setdefault((listen.port, listen.ipv6), group)
        here, there = (_served(one) for one in (group, counted))
        if here != there:
            source = listen.source
            yield (
                f"{source}: {source.text}: a request does not say which address it was sent to, "
                f"so all on port {listen.port} count as sent to {counted.listen.where}, "
                f"where {counted.listen.source} is listened on"
            )


def _served(group: Group) -> tuple[list[Server], bool, bool]:
    return group.servers, group.listen.tls, group.listen.http2


def _every_group(servers: Sequence[Server]) -> list[Group]:
    """The servers by address and port as nginx keeps them, wildcard addresses first."""
    found: dict[tuple[str, int, bool], Group] = {}
    for listen, server in _wildcards_first(servers):
        key = (listen.address, listen.port, listen.ipv6)
        group = found.get(key)
        if group is None:
            group = found[key] = Group(listen, [], Names())
        if server not in group.servers:
            _join(group, listen, server)
    return list(found.values())


def _has_to_choose(group: Group) -> bool:
    """Whether nginx looks at names: not where there is but one server, unless they capture."""
    patterns = group.servers[0].patterns.values()
    return len(group.servers) > 1 or any(pattern.groups for pattern in patterns)


def _check_certificates(group: Group) -> None:
    """Where TLS is spoken the default server needs a certificate, or everybody does without."""
    first = group.servers[0]
    if not group.listen.tls or first.has_certificate:
        return
    if all(server.has_certificate or server.reject_handshake for server in group.servers):
        return
    what = 'no "ssl_certificate" is defined for the "listen ... ssl" directive'
    raise bad(group.listen.source, what, "give one, or ssl_reject_handshake on")


def _join(group: Group, listen: Listen, server: Server) -> None:
    if listen.default and group.has_default:
        what = f"a duplicate default server for {listen.address}:{listen.port}"
        raise bad(listen.source, what)
    group.has_default = group.has_default or listen.default
    position = 0 if listen.default else len(group.servers)
    group.servers.insert(position, server)
    old = group.listen
    group.listen = Listen(
        old.address,
        old.port,
        old.ipv6,
        old.tls or listen.tls,
        old.http2 or listen.http2,
        default=False,
        source=listen.source if listen.default else old.source,
    )


def _wildcards_first(servers: Sequence[Server]) -> list[tuple[Listen, Server]]:
    pairs = [(listen, server) for server in servers for listen in server.listens]
    return sorted(pairs, key=lambda pair: not pair[0].is_wildcard)
