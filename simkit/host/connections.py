"""Connections: from the SYN to the close, with everything about them that no policy decides.

    connect ─► _arrives_at_port ─► _accept* ─┬─► _first* ─► the first request is decided
       ▲              │                      └─► _turn_away           no slot: accepted and reset
       └── SYN lost ◄─┤ backlog full
                      └─► _hello_arrives ─► _handshake* ─► _shaken ─► what waits is on its way

Starred functions begin jobs of the worker. Before all this a firewall may drop or reject the SYN;
afterwards a header, or a body, that never ends may hold the connection. Packets are not modelled,
nor is what a client does not take: an answer is on its way as soon as nginx has written it.
"""

from __future__ import annotations

from collections.abc import Callable

from simkit import draws
from simkit.draws import Purpose
from simkit.host.costs import Cause, Costs
from simkit.host.doorkeeper import Doorkeeper
from simkit.host.order import Agenda, Kind, base
from simkit.host.tally import Tally
from simkit.host.wire import NEVER, Connection, Exchange, Hold
from simkit.host.worker import Then, Worker
from simkit.policy import ConnectionSettings
from simkit.policy.plan import Answer, Decision, Handler
from simkit.traffic.cohorts import Reach
from simkit.wire import Sight, SightKind

__all__ = ["Connections", "SettingsOf"]

SettingsOf = Callable[[int], ConnectionSettings]
"""The settings of a port; KeyError where nobody listens."""

SYN_RETRIES_NS = tuple(s * 1_000_000_000 for s in (1, 2, 4, 8, 16, 32))
"""Linux sends a lost SYN again after 1 s and doubles the wait: at 1, 3, 7, 15, 31 and 63 s."""

_TIMER = base(Kind.TIMER)
_HANG_UP = base(Kind.HANG_UP)
_CONNECT = base(Kind.CONNECT)
_REQUEST = base(Kind.REQUEST)
_LINE = base(Kind.LINE)

HELLO_NS = 200_000
"""How long a client takes for its hello once TCP is connected. Measured with OpenSSL 3.0: 80 µs
if it has just made others, some 200 if not; the worker has accepted and sleeps before it comes."""

_REFUSED = Sight(SightKind.REFUSED)
_RESET = Sight(SightKind.RESET)
_EMPTY = Sight(SightKind.EMPTY)
_CONNECTED = Sight(SightKind.CONNECTED)
_TIMED_OUT = 408


def _nothing_yet(_: Exchange) -> None:
    """What follows comes by itself."""


class Connections:
    """All connections of the server, its workers and their slots."""

    def __init__(
        self,
        agenda: Agenda,
        settings_of: SettingsOf,
        costs: Costs,
        *,
        workers: int,
        slots: int,
        backlog: int,
        doorkeeper: Doorkeeper,
    ) -> None:
        self._agenda = agenda
        self._doorkeeper = doorkeeper
        self._settings_of = settings_of
        self._costs = costs
        self._backlog = backlog
        self._unaccepted: dict[int, int] = {}
        self._known: dict[int, ConnectionSettings | None] = {}
        self.tally = Tally()
        self.workers = [
            Worker(agenda, n, slots, costs.wake_up, self._reclaim) for n in range(workers)
        ]

    def settings(self, port: int) -> ConnectionSettings | None:
        """What holds on a port; None where nobody listens."""
        if port not in self._known:
            try:
                self._known[port] = self._settings_of(port)
            except KeyError:
                self._known[port] = None
        return self._known[port]

    # The client's side of the wire

    def connect(self, exchange: Exchange) -> None:
        """The client opens the connection of this exchange, in order to send it there."""
        connection = exchange.connection
        now = self._agenda.now
        blocked = self._doorkeeper.verdict(connection.peer)
        if blocked is not None:
            self._block(exchange, blocked, now + 2 * connection.half_rtt_ns)
            return
        settings = self.settings(connection.port)
        if settings is None:
            connection.closed_ns = now
            exchange.reply(_REFUSED, now + 2 * connection.half_rtt_ns)
            return
        connection.settings = settings
        line = connection.line
        connection.resumed = line.ticket_ns <= now < line.ticket_ns + settings.resumption_ns
        if connection.tls:
            connection.waiting.append(exchange)
        self._syn(exchange, now + 3 * connection.half_rtt_ns)

    def _block(self, exchange: Exchange, verdict: Decision, at_ns: int) -> None:
        """The firewall turns a SYN away: what it drops is not even answered."""
        connection = exchange.connection
        self.tally.blocked_connections += 1
        connection.blocked = verdict
        if verdict.sight.kind is SightKind.NO_ANSWER:
            return
        connection.closed_ns = self._agenda.now
        for refused in connection.waiting or [exchange]:
            refused.over = True
            refused.decision = verdict
            refused.reply(verdict.sight, at_ns)

    def send(self, exchange: Exchange) -> None:
        """The client sends on a connection that it has: at once, or when the connection stands."""
        connection = exchange.connection
        if connection.ready_ns == NEVER and connection.closed_ns != NEVER:
            self._reset(exchange)
        elif connection.ready_ns == NEVER:
            connection.waiting.append(exchange)
        else:
            ready = max(self._agenda.now, connection.ready_ns)
            self._request(exchange, ready + connection.half_rtt_ns)

    def hang_up(self, connection: Connection) -> None:
        """The client closes the connection, in order."""
        key = _HANG_UP | connection.place
        at = self._agenda.now + connection.half_rtt_ns
        self._agenda.at(at, key, self._hangs_up, connection)

    def _hangs_up(self, connection: Connection) -> None:
        connection.hung_up = True
        if connection.opened_ns != NEVER and connection.closed_ns == NEVER:
            connection.worker.nudge()
            if not connection.busy:
                self._close(connection)

    # SYN, backlog, accept

    def _syn(self, exchange: Exchange, at_ns: int) -> None:
        """The end of TCP's handshake, and with it a plain request, is to come at that time."""
        connection = exchange.connection
        connection.syns += 1
        key = _CONNECT | connection.place
        self._agenda.at(at_ns, key, self._arrives_at_port, exchange)

    def _arrives_at_port(self, exchange: Exchange) -> None:
        connection = exchange.connection
        if connection.hung_up:
            return
        over = self._doorkeeper.over_rate(connection.peer, self._agenda.now)
        if over is not None:
            self._block(exchange, over, self._agenda.now + connection.half_rtt_ns)
            if connection.closed_ns == NEVER:
                self._lose_syn(exchange)
            return
        connection.blocked = None
        waiting = self._unaccepted.get(connection.port, 0)
        if waiting > self._backlog:
            self._lose_syn(exchange)
            return
        self._unaccepted[connection.port] = waiting + 1
        u = draws.uniform(connection.key, Purpose.WORKER, connection.serial)
        connection.worker = self.workers[draws.integer(len(self.workers), u)]
        connection.worker.add(self._accept, exchange)
        if exchange.reach is Reach.CONNECT:
            connection.hung_up = True
            exchange.over = True
            exchange.reply(_CONNECTED, self._agenda.now)
        elif connection.tls:
            key = _REQUEST | exchange.place  # its request can come only after that
            self._agenda.at(self._agenda.now + HELLO_NS, key, self._hello_arrives, exchange)

    def _lose_syn(self, exchange: Exchange) -> None:
        self.tally.syn_retransmits += 1
        tries = exchange.connection.syns
        if tries <= len(SYN_RETRIES_NS):
            self._syn(exchange, self._agenda.now + SYN_RETRIES_NS[tries - 1])

    def _accept(self, exchange: Exchange) -> tuple[int, Then]:
        connection = exchange.connection
        now = self._agenda.now
        cost = self._costs.accept
        self._unaccepted[connection.port] -= 1
        self._charge(Cause.ACCEPT, cost)
        self.tally.accepts += 1
        if not self._take_slot(connection.worker):
            self.tally.refused_connections += 1
            return cost, self._turn_away
        connection.opened_ns = now
        self.tally.opened(now)
        if connection.hung_up:
            return cost, self._close_of
        if connection.tls and not connection.greeted:
            return cost, _nothing_yet
        begin = self._handshake if connection.tls else self._first
        further, then = begin(exchange)
        return cost + further, then

    def _turn_away(self, exchange: Exchange) -> None:
        """No slot is left: the connection is accepted and reset at once."""
        connection = exchange.connection
        connection.closed_ns = self._agenda.now
        self._reply_all([exchange, *connection.waiting], _RESET)

    def _first(self, exchange: Exchange) -> tuple[int, Then]:
        """A plain connection: its first request came with it."""
        connection = exchange.connection
        connection.ready_ns = self._agenda.now
        exchange.reached = exchange.fresh = True
        if exchange.hold is Hold.HEADER:
            return self._hold(exchange)
        connection.busy += 1
        return self._decide(exchange)

    def _decide(self, exchange: Exchange) -> tuple[int, Then]:
        """A request has been read: what its answer costs, and what gives it."""
        raise NotImplementedError

    # TLS

    def _hello_arrives(self, exchange: Exchange) -> None:
        connection = exchange.connection
        if connection.opened_ns == NEVER:
            connection.greeted = True
        elif connection.closed_ns == NEVER:
            connection.worker.add(self._handshake, exchange)

    def _handshake(self, exchange: Exchange) -> tuple[int, Then]:
        if exchange.connection.closed_ns != NEVER:
            return 0, _nothing_yet
        worker, now = exchange.connection.worker, self._agenda.now
        pause_ns, worker.shook_hands_ns = now - worker.shook_hands_ns, now
        root = exchange.bound.plan.root
        if isinstance(root, Answer) and root.decision.handler is Handler.TLS:
            cost_ns = self._costs.refused_handshake.after(pause_ns)
            self._charge(Cause.TLS, cost_ns)
            return cost_ns, self._refuse_handshake
        self.tally.handshakes += 1
        price = self._costs.handshake
        if exchange.connection.resumed:
            self.tally.resumptions += 1
            price = self._costs.resumed
        cost_ns = price.after(pause_ns)
        self._charge(Cause.TLS, cost_ns)
        return cost_ns, self._shaken

    def _refuse_handshake(self, exchange: Exchange) -> None:
        root = exchange.bound.plan.root
        assert isinstance(root, Answer)
        connection = exchange.connection
        for refused in connection.waiting:
            self._log(refused, root.decision)
        self._reply_all(connection.waiting, root.decision.sight)
        self._close(connection)

    def _shaken(self, exchange: Exchange) -> None:
        """The server's flight leaves; the client's last one brings the requests that waited."""
        connection = exchange.connection
        if connection.hung_up:
            self._close(connection)
            return
        now = self._agenda.now
        connection.ready_ns = now + connection.half_rtt_ns
        if connection.line.resumes:
            connection.line.ticket_ns = connection.ready_ns
        for request in connection.waiting:
            self._go_on(request)
        connection.waiting.clear()
        self._rest(connection, connection.settings.client_header_timeout_ns)

    def _go_on(self, exchange: Exchange) -> None:
        """The connection stands for the client: it sends its request, or has what it wanted."""
        connection = exchange.connection
        if exchange.reach is Reach.REQUEST:
            self._request(exchange, connection.ready_ns + connection.half_rtt_ns)
            return
        exchange.over = True
        exchange.reply(_CONNECTED, connection.ready_ns)
        key = _HANG_UP | connection.place
        at = connection.ready_ns + connection.half_rtt_ns
        self._agenda.at(at, key, self._hangs_up, connection)

    # Requests on a connection that stands

    def _request(self, exchange: Exchange, at_ns: int) -> None:
        key = _REQUEST | exchange.place
        self._agenda.at(at_ns, key, self._arrives, exchange)

    def _arrives(self, exchange: Exchange) -> None:
        connection = exchange.connection
        if connection.closed_ns != NEVER:
            self._reset(exchange)
        elif not exchange.over:
            exchange.reached = True
            connection.busy += 1
            connection.worker.add(self._serve, exchange)

    def _serve(self, exchange: Exchange) -> tuple[int, Then]:
        connection = exchange.connection
        if connection.closed_ns != NEVER:
            return 0, self._reset
        connection.worker.idle.pop(connection, None)
        if exchange.hold is Hold.HEADER:
            connection.busy -= 1
            return self._hold(exchange)
        return self._decide(exchange)

    def _reset(self, exchange: Exchange) -> None:
        """The request meets a connection that the server has closed."""
        exchange.over = True
        exchange.reply(_RESET, self._agenda.now + exchange.connection.half_rtt_ns)

    # What never ends: a header, a body, and after its answer the rest of the body

    def _hold(self, exchange: Exchange) -> tuple[int, Then]:
        """The first part of such a header."""
        connection = exchange.connection
        connection.held = exchange
        self._charge(Cause.READ, self._costs.read)
        self._watch(connection, connection.settings.client_header_timeout_ns)
        return self._costs.read, self._await_line

    def _hold_body(self, exchange: Exchange) -> None:
        """nginx waits for the body of a request before it passes it on."""
        connection = exchange.connection
        connection.held = exchange
        self._watch(connection, connection.settings.client_body_timeout_ns)
        self._await_line(exchange)

    def _linger(self, exchange: Exchange) -> None:
        """nginx has answered, but the body goes on: it reads that for a while, lest the answer
        be lost in a reset. nginx counts ``lingering_time`` in whole seconds of its clock, and so
        ends up to one second sooner than this.
        """
        connection = exchange.connection
        exchange.hold = Hold.REST
        connection.held = exchange
        settings = connection.settings
        connection.linger_ns = self._agenda.now + settings.lingering_time_ns
        self._watch(connection, settings.lingering_timeout_ns)
        self._await_line(exchange)

    def _await_line(self, exchange: Exchange) -> None:
        connection = exchange.connection
        key = _LINE | connection.place
        at = self._agenda.now + exchange.line_every_ns
        self._agenda.at(at, key, self._line_arrives, exchange)

    def _line_arrives(self, exchange: Exchange) -> None:
        connection = exchange.connection
        if connection.closed_ns == NEVER and connection.held is exchange:
            connection.worker.add(self._read_line, exchange)

    def _read_line(self, exchange: Exchange) -> tuple[int, Then]:
        connection = exchange.connection
        self._charge(Cause.READ, self._costs.read)
        if exchange.hold is Hold.BODY:
            self._watch(connection, connection.settings.client_body_timeout_ns)
        elif exchange.hold is Hold.REST:
            left_ns = connection.linger_ns - self._agenda.now
            self._watch(connection, min(connection.settings.lingering_timeout_ns, max(left_ns, 0)))
        return self._costs.read, self._await_line

    # Rest, time-outs, the end

    def _rest(self, connection: Connection, timeout_ns: int) -> None:
        """The connection waits for a request: until it times out, or its slot is needed."""
        connection.worker.idle[connection] = None
        self._watch(connection, timeout_ns)

    def _watch(self, connection: Connection, timeout_ns: int) -> None:
        connection.deadline_ns = self._agenda.now + timeout_ns
        if connection.deadline_ns < connection.timer_ns:
            self._set_timer(connection)

    def _set_timer(self, connection: Connection) -> None:
        connection.timer_ns = connection.deadline_ns
        key = _TIMER | connection.place
        self._agenda.at(connection.deadline_ns, key, self._time_is_up, connection)

    def _time_is_up(self, connection: Connection) -> None:
        now = self._agenda.now
        if connection.timer_ns != now or connection.closed_ns != NEVER:
            return  # overtaken by another timer, or too late
        connection.timer_ns = NEVER
        held = connection.held
        if connection.busy and (held is None or held.hold is not Hold.BODY):
            return
        if connection.deadline_ns > now:
            self._set_timer(connection)
            return
        if held is not None:
            self._give_up(held)
        self._close(connection)

    def _give_up(self, exchange: Exchange) -> None:
        """A header or body has taken too long: 408 is logged, but nothing is sent, as with a 444.

        After a lingering close the client, if it did not heed it, comes to see its answer.
        """
        settings = exchange.connection.settings
        if exchange.hold is Hold.REST:
            if not exchange.heeds:
                self._reply_all([exchange], exchange.price.closing)
            return
        if exchange.hold is Hold.HEADER:
            self.tally.header_timeouts += 1
        else:
            self.tally.body_timeouts += 1
            self._let_go(exchange)
        exchange.status = _TIMED_OUT
        self._reply_all([exchange], _RESET if settings.reset_timedout_connection else _EMPTY)

    def _let_go(self, exchange: Exchange) -> None:
        """The request gives back what it holds."""
        raise NotImplementedError

    def _reclaim(self, connection: Connection) -> None:
        """An idle connection gives way to a new one."""
        self.tally.reused_slots += 1
        self._close(connection)

    def _close_of(self, exchange: Exchange) -> None:
        self._close(exchange.connection)

    def _close(self, connection: Connection) -> None:
        if connection.closed_ns != NEVER:
            return
        connection.closed_ns = self._agenda.now
        worker = connection.worker
        worker.idle.pop(connection, None)
        self._free_slot(worker)
        self.tally.closed(connection.closed_ns)

    # Small things

    def _take_slot(self, worker: Worker) -> bool:
        if not worker.take_slot():
            return False
        self.tally.take_slot()
        return True

    def _free_slot(self, worker: Worker) -> None:
        worker.free += 1
        self.tally.slots -= 1

    def _charge(self, cause: Cause, cost_ns: int) -> None:
        self.tally.cpu_ns[cause] += cost_ns

    def _log(self, exchange: Exchange, decision: Decision) -> None:
        exchange.over = True
        exchange.decision = decision
        exchange.status = decision.status
        exchange.bytes_sent = decision.bytes_sent
        self.tally.bytes_out += decision.bytes_sent

    def _reply_all(self, exchanges: list[Exchange], sight: Sight) -> None:
        now = self._agenda.now
        for exchange in exchanges:
            exchange.over = True
            exchange.reply(sight, now + exchange.connection.half_rtt_ns)
