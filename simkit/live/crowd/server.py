"""A live nginx as clients reach it: the five calls of `simkit.host.Remote` on real sockets.

What comes back over the wire becomes the `Sight` that the simulation would give for it, and the
decision of the plan that looks so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import cast

from simkit.engine.attempt import Attempt
from simkit.host import NEVER, Connection, Exchange, Hold
from simkit.live.crowd.agenda import ClockAgenda
from simkit.live.crowd.answers import Seen
from simkit.live.crowd.http1 import Http1
from simkit.live.crowd.http2 import Http2
from simkit.live.crowd.line import Line
from simkit.live.crowd.places import Places
from simkit.live.crowd.poller import Poller
from simkit.live.crowd.requests import Requests
from simkit.live.crowd.seen import Leaves, sight_of
from simkit.live.crowd.sessions import Sessions
from simkit.live.crowd.tls import Secret
from simkit.policy import ConnectionSettings
from simkit.traffic.cohorts import Reach
from simkit.wire import Shape, Sight, SightKind

__all__ = ["Doors", "Going", "LiveServer"]


@dataclass(frozen=True, slots=True)
class Doors:
    """Where to knock: ``address_of`` a port of the policy, and what holds there."""

    settings_of: Callable[[int], ConnectionSettings]
    address_of: Callable[[int], tuple[str, int]]


@dataclass(slots=True)
class Going:
    """A request that went out: from where, as which one on its connection."""

    attempt: Attempt
    address: str
    port: int
    number: int


class LiveServer:
    """Keeps the sockets of all clients. ``source_of`` gives an address by its number."""

    def __init__(
        self,
        agenda: ClockAgenda,
        poller: Poller,
        doors: Doors,
        shapes: list[Shape],
        source_of: Callable[[int], str],
    ) -> None:
        self.agenda = agenda
        self.poller = poller
        self.places = Places()
        self.requests = Requests(shapes)
        self.going: list[Going] = []
        self.strangers = 0
        """Answers that no decision of their plan looks like."""
        self.opened = self.open = self.peak = self.bytes_in = self.handshakes = 0
        self.resumptions = 0
        self.open_ns = 0
        self._doors = doors
        self._shapes = shapes
        self._source_of = source_of
        self._leaves = Leaves()
        self._known: dict[int, ConnectionSettings | None] = {}
        self._lines: dict[Connection, Line] = {}
        self._sessions = Sessions()
        self._sights: dict[tuple[int, int, str, bool], Sight] = {}

    # What clients call

    def settings(self, port: int) -> ConnectionSettings | None:
        """What holds on a port; None where nobody listens."""
        if port not in self._known:
            try:
                self._known[port] = self._doors.settings_of(port)
            except KeyError:
                self._known[port] = None
        return self._known[port]

    def connect(self, exchange: Exchange) -> None:
        """Open the connection of this exchange; the exchange goes out when it stands."""
        attempt = cast(Attempt, exchange)
        connection = exchange.connection
        source = self._source_of(connection.peer)
        line = Line(self, connection, source, self._doors.address_of(connection.port))
        line.talk = Http2(self, line) if connection.http2 else Http1(self, line)
        line.waiting.append(attempt)
        self._lines[connection] = line
        self.agenda.later(partial(self._open, line, attempt))

    def _open(self, line: Line, attempt: Attempt) -> None:
        """Unless it has been closed before it came to that."""
        if line.closed:
            return
        connection, secret = line.connection, None
        if connection.tls and attempt.reach is not Reach.CONNECT:
            name = self._shapes[attempt.shape].sni
            session = self._sessions.of(connection.line.client, self.agenda.now)
            secret = Secret(name, http2=connection.http2, session=session)
        line.open(secret)

    def send(self, exchange: Exchange) -> None:
        """Send on a connection that is there: at once, or when it stands."""
        line = self._lines.get(exchange.connection)
        attempt = cast(Attempt, exchange)
        if line is None:  # it has just been closed
            self.settle(attempt, SightKind.RESET)
        else:
            line.ask(attempt)

    def hang_up(self, connection: Connection) -> None:
        """Close a connection."""
        connection.hung_up = True
        line = self._lines.get(connection)
        if line is not None:
            line.close()

    def abandon(self, exchange: Exchange) -> None:
        """The client's patience has ended: close the connection, in HTTP/2 the stream."""
        connection = exchange.connection
        line = self._lines.get(connection)
        if line is None:
            return
        attempt = cast(Attempt, exchange)
        if attempt in line.waiting or not line.talk.drop(attempt):
            connection.hung_up = True
            line.close()

    # What lines and protocols call

    def stood(self, line: Line) -> None:
        """A connection stands."""
        connection = line.connection
        connection.ready_ns = connection.opened_ns = self.agenda.now
        self.handshakes += line.is_secret
        self.resumptions += line.resumed
        if line.is_secret and connection.line.resumes:
            self._sessions.shook_hands(connection.line.client, line)
        self.opened += 1
        self.open += 1
        self.peak = max(self.peak, self.open)

    def gone(self, line: Line) -> None:
        """A connection is no more."""
        connection = line.connection
        self._lines.pop(connection, None)
        # Who has seen the end knows of it at once.
        connection.closed_ns = self.agenda.now - connection.half_rtt_ns
        if connection.opened_ns != NEVER:
            self.open -= 1
            self.open_ns += self.agenda.now - connection.opened_ns

    def note(self, attempt: Attempt, line: Line, number: int) -> None:
        """A request goes out."""
        attempt.reached = True
        self.going.append(Going(attempt, line.address, line.port, number))

    def answered(self, attempt: Attempt, seen: Seen) -> None:
        """There is an answer."""
        look = (seen.status, seen.body_bytes, seen.retry_after, seen.keeps)
        sight = self._sights.get(look)
        if sight is None:
            sight = self._sights[look] = sight_of(seen)
        self.bytes_in += seen.body_bytes
        self._see(attempt, sight)

    def connected(self, line: Line, attempt: Attempt) -> None:
        """A client that wanted no more than this has its connection, and closes it."""
        line.close()
        self.settle(attempt, SightKind.CONNECTED)

    def settle(self, attempt: Attempt, kind: SightKind) -> None:
        """A request ended without an answer."""
        self._see(attempt, Sight(kind, kept=kind is SightKind.STREAM_RESET))

    def _see(self, attempt: Attempt, sight: Sight) -> None:
        attempt.over = True
        # A header that never ends is never decided about, whatever its end looks like.
        found = None if attempt.hold is Hold.HEADER else self._leaves.find(attempt, sight)
        if found is not None:
            attempt.decision = found
            attempt.status = found.status
            attempt.bytes_sent = found.bytes_sent
        elif sight.kind is SightKind.HTTP:
            self.strangers += 1
            attempt.status = sight.status
        attempt.reply(sight, self.agenda.now)

    def close(self) -> None:
        """Close all that is open."""
        for line in list(self._lines.values()):
            line.close()
