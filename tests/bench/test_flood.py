"""The flood of the benchmark: as many requests as said, and the same ones each time."""

from __future__ import annotations

import pytest

from simkit.bench import engines, flood
from simkit.bench.case import COMPILED, SIMPY


@pytest.mark.parametrize(("clients", "requests"), [(1, 40), (10, 400), (400, 400)])
def test_the_requests_are_as_many_as_said(clients: int, requests: int) -> None:
    run = engines.run(flood.scenario(clients, requests), flood.policy(), SIMPY)
    found = flood.counted(run, requests)
    assert found.requests == requests
    assert set(run.requests["client"].tolist()) == set(range(clients))
    with pytest.raises(AssertionError, match=f"{requests} requests, not {requests + 1}"):
        flood.counted(run, requests + 1)


def test_the_rate_is_the_same_for_any_number_of_clients() -> None:
    for clients in (1_000, 1_000_000):
        crowd = flood.scenario(clients, 2_000_000)
        every_s = crowd.cohorts[0].arrivals.every_s
        assert every_s is not None
        assert clients / every_s == pytest.approx(flood.RATE_PER_S)
        assert crowd.length_s * flood.RATE_PER_S == 2_000_000


def test_a_flood_of_unequal_bots_is_refused() -> None:
    with pytest.raises(ValueError, match="3 clients cannot send 10 requests"):
        flood.scenario(3, 10)


def test_the_digest_is_that_of_the_requests() -> None:
    crowd = flood.scenario(10, 100)
    first, again = (engines.run(crowd, flood.policy(), SIMPY) for _ in range(2))
    assert flood.digest(first) == flood.digest(again)
    again.requests["bytes"][50] += 1
    assert flood.digest(first) != flood.digest(again)


def test_both_engines_give_the_same_table_of_requests() -> None:
    crowd = flood.scenario(10, 100)
    runs = [engines.run(crowd, flood.policy(), engine) for engine in (SIMPY, COMPILED)]
    assert [run.engine for run in runs] == [SIMPY, COMPILED]
    assert flood.digest(runs[0]) == flood.digest(runs[1])


def test_some_bots_are_over_the_limit_of_their_address() -> None:
    run = engines.run(flood.scenario(20, 20_000), flood.policy(), SIMPY)
    assert {200, 429} <= set(run.requests["status"].tolist())
