"""What client and server share on the wire: connections, and exchanges over them."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from simkit.host.order import place
from simkit.traffic.cohorts import Reach
from simkit.wire import Sight

if TYPE_CHECKING:
    from simkit.host.prices import Price
    from simkit.host.worker import Worker
    from simkit.policy import Bound, ConnectionSettings, Step
    from simkit.policy.plan import Decision

__all__ = ["NEVER", "Connection", "Exchange", "Hold", "Line"]

NEVER = 1 << 62
"""A time after the end of every run."""


class Hold(IntEnum):
    """What of a request that never ends holds its connection."""

    NOTHING = 0
    HEADER = 1
    """Lines of a header."""
    BODY = 2
    """Pieces of a body that nginx waits for before it passes the request on."""
    REST = 3
    """The same pieces after the answer: nginx lingers, reads them and throws them away."""


class Line:
    """What a client has of its own on the wire, whatever connection it uses.

    ``client`` is its number and ``key`` its stream of draws; ``half_rtt_ns`` is the time from there
    to the server. ``ns_per_byte`` is the time that its downlink takes for a byte, which all its
    connections share; ``ticket_ns`` is when it got its last TLS ticket, if it resumes sessions.
    """

    __slots__ = ("_free_ns", "client", "half_rtt_ns", "key", "ns_per_byte", "resumes", "ticket_ns")

    def __init__(
        self,
        client: int,
        key: int,
        half_rtt_ns: int,
        ns_per_byte: float = 0.0,
        *,
        resumes: bool = False,
    ) -> None:
        self.client = client
        self.key = key
        self.half_rtt_ns = half_rtt_ns
        self.ns_per_byte = ns_per_byte
        self.resumes = resumes
        self.ticket_ns = NEVER
        self._free_ns = 0

    def delivered_ns(self, at_ns: int, size: int) -> int:
        """When so many bytes, the first of which come at that time, have come."""
        if not self.ns_per_byte:
            return at_ns
        self._free_ns = max(self._free_ns, at_ns) + int(size * self.ns_per_byte)
        return self._free_ns


class Connection:
    """A TCP connection from a client to a port of the server.

    ``closed_ns`` is when the server closed it, ``ready_ns`` from when on the client may send on
    it; both are `NEVER` before that. The client learns of a closing half a round trip later.
    """

    worker: Worker  # from when the kernel has it
    settings: ConnectionSettings  # of its port

    __slots__ = (
        "blocked",
        "busy",
        "carried",
        "closed_ns",
        "deadline_ns",
        "greeted",
        "half_rtt_ns",
        "held",
        "http2",
        "hung_up",
        "key",
        "last",
        "line",
        "linger_ns",
        "opened_ns",
        "peer",
        "place",
        "port",
        "ready_ns",
        "resumed",
        "serial",
        "served",
        "settings",
        "syns",
        "timer_ns",
        "tls",
        "waiting",
        "worker",
    )

    def __init__(
        self, line: Line, serial: int, port: int, peer: int, *, tls: bool, http2: bool
    ) -> None:
        self.place = place(line.client, serial)
        self.serial = serial
        self.key = line.key
        self.port = port
        self.peer = peer  # the number of the address that it comes from
        self.line = line
        self.tls = tls
        self.http2 = http2
        self.half_rtt_ns = line.half_rtt_ns
        self.resumed = False  # its handshake takes up an earlier TLS session
        self.blocked: Decision | None = None  # what a firewall does to its SYNs
        self.linger_ns = NEVER  # until when nginx lingers at the most
        self.waiting: list[Exchange] = []  # sent as soon as the connection stands
        self.held: Exchange | None = None  # a request that never ends
        self.carried = 0  # exchanges of which the client has not seen the end
        self.busy = 0  # exchanges that have reached the server and are not over
        self.served = 0
        self.syns = 0
        self.last = False  # closes when the exchanges under way are over
        self.hung_up = False  # the client has closed its side
        self.greeted = False  # its TLS hello came before it was accepted
        self.ready_ns = NEVER
        self.opened_ns = NEVER
        self.closed_ns = NEVER
        self.deadline_ns = NEVER
        self.timer_ns = NEVER

    def known_closed(self, now_ns: int) -> bool:
        """Whether the client has learnt that the server closed the connection."""
        return self.closed_ns + self.half_rtt_ns <= now_ns


class Exchange:
    """One attempt on the wire: a request, and what comes of it.

    The client's side says what is asked and knows how to `reply`; the server's side is filled in
    on the way.
    """

    __slots__ = (
        "attempt",
        "bound",
        "bytes_sent",
        "connection",
        "decision",
        "delay_ns",
        "fresh",
        "heeds",
        "hold",
        "item",
        "key",
        "line_every_ns",
        "over",
        "parked",
        "place",
        "price",
        "reach",
        "reached",
        "resume_ns",
        "status",
        "step",
        "upstream",
        "wish_number",
    )

    place: int  # the client's number and the attempt's within it, as in keys of events
    key: int  # the client's stream of draws
    wish_number: int
    item: int
    attempt: int
    bound: Bound
    connection: Connection
    step: Step  # where its plan has come to
    price: Price  # what is to be answered
    decision: Decision | None

    def __init__(self) -> None:
        self.reach = Reach.REQUEST
        self.hold = Hold.NOTHING
        self.line_every_ns = 0  # how often a line or piece comes of what never ends
        self.heeds = True  # such a client closes when it sees an answer
        self.fresh = False  # it came with its connection
        self.reached = False  # it has come to the server
        self.over = False  # the server has done with it
        self.parked = False  # it waits for a limit or for the upstream
        self.upstream = False  # it holds a slot for the upstream
        self.decision = None
        self.resume_ns = 0
        self.status = 0  # as logged
        self.bytes_sent = 0
        self.delay_ns = 0

    def reply(self, sight: Sight, at_ns: int) -> None:
        """Let the client see this at that time, unless its patience has ended by then."""
        raise NotImplementedError
