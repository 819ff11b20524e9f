"""Whole runs against queueing theory: crowds, connections, worker and upstream together.

Each check takes at least 30 replications of a run from which a tenth at the beginning is left out;
the half-width of the 95 % interval is at most 3 % of the mean, and the closed form lies within 3.5
standard errors.
"""

from __future__ import annotations

from math import exp, factorial, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from simkit.engine import Run, simulate
from simkit.measures.intervals import t_interval
from simkit.policy import Policy
from simkit.traffic import Scenario, UpstreamSpec
from simkit.wire import SightKind
from tests.engine.crowds import MS, cohort, policy, world

Int64s = npt.NDArray[np.int64]

REPLICATIONS = 32
CLIENTS = 400
PROXY = "proxy_pass http://127.0.0.1:9;"


def agrees(values: list[float], theory: float, within: float = 0.03) -> None:
    found = t_interval(values)
    assert len(values) >= 30
    assert (found.high - found.low) / 2 <= within * found.mean
    error = float(np.std(values, ddof=1)) / sqrt(len(values))
    assert abs(found.mean - theory) <= 3.5 * error


def crowd(rate_per_s: float, **keys: Any) -> str:
    """A flood of Poisson arrivals of that rate: many clients, each Poisson by itself."""
    every_s = CLIENTS / rate_per_s
    arrivals = f'{{ kind = "poisson", every_s = {every_s} }}'
    return cohort("flood", count=CLIENTS, arrivals=arrivals, patience_s=1000, **keys)


def runs(scenario: Scenario, under: Policy) -> list[Run]:
    """Replications on the compiled engine, which gives the rows of the other."""
    return [
        simulate(scenario, under, replication=number, engine="compiled")
        for number in range(REPLICATIONS)
    ]


def column(found: Run, name: str, table: str = "requests") -> Int64s:
    values: Int64s = getattr(found, table)[name].astype(np.int64)
    return values


def waits_ms(found: Run, known_ms: float) -> npt.NDArray[np.float64]:
    """What requests waited beside what is known, after a tenth of the window."""
    sent = column(found, "sent_ns")
    kept = (sent > found.window_ns // 10) & (found.requests["sight"] == SightKind.HTTP)
    found_ms: npt.NDArray[np.float64] = column(found, "latency_ns")[kept] / MS - known_ms
    return found_ms


def upstream(scenario: Scenario, **keys: object) -> Scenario:
    spec = UpstreamSpec.model_validate({"timeout_s": 1000.0, **keys})
    return scenario.model_copy(update={"host": scenario.host.model_copy(update={"upstream": spec})})


def test_a_worker_with_constant_costs_is_m_d_1(tmp_path: Path) -> None:
    """Each request comes on a connection of its own, of which accepting is the whole cost."""
    rate, cost_ms = 0.6, 1.0
    scenario = world(
        tmp_path,
        crowd(rate / cost_ms * 1000, keeps_connections="false"),
        length_s=25,
        rtt_ms=0,
        accept=1000 * cost_ms,
        new=1000 * cost_ms,
    )
    theory = rate / (2 * (1 - rate)) * cost_ms
    agrees([waits_ms(r, cost_ms).mean() for r in runs(scenario, policy(tmp_path))], theory)


@pytest.mark.parametrize("sigma", [0.5, 1.0])
def test_an_upstream_with_one_server_is_m_g_1(tmp_path: Path, sigma: float) -> None:
    """Pollaczek and Khinchine: W = rho / (1 - rho) * (1 + c^2) / 2 services, c^2 = e^(s^2) - 1."""
    rho, mean_ms = 0.5, 2.0
    base = world(tmp_path, crowd(1000 * rho / mean_ms), length_s=120, rtt_ms=0)
    scenario = upstream(base, servers=1, service="lognormal", mean_ms=mean_ms, sigma=sigma)
    variation = exp(sigma**2) - 1
    theory = rho / (1 - rho) * (1 + variation) / 2 * mean_ms
    found = runs(scenario, policy(tmp_path, location=PROXY, slots=20_000))
    agrees([r.load["upstream_wait_s"] / r.load["upstream_requests"] * 1000 for r in found], theory)


def erlang_b(servers: int, load: float) -> float:
    """The share of customers that find every server busy and go away (Erlang 1917)."""
    terms = [load**k / factorial(k) for k in range(servers + 1)]
    return terms[-1] / sum(terms)


def erlang_c_wait(servers: int, load: float) -> float:
    """The mean wait of M/M/c in units of the mean service (Erlang 1917)."""
    blocked = erlang_b(servers, load)
    waiting = blocked / (1 - load / servers * (1 - blocked))
    return waiting / (servers - load)


@pytest.mark.parametrize(("servers", "load"), [(3, 1.8), (8, 6.0)])
def test_an_upstream_with_several_servers_is_m_m_c(
    tmp_path: Path, servers: int, load: float
) -> None:
    mean_ms = 4.0
    base = world(tmp_path, crowd(1000 * load / mean_ms), length_s=60, rtt_ms=0)
    scenario = upstream(base, servers=servers, service="exponential", mean_ms=mean_ms)
    found = runs(scenario, policy(tmp_path, location=PROXY, slots=20_000))
    waits = [r.load["upstream_wait_s"] / r.load["upstream_requests"] * 1000 for r in found]
    agrees(waits, erlang_c_wait(servers, load) * mean_ms)


@pytest.mark.parametrize("service", ["exponential", "constant", "lognormal"])
def test_an_upstream_without_a_queue_loses_what_erlang_says(tmp_path: Path, service: str) -> None:
    """The loss does not depend on the distribution of the service (Sevastyanov 1957)."""
    servers, load, mean_ms = 4, 3.0, 5.0
    base = world(tmp_path, crowd(1000 * load / mean_ms), length_s=40, rtt_ms=0)
    scenario = upstream(base, servers=servers, service=service, mean_ms=mean_ms, queue=0)
    found = runs(scenario, policy(tmp_path, location=PROXY, slots=20_000))
    lost = [r.load["bad_gateways"] / len(r.requests["status"]) for r in found]
    agrees(lost, erlang_b(servers, load))
    assert set(found[0].requests["status"].tolist()) <= {0, 200, 502}  # 0: the window closed


def test_slots_lose_connections_as_erlang_says(tmp_path: Path) -> None:
    """A worker of 20 slots, and 10 connections a second that each hold one for two seconds.

    They are headers that never end, until the time for one is up. A connection that finds no slot
    is accepted and reset at once: it does not queue. So many clients open one each that hardly
    fewer are left at the end of the window.
    """
    slots, hold_s, rate_per_s, clients, length_s = 20, 2, 10.0, 50_000, 200
    under = policy(tmp_path, http=f"client_header_timeout {hold_s}s;", slots=slots)
    once = cohort(
        "slow",
        count=clients,
        connections=1,
        open_per_s=1000,
        line_every_s=1000,
        arrivals=f'{{ kind = "poisson", every_s = {clients / rate_per_s} }}',
        reactions="{ network = { leave = true } }",
    )
    lost = []
    for found in runs(world(tmp_path, once, length_s=length_s, rtt_ms=0), under):
        sent = column(found, "sent_ns")
        late = (sent > found.window_ns // 10) & (sent < found.window_ns - 3 * 10**9)
        lost.append(float((found.requests["sight"][late] == SightKind.RESET).mean()))
    left = exp(-0.55 * length_s * rate_per_s / clients)  # in the middle of what is looked at
    agrees(lost, erlang_b(slots, rate_per_s * left * hold_s), within=0.06)


def test_little_holds_for_connections(tmp_path: Path) -> None:
    """L = lambda W: of connections that rest for a known time, and of those that are measured."""
    keep_s, rate_per_s = 2, 40.0
    under = policy(tmp_path, http=f"keepalive_timeout {keep_s}s;", slots=20_000)
    one_each = crowd(rate_per_s, keeps_connections="true")
    scenario = world(tmp_path, one_each, length_s=200, rtt_ms=0)
    held, counted = [], []
    for found in runs(scenario, under):
        after = column(found, "time_ns", "series") > found.window_ns // 10
        held.append(float(found.series["connections"][after].mean()))
        counted.append(found.load["connection_s"] / (found.window_ns / 10**9))
    # A client comes every ten seconds in the mean; within the keep-alive it uses its connection
    # again, which then rests that long once more: the busy period of M/D/inf for one client.
    client_rate = rate_per_s / CLIENTS
    share_open = 1 - exp(-client_rate * keep_s)
    agrees(held, CLIENTS * share_open)
    assert np.mean(held) == pytest.approx(np.mean(counted), rel=0.02)


def test_little_holds_for_waiting(tmp_path: Path) -> None:
    """What waits at the upstream, seen at times that nobody there knows of, is rate times wait."""
    mean_ms, load, servers = 20.0, 1.5, 2
    rate_per_s = 1000 * load / mean_ms
    base = world(tmp_path, crowd(rate_per_s), length_s=100, rtt_ms=0)
    scenario = upstream(base, servers=servers, service="exponential", mean_ms=mean_ms)
    found = runs(scenario, policy(tmp_path, location=PROXY, slots=20_000))
    inside, ratios = [], []
    for one in found:
        sent, took = column(one, "sent_ns"), column(one, "latency_ns")
        marks = np.arange(one.window_ns // 10, one.window_ns - 10**9, 7_000_001)
        began, ended = np.sort(sent), np.sort(sent + took)
        there = np.searchsorted(began, marks) - np.searchsorted(ended, marks)
        late = sent > one.window_ns // 10
        inside.append(float(there.mean()))
        seen_rate = late.sum() / (one.window_ns * 0.9)
        ratios.append(float(there.mean() / (seen_rate * took[late].mean())))
    agrees(inside, load + load * erlang_c_wait(servers, load))
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.01)
