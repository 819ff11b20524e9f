"""A CDN in front of the server: visitors meet its edges, and nginx meets the edges' addresses.

    visitor ──► edge ─┬─► its cache
                      └─► a connection of the edge's own ──► nginx

An edge takes the visitors whose addresses fall to it, holds connections to the server for all of
them together, and says who asks in a header, which nginx believes if `set_real_ip_from` tells it
to. It keeps files for a while, tries once more where a connection that had served before turns out
to be closed, and shows an error page of its own where the server does not answer: silence becomes a
520. What it shows of the server's sights is a product's way (`simkit.strategy.products`). A request
whose header or body never ends stays at the edge, which asks for nothing before it has all of it.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import Field, StringConstraints

from simkit import draws
from simkit.addresses import in_turn
from simkit.policy.plan import Decision, Handler, Phase, Rule
from simkit.policy.source import Source
from simkit.strategy.products import Product
from simkit.traffic.cohorts import Network
from simkit.traffic.crowd import range_in
from simkit.traffic.part import NS_PER_S, NotEmpty, NotNegative, Part, Positive
from simkit.wire import Address, Fault, Shape, Sight, SightKind, Version

__all__ = ["MOST_EDGES", "Cdn", "CdnSpec"]

HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+$")]
_FILES = "css gif ico jpeg jpg js mjs pdf png svg ttf webp woff woff2".split()
"""A part of the extensions that Cloudflare caches unless told otherwise (its documentation)."""
MOST_EDGES = 100_000
"""Of a CDN: they are numbered behind the clients, and the order of events has room for both
(`simkit.host.order`)."""


class CdnSpec(Part):
    """A CDN as a strategy file has it.

    ``edges`` of them have addresses out of ``addresses``, in turn. ``rtt_ms`` is from visitors to
    their edge, ``origin_rtt_ms`` from there to the server (the scenario's own if None).
    ``patience_s`` is how long an edge waits for the server: Cloudflare gives up on connecting after
    19 s (error 522) and on an answer after 100 s (524); here one time stands for both. The cache
    keeps answers 200 to GET by extension of the path, for ``keeps_s``; 0: there is none.
    """

    product: str = "cloudflare"
    addresses: Annotated[tuple[Network, ...], NotEmpty]
    edges: Annotated[int, Field(ge=1, le=MOST_EDGES)] = 4
    header: HeaderName = "X-Forwarded-For"
    rtt_ms: NotNegative = 10.0
    origin_rtt_ms: NotNegative | None = None
    patience_s: Positive = 100.0
    cached: tuple[str, ...] = tuple(_FILES)
    keeps_s: NotNegative = 3600.0
    tries_again: bool = True

    def networks(self) -> list[tuple[IPv4Network | IPv6Network, int]]:
        """The networks that the edges take their addresses from, and how many take theirs there."""
        found = [ip_network(text) for text in self.addresses]
        return [(net, len(range(n, self.edges, len(found)))) for n, net in enumerate(found)]


class Cdn:
    """A CDN, ready to be asked. Immutable; caches and connections belong to each run."""

    def __init__(self, spec: CdnSpec, product: Product, source: Source) -> None:
        self.spec = spec
        self.ranges = [range_in(network, edges) for network, edges in spec.networks()]
        """The addresses of the edges, as ranges that take turns."""
        self.product = product
        self.keeps_ns = int(spec.keeps_s * NS_PER_S)
        malformed = self.product.like(Sight(SightKind.HTTP, 400), malformed=True)
        rule = Rule(source, "cdn", Phase.FRONT)
        self.malformed = Decision(0, malformed, Handler.PAGE, 0, rule, refused=True)
        """What becomes of a request that is malformed: it never reaches the server."""
        self._endings = tuple(f".{name}" for name in spec.cached)

    def address_of(self, edge: int) -> Address:
        """The address from which an edge connects to the server."""
        return in_turn(self.ranges, edge)

    def edge_of(self, who: Address) -> int:
        """The edge that a visitor's address falls to: always the same, as routing has it."""
        high, low = divmod(int(who), 1 << 64)
        return draws.mix(draws.mix(who.version, high), low) % self.spec.edges

    def passed_on(self, shape: Shape, who: Address) -> Shape | None:
        """The request as the server gets it; None if it is malformed, which no edge passes on.

        The method, the target and the visitor's headers stay as they are; the edge speaks HTTP/1.1
        with the server and names the visitor.
        """
        hosts = [name for name, _ in shape.headers if name.lower() == "host"]
        if shape.fault is not Fault.NONE or len(hosts) != 1:
            return None
        named = (*shape.headers, (self.spec.header, str(who)))
        return replace(shape, version=Version.HTTP_1_1, headers=named)

    def seen(self, sight: Sight) -> Sight:
        """What a visitor sees where the server shows this."""
        return self.product.like(sight)

    def keeps(self, shape: Shape, decision: Decision | None) -> bool:
        """Whether the cache keeps the answer to a request."""
        sight = None if decision is None else decision.sight
        good = sight is not None and sight.kind is SightKind.HTTP and sight.status == 200
        return good and self.may_keep(shape)

    def may_keep(self, shape: Shape) -> bool:
        """Whether the cache is asked about a request."""
        path = shape.target.partition("?")[0]
        return bool(self.keeps_ns) and shape.method == "GET" and path.endswith(self._endings)
