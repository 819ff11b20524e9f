"""Cohorts: clients that behave alike, as data.

Every cohort says who it is (how many, which side, which addresses), how it speaks (protocol,
agent, headers), when it starts something, and how it reacts. What it starts depends on its kind:

===========  ====================================================================================
``visitor``  sessions of pages: a document, its resources over parallel connections, thinking
``caller``   one request after another from a list: API clients, monitors, crawlers, feed readers
``probe``    a single request, and gone
``scanner``  a list of words as fast as its threads get through it, and rules for giving up
``flood``    requests that wait for no answer
``slow``     connections that are held open by a header that never ends
``custom``   nothing by itself: `simkit.engine.simulate` is given a behaviour for it
===========  ====================================================================================

People behind one address are visitors whose ``addresses`` name a single one.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from simkit.traffic.arrivals import Arrivals
from simkit.traffic.catalogue import CLIENTS
from simkit.traffic.part import Count, Name, NotEmpty, NotNegative, Part, Positive, Share
from simkit.traffic.reactions import Action, ReactionTable, Sighting
from simkit.wire import Fault, Version

__all__ = [
    "Call",
    "Caller",
    "Cohort",
    "CohortBase",
    "Custom",
    "Flaw",
    "Flood",
    "Probe",
    "Scanner",
    "Slow",
    "Visitor",
]


def _network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError as error:
        raise ValueError(f"is neither an address nor a network: {error}") from None
    return text


def _preset(name: str) -> str:
    if name not in CLIENTS:
        raise ValueError(f"is no client that is known: there are {', '.join(CLIENTS)}")
    return name


Network = Annotated[str, AfterValidator(_network)]
Preset = Annotated[str, AfterValidator(_preset)]
Target = Annotated[str, StringConstraints(pattern=r"^[/*]\S*$")]
Header = tuple[Annotated[str, Field(min_length=1)], str]


class Call(Part):
    """A request that a caller makes."""

    path: Target = "/"
    method: str = "GET"
    body_bytes: Annotated[int, Field(ge=0)] = 0


class Flaw(Part):
    """What is wrong with a share of a client's requests.

    ``headers`` come after the client's own: a second Host, for one. ``fault`` names an error of
    syntax. Which wishes have the flaw is drawn.
    """

    share: Share = 1.0
    headers: tuple[Header, ...] = ()
    fault: Fault = Fault.NONE


class CohortBase(Part):
    """What cohorts of every kind have.

    ``addresses`` are single ones and networks; clients take them in turn. A single address is
    shared by all who take it. A network gives each its own, in IPv6 a /64 each where it is larger
    than that. ``host`` is the Host header: ``site``, ``address`` (the server's own), ``none``, or
    a name. ``agents`` are drawn, one for each client; an empty one, like none at all, means no
    User-Agent. ``client`` is a preset of the catalogue, to which ``reactions`` adds.
    """

    name: Name
    honest: bool
    count: Count
    addresses: Annotated[tuple[Network, ...], NotEmpty]
    protocol: Literal["HTTP/1.0", "HTTP/1.1", "HTTP/2.0"] = "HTTP/1.1"
    tls: bool = False
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    host: str = "site"
    agents: tuple[str, ...] = ()
    headers: tuple[Header, ...] = ()
    flaw: Flaw | None = None
    keeps_connections: bool = True
    rtt_ms: NotNegative | None = None
    patience_s: Positive = 30.0
    arrivals: Arrivals = Arrivals()
    client: Preset = "once"
    reactions: dict[Sighting, Action] = Field(default_factory=dict)

    @property
    def version(self) -> Version:
        """The version that the clients would like to speak."""
        return Version(self.protocol)

    @property
    def wire_port(self) -> int:
        """The port they connect to: their own, or the usual one."""
        return self.port or (443 if self.tls else 80)

    @property
    def has_agent(self) -> bool:
        """Whether all of them send a User-Agent."""
        return bool(self.agents) and all(self.agents)

    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks that the clients take their addresses from, in turn."""
        return tuple(ip_network(text) for text in self.addresses)

    def reaction_table(self) -> ReactionTable:
        """The preset's reactions with the cohort's own in their place."""
        return ReactionTable({**CLIENTS[self.client], **self.reactions})


class Visitor(CohortBase):
    """People with a browser.

    A session starts on the first of ``pages`` and goes on to any of them; its number of pages is
    geometric. Between pages they think: exponential, capped (TPC-W 1.8: mean 7-8 s, at most
    70 s). What the session has loaded once is not loaded again. ``connections`` bounds those
    opened to a site over HTTP/1.x: browsers use 6.
    """

    kind: Literal["visitor"]
    pages: Annotated[tuple[Target, ...], NotEmpty]
    pages_mean: Annotated[float, Field(ge=1)] = 5.0
    think_mean_s: NotNegative = 7.5
    think_cap_s: NotNegative = 70.0
    connections: Count = 6


class Caller(CohortBase):
    """A program that makes one call after another, in order or drawn from the list."""

    kind: Literal["caller"]
    calls: Annotated[tuple[Call, ...], NotEmpty]
    order: Literal["in turn", "drawn"] = "in turn"


class Probe(CohortBase):
    """One request by each client, drawn from ``calls``, and nothing more from that address."""

    kind: Literal["probe"]
    calls: Annotated[tuple[Call, ...], NotEmpty] = (Call(),)


class Scanner(CohortBase):
    """A path scanner: every word with every ending, shared between ``threads``.

    First it asks for ``/`` and for a path that cannot exist, as gobuster and others do. It gives
    up if either gets no HTTP answer, or if the second gets anything but a 404: then it could not
    tell what exists from what does not.
    """

    kind: Literal["scanner"]
    words: Annotated[tuple[str, ...], NotEmpty]
    endings: Annotated[tuple[str, ...], NotEmpty] = ("",)
    threads: Count = 10

    def paths(self) -> tuple[str, ...]:
        """Every path it asks for, in order."""
        return tuple(f"/{word}{ending}" for word in self.words for ending in self.endings)


class Flood(CohortBase):
    """Bots that send whatever comes back; ``arrivals`` are those of the requests of each bot."""

    kind: Literal["flood"]
    calls: Annotated[tuple[Call, ...], NotEmpty] = (Call(),)


class Slow(CohortBase):
    """Slowloris: connections that are opened, and opened again when they were closed.

    Each client holds up to ``connections`` and opens at most ``open_per_s``. Every
    ``line_every_s`` it sends one more line of a header that never ends. The defaults are those
    of slowhttptest 1.8.
    """

    kind: Literal["slow"]
    connections: Count = 50
    open_per_s: Positive = 50.0
    line_every_s: Positive = 10.0


class Custom(CohortBase):
    """Clients whose behaviour is given in Python."""

    kind: Literal["custom"]


Cohort = Annotated[
    Visitor | Caller | Probe | Scanner | Flood | Slow | Custom, Field(discriminator="kind")
]
