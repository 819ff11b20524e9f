"""The machine against queueing theory: M/D/1, M/G/1 with an exceptional first service, M/M/c.

Each check takes at least 30 replications; the half-width of the 95 % interval is at most 2 % of the
mean, and the closed form lies within 3.5 standard errors.
"""

from __future__ import annotations

from collections.abc import Callable
from math import factorial, sqrt
from types import SimpleNamespace
from typing import cast

import pytest

from simkit import draws
from simkit.draws import Purpose
from simkit.engine.agenda import SimpyAgenda
from simkit.host.cooling import Cooling
from simkit.host.order import Kind, priority
from simkit.host.upstream import Upstream
from simkit.host.wire import Exchange
from simkit.host.worker import Worker
from simkit.measures.intervals import t_interval
from simkit.traffic.machine import UpstreamSpec

SERVICE_NS = 1_000_000
REPLICATIONS = 30


def arrivals_ns(replication: int, rate: float, count: int, unit_ns: int) -> list[int]:
    """Poisson arrivals of ``rate`` per ``unit_ns``, by addressed draws."""
    key = draws.stream(1, "arrivals", replication)
    now, times = 0.0, []
    for number in range(count):
        now += draws.exponential(unit_ns / rate, draws.uniform(key, Purpose.ARRIVAL, number))
        times.append(int(now))
    return times


class OpenLoop:
    """Jobs of constant cost that come to a worker whatever happens to them."""

    def __init__(self, times_ns: list[int], wake_up_ns: int) -> None:
        self.agenda = SimpyAgenda()
        self.worker = Worker(self.agenda, 0, 512, Cooling(wake_up_ns / 1000), lambda _: None)
        self.times_ns = times_ns
        self.waits_ns: list[int] = []
        self.agenda.at(times_ns[0], priority(Kind.REQUEST, 0, 0), self._arrive, 0)
        self.agenda.run()

    def _arrive(self, number: int) -> None:
        if number + 1 < len(self.times_ns):
            key = priority(Kind.REQUEST, 0, number + 1)
            self.agenda.at(self.times_ns[number + 1], key, self._arrive, number + 1)
        self.worker.add(self._begin, number)

    def _begin(self, number: int) -> tuple[int, Callable[[int], None]]:
        return SERVICE_NS, self._done

    def _done(self, number: int) -> None:
        self.waits_ns.append(self.agenda.now - self.times_ns[number] - SERVICE_NS)

    @property
    def mean_wait(self) -> float:
        """In units of the service, after a tenth for warming up."""
        kept = self.waits_ns[len(self.waits_ns) // 10 :]
        return sum(kept) / len(kept) / SERVICE_NS


def agrees(values: list[float], theory: float) -> None:
    assert len(values) >= REPLICATIONS
    found = t_interval(values)
    half_width = (found.high - found.low) / 2
    assert half_width / found.mean <= 0.02
    mean = found.mean
    error = sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1) / len(values))
    assert abs(mean - theory) / error <= 3.5


def test_a_worker_under_a_poisson_flood_of_constant_cost_is_m_d_1() -> None:
    rate = 0.6
    waits = [
        OpenLoop(arrivals_ns(r, rate, 8_000, SERVICE_NS), 0).mean_wait for r in range(REPLICATIONS)
    ]
    agrees(waits, rate / (2 * (1 - rate)))


def test_a_worker_that_sleeps_is_m_g_1_with_an_exceptional_first_service() -> None:
    """Welch (1964): the customer who finds the server idle takes ``wake`` longer.

    The mean wait, the extra time of the first included as the checks measure it, is

        W = rate E[S^2] / (2 (1 - rho)) + rate (E[S0^2] - E[S^2]) / (2 (1 - rho + rho0)),

    with S0 = S + wake, rho0 = rate E[S0]; to it comes the wake-up itself for the share of customers
    (1 - rho) / (1 - rho + rho0) who find the worker asleep.
    """
    rate, wake = 0.5, 0.8
    waits = [
        OpenLoop(arrivals_ns(r, rate, 8_000, SERVICE_NS), int(wake * SERVICE_NS)).mean_wait
        for r in range(REPLICATIONS)
    ]
    rho, rho0, first = rate, rate * (1 + wake), 1 + wake
    idle = (1 - rho) / (1 - rho + rho0)
    waited = rate / (2 * (1 - rho)) + rate * (first**2 - 1) / (2 * (1 - rho + rho0))
    agrees(waits, waited + idle * wake)


def erlang_c_wait(servers: int, rate: float) -> float:
    """The mean wait of M/M/c in units of the mean service (Erlang 1917)."""
    load = rate
    last = load**servers / factorial(servers) * servers / (servers - load)
    waiting = last / (sum(load**k / factorial(k) for k in range(servers)) + last)
    return waiting / (servers - load)


@pytest.mark.parametrize(("servers", "rate", "count"), [(1, 0.5, 20_000), (4, 2.8, 45_000)])
def test_the_upstream_with_exponential_service_is_m_m_c(
    servers: int, rate: float, count: int
) -> None:
    spec = UpstreamSpec(servers=servers, service="exponential", mean_ms=1.0)
    waits = []
    for replication in range(40):
        upstream = Upstream(spec)
        key = draws.stream(2, "services", replication)
        skipped = 2_000
        before = 0
        for number, now in enumerate(arrivals_ns(replication, rate, count, SERVICE_NS)):
            if number == skipped:
                before = upstream.waited_ns
            exchange = SimpleNamespace(key=key, wish_number=number, item=0, attempt=0)
            upstream.enter(cast(Exchange, exchange), now)
        waits.append((upstream.waited_ns - before) / (upstream.requests - skipped) / SERVICE_NS)
    agrees(waits, erlang_c_wait(servers, rate))
