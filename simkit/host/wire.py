"""What client and server share on the wire: connections, and exchanges over them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simkit.host.order import place
from simkit.wire import Sight

if TYPE_CHECKING:
    from simkit.host.prices import Price
    from simkit.host.worker import Worker
    from simkit.policy import Bound, ConnectionSettings, Step
    from simkit.policy.plan import Decision

__all__ = ["NEVER", "Connection", "Exchange"]

NEVER = 1 << 62
"""A time after the end of every run."""


class Connection:
    """A TCP connection from a client to a port of the server.

    ``closed_ns`` is when the server closed it, ``ready_ns`` from when on the client may send on
    it; both are `NEVER` before that. The client learns of a closing half a round trip later.
    """

    worker: Worker  # from when the kernel has it
    settings: ConnectionSettings  # of its port

    __slots__ = (
        "busy",
        "closed_ns",
        "deadline_ns",
        "greeted",
        "half_rtt_ns",
        "held",
        "http2",
        "hung_up",
        "key",
        "last",
        "opened_ns",
        "place",
        "port",
        "ready_ns",
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
        self,
        client: int,
        serial: int,
        key: int,
        port: int,
        *,
        tls: bool,
        http2: bool,
        half_rtt_ns: int,
    ) -> None:
        self.place = place(client, serial)
        self.serial = serial
        self.key = key
        self.port = port
        self.tls = tls
        self.http2 = http2
        self.half_rtt_ns = half_rtt_ns
        self.waiting: list[Exchange] = []  # sent as soon as the connection stands
        self.held: Exchange | None = None  # a request whose header never ends
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
        "item",
        "key",
        "line_every_ns",
        "over",
        "parked",
        "place",
        "price",
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
        self.line_every_ns = 0  # not 0: a header that never ends, a line of it that often
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
