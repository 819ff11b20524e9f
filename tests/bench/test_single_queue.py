"""One queue, many engines: equal to the nanosecond, and as theory has it."""

from __future__ import annotations

from math import sqrt

import pytest

from simkit.bench.case import COMPILED, SIMPY
from simkit.bench.peers import PEERS, lindley
from simkit.bench.single_queue import (
    SERVICE_NS,
    arrivals_ns,
    events_of,
    mean_wait_ns,
    scenario,
    simulated,
)

REQUESTS = 300


@pytest.fixture(scope="module")
def waits_ns() -> int:
    """The sum of all waits, by hand: a server that is free at a time."""
    free = total = 0
    for now in arrivals_ns(REQUESTS):
        begin = max(now, free)
        total += begin - now
        free = begin + SERVICE_NS
    return total


@pytest.mark.parametrize("name", PEERS)
def test_every_engine_finds_the_same_waits(name: str, waits_ns: int) -> None:
    assert waits_ns > 0
    assert PEERS[name].run(REQUESTS)[0] == waits_ns


@pytest.mark.parametrize("name", [n for n, p in PEERS.items() if p.events_of(1)])
def test_events_are_what_the_style_of_an_engine_makes_of_requests(name: str) -> None:
    peer = PEERS[name]
    assert peer.run(REQUESTS)[1] == peer.events_of(REQUESTS)


def test_the_model_is_that_queue_when_all_else_costs_nothing(waits_ns: int) -> None:
    assert simulated(REQUESTS, SIMPY) == (waits_ns, events_of(REQUESTS))
    assert simulated(REQUESTS, COMPILED)[0] == waits_ns


def test_the_scenario_holds_just_as_many_requests() -> None:
    """One more arrival would come after ``until_s``, and all that came are served."""
    crowd = scenario(REQUESTS)
    until_s = crowd.cohorts[0].arrivals.until_s
    assert until_s is not None
    last, beyond = arrivals_ns(REQUESTS + 1)[-2:]
    assert last < until_s * 1e9 < beyond
    assert simulated(1, SIMPY) == (0, events_of(1))


def test_the_mean_wait_is_pollaczek_s_and_khinchine_s() -> None:
    """By batch means: 40 batches, long beside the time over which waits hang together."""
    batches, length = 40, 5_000
    times = arrivals_ns(batches * length)
    means = []
    for number in range(batches):
        first = times[number * length]
        means.append(lindley(t - first for t in times[number * length :][:length]) / length)
    mean = sum(means) / batches
    error = sqrt(sum((m - mean) ** 2 for m in means) / (batches - 1) / batches)
    assert error / mean < 0.02
    assert abs(mean - mean_wait_ns()) / error < 3.5


def test_no_time_out_of_nginx_s_adds_an_event_to_a_long_run() -> None:
    long = 31_000
    assert scenario(long).length_s > 75  # nginx's keepalive_timeout
    assert simulated(long, SIMPY)[1] == events_of(long)
