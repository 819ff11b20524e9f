"""Cohorts: clients that behave alike, as data.

Every cohort says who it is (how many, which side, which addresses), how it speaks (protocol,
agent, headers), when it starts something, and how it reacts. What it starts depends on its kind:

===========  ====================================================================================
``visitor``  sessions of pages: a document, its resources over parallel connections, thinking
``caller``   one request after another from a list: API clients, monitors, crawlers, feed readers
``probe``    a single request, and gone
``scanner``  a list of words as fast as its threads get through it, or at a rate of its own
``flood``    requests that wait for no answer
``slow``     connections that are held open by a header, or a body, that never ends
``custom``   nothing by itself: `simkit.engine.simulate` is given a behaviour for it
===========  ====================================================================================

People behind one address are visitors whose ``addresses`` name a single one. Clients react to what
they see (`simkit.traffic.reactions`), which may mean to go on as somebody else, and stop by rules
(`simkit.traffic.stops`); a flood does not look at its answers.
"""

from __future__ import annotations

from enum import IntEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from simkit.traffic.arrivals import Arrivals
from simkit.traffic.catalogue import CLIENTS
from simkit.traffic.part import (
    MOST,
    Bandwidth,
    Bytes,
    Count,
    Name,
    NotEmpty,
    NotNegative,
    Part,
    Port,
    Positive,
    Share,
)
from simkit.traffic.reactions import Action, ReactionTable, Sighting
from simkit.traffic.stops import Stop
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
    "Reach",
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
Method = Annotated[str, StringConstraints(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
Line = Annotated[str, StringConstraints(pattern=r"^[^\r\n\x00]*$")]
Header = tuple[Annotated[str, StringConstraints(pattern=r"^[^\r\n\x00]+$")], Line]
Connections = Annotated[int, Field(ge=1, le=65_535)]


class Reach(IntEnum):
    """How far a client goes with the server."""

    CONNECT = 0
    """It connects, and hangs up."""
    HANDSHAKE = 1
    """It hangs up after the TLS handshake."""
    REQUEST = 2
    """It asks for something."""


Goes = Literal["connect", "handshake", "request"]


class Call(Part):
    """A request that a caller makes."""

    path: Target = "/"
    method: Method = "GET"
    body_bytes: Bytes = 0


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

    A client with several ``identities`` has as many addresses; it goes on to the next one when its
    reactions say so or, if it ``rotates``, with each wish or each start. ``goes`` is how far it
    goes: a probe or a flood may want no more than the connection, or than its TLS handshake.
    ``resumes`` says whether TLS sessions are taken up again on further connections, if the server
    lets them. ``downlink_mbit_per_s`` is the bandwidth that a client has for all that it loads.
    What stands in front of the server is passed by clients that are ``direct``: they know its own
    address, as those do that ask for it (``host = "address"``).
    """

    name: Name
    honest: bool
    count: Count
    addresses: Annotated[tuple[Network, ...], NotEmpty]
    protocol: Literal["HTTP/1.0", "HTTP/1.1", "HTTP/2.0"] = "HTTP/1.1"
    tls: bool = False
    port: Port | None = None
    host: str = "site"
    agents: tuple[Line, ...] = ()
    headers: tuple[Header, ...] = ()
    flaw: Flaw | None = None
    keeps_connections: bool = True
    resumes: bool = False
    direct: bool | None = None
    identities: Count = 1
    rotates: Literal["never", "wish", "start"] = "never"
    downlink_mbit_per_s: Bandwidth | None = None
    rtt_ms: NotNegative | None = None
    patience_s: Positive = 30.0
    arrivals: Arrivals = Arrivals()
    client: Preset = "once"
    reactions: dict[Sighting, Action] = Field(default_factory=dict)
    stops: Annotated[tuple[Stop, ...], Field(max_length=32)] = ()

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

    @property
    def is_direct(self) -> bool:
        """Whether they pass what stands in front of the server."""
        return self.host == "address" if self.direct is None else self.direct

    @property
    def goes_as_far_as(self) -> Reach:
        """How far they go: see `Reach`."""
        return Reach.REQUEST

    @property
    def wants_answers(self) -> bool:
        """Whether they ask for something that a server could serve."""
        return self.goes_as_far_as is Reach.REQUEST

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
    pages_mean: Annotated[float, Field(ge=1, le=10_000)] = 5.0
    think_mean_s: NotNegative = 7.5
    think_cap_s: NotNegative = 70.0
    connections: Connections = 6


class Caller(CohortBase):
    """A program that makes one call after another, in order or drawn from the list."""

    kind: Literal["caller"]
    calls: Annotated[tuple[Call, ...], NotEmpty]
    order: Literal["in turn", "drawn"] = "in turn"


class Probe(CohortBase):
    """One request by each client, drawn from ``calls``, and nothing more from that address."""

    kind: Literal["probe"]
    calls: Annotated[tuple[Call, ...], NotEmpty] = (Call(),)
    goes: Goes = "request"

    @property
    def goes_as_far_as(self) -> Reach:
        """How far they go: see `Reach`."""
        return Reach[self.goes.upper()]


class Scanner(CohortBase):
    """A scanner: every word with every ending, then its ``calls``, shared between ``threads``.

    If it ``examines`` the site first, it asks for ``/`` and for a path that cannot exist, as
    gobuster and others do. It gives up if either gets no HTTP answer, or if the second gets
    anything but a 404: then it could not tell what exists from what does not. Without
    ``rate_per_s`` it is as fast as its threads get answers.
    """

    kind: Literal["scanner"]
    words: tuple[str, ...] = ()
    endings: Annotated[tuple[str, ...], NotEmpty] = ("",)
    calls: tuple[Call, ...] = ()
    threads: Connections = 10
    examines: bool = True
    rate_per_s: Positive | None = None

    def asks(self) -> tuple[Call, ...]:
        """All that it asks for, in order."""
        words = (Call(path=f"/{word}{end}") for word in self.words for end in self.endings)
        return (*words, *self.calls)


class Flood(CohortBase):
    """Bots that send whatever comes back; ``arrivals`` are those of the requests of each bot."""

    kind: Literal["flood"]
    calls: Annotated[tuple[Call, ...], NotEmpty] = (Call(),)
    goes: Goes = "request"

    @property
    def goes_as_far_as(self) -> Reach:
        """How far they go: see `Reach`."""
        return Reach[self.goes.upper()]


class Slow(CohortBase):
    """Slowloris and the like: connections that are opened, and opened again when they were closed.

    Each client holds up to ``connections`` and opens at most ``open_per_s``. Every
    ``line_every_s`` it sends one more line of a header that never ends, or one more piece of the
    ``body`` of its call, a POST that never ends. It closes a connection on which an answer has
    come, unless it does not ``heed`` answers. The defaults are those of slowhttptest 1.8.
    """

    kind: Literal["slow"]
    connections: Connections = 50
    open_per_s: Positive = 50.0
    line_every_s: Annotated[float, Field(ge=0.001, le=MOST)] = 10.0
    what: Literal["header", "body"] = "header"
    call: Call = Call()
    heeds: bool = True

    @property
    def wants_answers(self) -> bool:
        """What it asks for never comes to its end."""
        return False

    @property
    def asks_for(self) -> Call:
        """What each connection asks for; a body needs a method that has one."""
        if self.what == "header" or self.call.body_bytes:
            return self.call
        return Call(path=self.call.path, method="POST", body_bytes=4096)


class Custom(CohortBase):
    """Clients whose behaviour is given in Python."""

    kind: Literal["custom"]


Cohort = Annotated[
    Visitor | Caller | Probe | Scanner | Flood | Slow | Custom, Field(discriminator="kind")
]
