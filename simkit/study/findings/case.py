"""What a finding is, and what the functions that look for findings are given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from simkit.errors import printable
from simkit.policy.model import ConnLimit, Limit, Location, Return, Server
from simkit.policy.policy import Policy
from simkit.policy.source import Source
from simkit.policy.watch import Trail, branches, follow
from simkit.study.blocks import Blocks
from simkit.study.explain import Json, source_json
from simkit.study.telling import always_returns, every_location, path_into
from simkit.wire import Address, Shape, address

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
CLIENTS = {4: address("192.0.2.1"), 6: address("2001:db8::1")}
"""A client that nothing is known about, by the version of IP."""

__all__ = ["AGENT", "CLIENTS", "Case", "Finding", "limits_of", "unique"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that surprises people: what happens, the lines responsible, and what to do."""

    name: str
    where: tuple[Source, ...]
    what: str
    do: str

    def to_json(self) -> Json:
        """As plain data."""
        return {
            "name": self.name,
            "where": [source_json(source) for source in self.where],
            "what": printable(self.what),
            "do": printable(self.do),
        }


class Case:
    """A policy under examination: what is in force where, and what becomes of a request."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    @cached_property
    def blocks(self) -> Blocks:
        """The configuration as it is written."""
        return Blocks(self.policy)

    @cached_property
    def places(self) -> tuple[tuple[Server, Location], ...]:
        """Everywhere that a request can end up, with its server."""
        return tuple((s, loc) for s in self.policy.http.servers for loc in every_location(s))

    @cached_property
    def alive(self) -> tuple[tuple[Server, Location], ...]:
        """Those where the limits and the rules of access are come to."""
        return tuple(p for p in self.places if self.ended_before(*p) is None)

    def ended_before(self, server: Server, location: Location) -> Return | None:
        """The `return` that ends every request to a place before limits and access."""
        return always_returns(server.script) or always_returns(location.script)

    def port_of(self, server: Server) -> tuple[int, bool, int]:
        """Where a server is met: port, TLS, version of IP; without TLS and over IPv4 if it can."""
        listens = sorted(server.listens, key=lambda one: (one.tls, one.ipv6))
        first = listens[0]
        return first.port, first.tls, 6 if first.ipv6 else 4

    def shape(self, server: Server, target: str = "/", agent: str | None = AGENT) -> Shape:
        """An ordinary request to a server."""
        port, tls, _ = self.port_of(server)
        name = _real_name(server)
        agents = () if agent is None else (("User-Agent", agent),)
        sni = name if tls else None
        return Shape("GET", target, headers=(("Host", name), *agents), port=port, tls=tls, sni=sni)

    def client(self, server: Server) -> Address:
        """An address from which a server can be met."""
        return CLIENTS[self.port_of(server)[2]]

    def trail(self, server: Server, shape: Shape, who: Address | None = None) -> Trail:
        """What becomes of a request that is over no limit."""
        return follow(self.policy, shape, who or self.client(server))

    def rejections(self, server: Server, location: Location) -> Iterator[Trail]:
        """What becomes of ordinary requests to a place that its limits reject."""
        path = path_into(server, location)
        if path is not None:
            ways = branches(self.policy, self.shape(server, path), self.client(server))
            yield from (way for way in ways if way.rejected_by is not None)


def _real_name(server: Server) -> str:
    """A host name that leads to a server, made up where it has only patterns."""
    for name in server.names:
        if name and name != "_" and not name.startswith("~"):
            return name.replace("*", "www").removeprefix(".")
    return "simkit.invalid"


def unique(sources: Sequence[Source]) -> tuple[Source, ...]:
    """Places, each once, in their order."""
    return tuple(dict.fromkeys(sources))


def limits_of(location: Location) -> tuple[Limit | ConnLimit, ...]:
    """Every limit that is in force in a location."""
    return (*location.limits, *location.conn_limits)
