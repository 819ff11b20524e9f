"""The application behind nginx: a queue for several servers, M/M/c if service is exponential."""

from __future__ import annotations

from collections import deque
from heapq import heapreplace

from simkit import draws
from simkit.draws import Purpose
from simkit.host.wire import Exchange
from simkit.traffic.machine import UpstreamSpec
from simkit.traffic.part import NS_PER_MS, NS_PER_S

__all__ = ["Upstream"]


class Upstream:
    """Servers that take requests in the order in which they come, and finish what they began.

    As nothing can change a request's turn once it is in, its end is known when it comes: the
    state is when each server will be free, the workload vector of Kiefer and Wolfowitz (1955,
    doi:10.1090/S0002-9947-1955-0066587-1).
    """

    __slots__ = (
        "_begins_ns",
        "_free_ns",
        "_spec",
        "busy_ns",
        "requests",
        "timeout_ns",
        "waited_ns",
    )

    def __init__(self, spec: UpstreamSpec) -> None:
        self._spec = spec
        self._free_ns = [0] * spec.servers
        self._begins_ns: deque[int] = deque()  # of those that have not been begun, in order
        self.timeout_ns = int(spec.timeout_s * NS_PER_S)
        self.requests = 0
        self.busy_ns = 0
        self.waited_ns = 0

    def enter(self, exchange: Exchange, now_ns: int) -> int | None:
        """A request comes: the time at which it will have been served; None: it is turned away."""
        begin_ns = max(now_ns, self._free_ns[0])
        if self._turns_away(exchange, now_ns, begin_ns):
            return None
        service_ns = self._service_ns(exchange)
        heapreplace(self._free_ns, begin_ns + service_ns)
        self.requests += 1
        self.busy_ns += service_ns
        self.waited_ns += begin_ns - now_ns
        return begin_ns + service_ns

    def _turns_away(self, exchange: Exchange, now_ns: int, begin_ns: int) -> bool:
        spec = self._spec
        if spec.fails and self._uniform(exchange, Purpose.FAILURE) < spec.fails:
            return True
        if spec.queue is None:
            return False
        while self._begins_ns and self._begins_ns[0] <= now_ns:
            self._begins_ns.popleft()
        if begin_ns > now_ns:
            if len(self._begins_ns) >= spec.queue:
                return True
            self._begins_ns.append(begin_ns)
        return False

    def _uniform(self, exchange: Exchange, purpose: Purpose, key: int | None = None) -> float:
        second = exchange.item << 16 | exchange.attempt
        stream = exchange.key if key is None else key
        return draws.uniform(stream, purpose, exchange.wish_number, second)

    def _service_ns(self, exchange: Exchange) -> int:
        spec = self._spec
        mean_ns = spec.mean_ms * NS_PER_MS
        if spec.service == "constant":
            return int(mean_ns)
        u = self._uniform(exchange, Purpose.SERVICE)
        if spec.service == "exponential":
            return int(draws.exponential(mean_ns, u))
        v = self._uniform(exchange, Purpose.SERVICE, draws.mix(exchange.key, 1))
        return int(draws.lognormal(mean_ns * spec.median_share, spec.sigma, u, v))

    def vector(self) -> dict[str, float]:
        """What it did: requests taken, time spent serving them and time they queued for it."""
        return {
            "upstream_requests": self.requests,
            "upstream_busy_s": self.busy_ns / NS_PER_S,
            "upstream_wait_s": self.waited_ns / NS_PER_S,
        }
