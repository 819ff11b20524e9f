"""nginx as a machine: connections that a policy answers on, and an upstream behind them.

    a request is read ─► _decide* ─┬─► _answer ─► the client's sight
                          ▲        ├─► _put_off ─► _delay_over ─► _resume*          a limit delays
                          │        │                                 │
                          └────────┼─────────────────────────────────┘
                                   └─► _pass_on ─► upstream ─► _comes_back ─► _fetch* ─► _answer

Starred functions begin jobs of the worker: they are called when it takes the request up, ask the
policy at that very time, and say what the work costs. What follows happens when it is done.
"""

from __future__ import annotations

from simkit.host.clock import Clock
from simkit.host.connections import Connections
from simkit.host.costs import Cause, Costs
from simkit.host.doorkeeper import Doorkeeper
from simkit.host.failures import failure
from simkit.host.order import Agenda, Kind, base
from simkit.host.prices import Price, Prices
from simkit.host.upstream import Upstream
from simkit.host.wire import NEVER, Connection, Exchange, Hold, Line
from simkit.host.worker import Then
from simkit.policy import Gate, Policy, Step
from simkit.policy.plan import Decision, Handler
from simkit.traffic.machine import HostSpec
from simkit.traffic.part import NS_PER_MS

__all__ = ["Server", "worker_count"]

_UPSTREAM = base(Kind.UPSTREAM)
_DELAY = base(Kind.DELAY)

_CLIENT_CLOSED = 499
_NO_SLOT = 500
_BAD_GATEWAY = 502
_GATEWAY_TIMEOUT = 504


def worker_count(policy: Policy, spec: HostSpec) -> int:
    """How many workers a policy starts on a machine: for ``auto``, one for each CPU."""
    return policy.worker_processes or spec.cpus


class Server(Connections):
    """The machine of a scenario with a policy on it."""

    def __init__(
        self,
        agenda: Agenda,
        policy: Policy,
        gate: Gate,
        clock: Clock,
        spec: HostSpec,
        costs: Costs,
        *,
        uplink_ns_per_byte: float = 0.0,
        doorkeeper: Doorkeeper | None = None,
    ) -> None:
        super().__init__(
            agenda,
            policy.settings_for,
            costs,
            workers=worker_count(policy, spec),
            slots=policy.worker_connections,
            backlog=spec.backlog,
            doorkeeper=doorkeeper or Doorkeeper(),
        )
        self._uplink = Line(-1, 0, 0, uplink_ns_per_byte)
        self._gate = gate
        self._clock = clock
        self._prices = Prices(costs)
        self._failures: dict[tuple[int, Price, bool], Price] = {}
        self.upstream = Upstream(spec.upstream)

    # Deciding

    def _decide(self, exchange: Exchange) -> tuple[int, Then]:
        step = self._gate.admit(exchange.bound, self._clock.ms(self._agenda.now))
        return self._follow(exchange, step)

    def _follow(self, exchange: Exchange, step: Step) -> tuple[int, Then]:
        exchange.step = step
        if step.decision is None:
            self._charge(Cause.READ, self._costs.delay)
            exchange.delay_ns += step.wait_ms * NS_PER_MS
            now_ms = self._clock.ms(self._agenda.now)
            exchange.resume_ns = self._clock.ns(now_ms + step.wait_ms)
            return self._costs.delay, self._put_off
        price = exchange.price = self._prices.of(step.decision)
        cost = price.fresh_ns if exchange.fresh else price.kept_ns
        if exchange.connection.tls and not price.proxied:
            cost += price.tls_ns
        self._charge(price.cause, cost)
        if price.proxied:
            return cost, self._hold_body if exchange.hold is Hold.BODY else self._pass_on
        return cost, self._answer

    # A delay by a limit

    def _put_off(self, exchange: Exchange) -> None:
        exchange.parked = True
        key = _DELAY | exchange.place
        at = max(self._agenda.now, exchange.resume_ns)
        self._agenda.at(at, key, self._delay_over, exchange)

    def _delay_over(self, exchange: Exchange) -> None:
        if not exchange.over:
            exchange.parked = False
            exchange.connection.worker.add(self._resume, exchange)

    def _resume(self, exchange: Exchange) -> tuple[int, Then]:
        step = self._gate.resume(exchange.step, self._clock.ms(self._agenda.now))
        return self._follow(exchange, step)

    # The upstream

    def _pass_on(self, exchange: Exchange) -> None:
        if not self._take_slot(exchange.connection.worker):
            self._fail(exchange, _NO_SLOT)
            self._answer(exchange)
            return
        exchange.upstream = exchange.parked = True
        now = self._agenda.now
        done = self.upstream.enter(exchange, now)
        if done is None:
            done = now
            self.tally.bad_gateways += 1
            self._fail(exchange, _BAD_GATEWAY)
        elif done > now + self.upstream.timeout_ns:
            done = now + self.upstream.timeout_ns
            self.tally.gateway_timeouts += 1
            self._fail(exchange, _GATEWAY_TIMEOUT)
        key = _UPSTREAM | exchange.place
        self._agenda.at(done, key, self._comes_back, exchange)

    def _comes_back(self, exchange: Exchange) -> None:
        if not exchange.over:
            exchange.parked = False
            exchange.connection.worker.add(self._fetch, exchange)

    def _fetch(self, exchange: Exchange) -> tuple[int, Then]:
        price = exchange.price
        cost = price.back_ns + (price.tls_ns if exchange.connection.tls else 0)
        self._charge(Cause.PROXY, cost)
        return cost, self._answer

    def _fail(self, exchange: Exchange, status: int) -> None:
        """nginx's own page takes the place of the answer that was meant."""
        http2 = exchange.connection.http2
        key = (status, exchange.price, http2)
        price = self._failures.get(key)
        if price is None:
            price = self._prices.of(failure(status, exchange.price.decision, http2=http2))
            self._failures[key] = price
        exchange.price = price

    # The end of a request

    def _answer(self, exchange: Exchange) -> None:
        """The worker has written the answer, or closed without one."""
        price = exchange.price
        connection = exchange.connection
        decision = price.decision
        self._log(exchange, decision)
        self._let_go(exchange)
        connection.served += 1
        if not decision.sight.kept or self._is_used_up(connection, decision):
            connection.last = True
        unfinished = exchange.hold is Hold.BODY
        connection.last = connection.last or unfinished
        sight = price.closing if connection.last else decision.sight
        if exchange.heeds or decision.handler is Handler.SILENT:
            exchange.reply(sight, self._delivered_ns(connection, decision.bytes_sent))
        if connection.busy:
            return
        if unfinished and decision.handler is not Handler.SILENT and not connection.hung_up:
            self._linger(exchange)
        elif connection.last or connection.hung_up:
            self._close(connection)
        else:
            self._rest(connection, connection.settings.keepalive_timeout_ns)

    def _delivered_ns(self, connection: Connection, size: int) -> int:
        """When the last of so many bytes has come to the client."""
        sent_ns = self._uplink.delivered_ns(self._agenda.now, size)
        return connection.line.delivered_ns(sent_ns + connection.half_rtt_ns, size)

    def _is_used_up(self, connection: Connection, decision: Decision) -> bool:
        lease = connection.settings.lease if connection.http2 else decision.lease
        return (
            connection.served >= lease.requests
            or self._agenda.now - connection.opened_ns >= lease.age_ns
        )

    def _let_go(self, exchange: Exchange) -> None:
        """The request gives back what it holds: its place, an upstream slot, `limit_conn`."""
        exchange.connection.busy -= 1
        if exchange.upstream:
            exchange.upstream = False
            self._free_slot(exchange.connection.worker)
        if exchange.step.held:
            self._gate.release(exchange.step)

    def abandon(self, exchange: Exchange) -> None:
        """The client's patience has ended: it closes the connection, in HTTP/2 the stream.

        The server is taken to notice at once. A request that it still has ends with 499 in the
        log: at once if nginx only waits with it, else when the worker is through with it.
        """
        connection = exchange.connection
        if exchange.reached and not exchange.over:
            self.tally.client_timeouts += 1
            exchange.status = _CLIENT_CLOSED
            if exchange.parked:
                exchange.over = True
                self._let_go(exchange)
        elif not exchange.reached:
            exchange.over = True
            exchange.decision = connection.blocked
        if not connection.http2 or connection.ready_ns == NEVER:
            connection.hung_up = True
        if connection.hung_up and not connection.busy and connection.opened_ns != NEVER:
            self._close(connection)

    def counters(self) -> dict[str, int]:
        """What the server has done so far, and holds now."""
        tally = self.tally
        tally.cpu_ns[Cause.WAKE_UP] = sum(w.waking_ns for w in self.workers)
        return {
            "cpu_ns": sum(tally.cpu_ns),
            "slots": tally.slots,
            "connections": tally.connections,
            "accepts": tally.accepts,
            "handshakes": tally.handshakes,
            "bytes_out": tally.bytes_out,
            "upstream_requests": self.upstream.requests,
            "refused_connections": tally.refused_connections,
            "zone_evictions": self._gate.evictions,
        }

    def load(self, window_ns: int) -> dict[str, float]:
        """What the run has cost so far, by names with units."""
        tally = self.tally
        tally.cpu_ns[Cause.WAKE_UP] = sum(w.waking_ns for w in self.workers)
        return {
            **tally.vector(window_ns, len(self.workers)),
            "wake_ups": sum(w.wake_ups for w in self.workers),
            **self.upstream.vector(),
            "zone_evictions": self._gate.evictions,
        }
