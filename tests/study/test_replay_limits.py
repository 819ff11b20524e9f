"""Limits in a replay against a second account of them, written from the arithmetic alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simkit.policy import Planner, load_policy
from simkit.study.replay_limits import Endings, run_member
from simkit.wire import Shape
from tests.study.logs import policy_file

Arrival = tuple[int, int, int]
"""When a request begins (ms), by which client, how long it takes (ms)."""

arrivals = st.lists(
    st.tuples(st.integers(0, 3000), st.integers(1, 3), st.integers(0, 800)), min_size=1, max_size=60
)
PER_ADDRESS = "limit_conn_zone $binary_remote_addr zone=z:1m;"
SHAPE = Shape(headers=(("Host", "shop.example"),))


@dataclass(frozen=True)
class Outcome:
    """By number of the limit in the configuration: how many it refused, how many waited for it."""

    refused: Counter[int]
    waited: Counter[int]
    statuses: dict[int, int]


def run(found: list[Arrival], server: str, http: str) -> Outcome:
    with TemporaryDirectory() as name:
        planner = Planner(load_policy(policy_file(Path(name), server, http)))
    bounds = [planner.bind(SHAPE, ip_address(f"192.0.2.{client}")) for _, client, _ in found]
    endings = Endings()
    for bound in bounds:
        endings.add(bound.plan)
    start_ms = np.array([start for start, _, _ in found], dtype=np.int64)
    member = run_member(planner, endings, bounds, start_ms, [took for _, _, took in found])
    ways = list(endings.endings)
    taken = [ways[ending] for ending in member.ending.tolist()]
    return Outcome(
        Counter(way.refused_by for way in taken if way.refused_by >= 0),
        Counter(limit for way in taken for limit in way.waited_for),
        endings.statuses,
    )


def leaky(found: list[Arrival], rate: int, burst: int, free: int) -> tuple[int, int]:
    """Refused and delayed requests of `limit_req`, of which ``free`` pass undelayed."""
    state: dict[int, tuple[int, int]] = {}
    refused = delayed = 0
    for start, client in sorted(((s, c) for s, c, _ in found), key=lambda pair: pair[0]):
        if client not in state:
            state[client] = (0, start)
            continue
        excess, last = state[client]
        excess = max(0, excess - rate * (start - last) // 1000 + 1000)
        if excess > 1000 * burst:
            refused += 1
            continue
        state[client] = (excess, start)
        delayed += max(0, excess - 1000 * free) * 1000 // rate > 0
    return refused, delayed


@settings(max_examples=200)
@given(arrivals, st.integers(1, 20), st.integers(1, 6), st.none() | st.integers(0, 6))
def test_limit_req(found: list[Arrival], rate: int, burst: int, free: int | None) -> None:
    how = "nodelay" if free is None else f"delay={free}" if free else ""
    outcome = run(
        found,
        f"limit_req zone=z burst={burst} {how};",
        f"limit_req_zone $binary_remote_addr zone=z:1m rate={rate}r/s;",
    )
    refused, delayed = leaky(found, 1000 * rate, burst, burst if free is None else free)
    assert (outcome.refused[0], outcome.waited[0]) == (refused, delayed)
    assert outcome.statuses == {0: 503}


@settings(max_examples=200)
@given(arrivals, st.integers(1, 4))
def test_limit_conn(found: list[Arrival], most: int) -> None:
    held: dict[int, list[int]] = {1: [], 2: [], 3: []}
    refused = 0
    for start, client, took in sorted(found, key=lambda arrival: arrival[0]):
        # A request that takes no time lets go before the next one comes, at the same instant too.
        held[client] = [end for end in held[client] if end > start]
        if len(held[client]) == most:
            refused += 1
        else:
            held[client].append(start + took)
    assert run(found, f"limit_conn z {most};", PER_ADDRESS).refused[0] == refused


def test_limit_conn_comes_after_the_delay() -> None:
    # Four at once: the limit of rate spaces them out, so the one of connections never bites.
    zones = PER_ADDRESS + "limit_req_zone $binary_remote_addr zone=r:1m rate=1r/s;"
    found = [(500, 1, 500)] * 4
    spaced = run(found, "limit_req zone=r burst=5; limit_conn z 1;", zones)
    assert (spaced.refused, sum(spaced.waited.values())) == (Counter(), 3)
    assert run(found, "limit_conn z 1;", zones).refused == Counter({0: 3})
    # Longer than a second each, they overlap after all.
    overlapping = run([(500, 1, 1500)] * 4, "limit_req zone=r burst=5; limit_conn z 1;", zones)
    assert sum(overlapping.refused.values()) == 2


@pytest.mark.parametrize(("dry", "status"), [("", 503), ("limit_req_dry_run on;", 200)])
def test_of_two_limits_the_one_that_refused_is_blamed(dry: str, status: int) -> None:
    zones = "".join(
        f"limit_req_zone $binary_remote_addr zone={zone}:1m rate={rate}r/s;"
        for zone, rate in (("a", 9), ("b", 1))
    )
    server = f"limit_req zone=a burst=9 nodelay; limit_req zone=b burst=2 nodelay; {dry}"
    outcome = run([(1000, 1, 0)] * 8, server, zones)
    assert outcome.refused == Counter({1: 5})
    assert outcome.statuses[1] == status


def test_the_order_of_the_log_decides_at_equal_times() -> None:
    zone = "limit_req_zone $http_host zone=z:1m rate=1r/s;"
    found = [(7, 1, 0), (7, 2, 0), (3, 3, 0)]
    assert run(found, "limit_req zone=z;", zone).refused == Counter({0: 2})
