"""Arrivals: rates, ranges, and that nothing starts before its client is free."""

from __future__ import annotations

from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit.draws import stream
from simkit.traffic import Arrivals

S = 1_000_000_000


def starts(arrivals: Arrivals, key: int, window_s: int = 100) -> list[int]:
    return list(arrivals.starts_ns(key, window_s * S))


def test_a_flood_of_poisson_starts_has_the_rate_and_the_variance_of_poisson() -> None:
    arrivals = Arrivals(kind="poisson", every_s=0.5)
    counts = [len(starts(arrivals, stream(7, "poisson", i))) for i in range(400)]
    mean = sum(counts) / len(counts)
    variance = sum((c - mean) ** 2 for c in counts) / (len(counts) - 1)
    assert abs(mean - 200) < 3.5 * (200 / 400) ** 0.5
    assert 0.8 < variance / 200 < 1.25  # chi-square with 399 degrees: within 3.5 sigma of 1


def test_uniform_starts_once_within_its_part_of_the_window() -> None:
    arrivals = Arrivals(kind="uniform", from_s=20, until_s=60)
    found = [starts(arrivals, stream(7, "uniform", i)) for i in range(300)]
    times = [t for one in found for t in one]
    assert len(times) == 300
    assert min(times) >= 20 * S
    assert max(times) < 60 * S
    assert abs(sum(times) / 300 / S - 40) < 3.5 * 40 / (12 * 300) ** 0.5


def test_periodic_starts_keep_their_phase() -> None:
    times = starts(Arrivals(kind="periodic", every_s=7, from_s=10), stream(7, "periodic", 0))
    assert 10 * S <= times[0] < 17 * S
    assert all(after - before == 7 * S for before, after in pairwise(times))


def test_at_once_is_at_once() -> None:
    assert starts(Arrivals(kind="at once", from_s=3), 1) == [3 * S]
    assert starts(Arrivals(kind="at once", from_s=200), 1) == []


def test_a_periodic_start_that_comes_too_late_is_left_out() -> None:
    now = [0]
    grid = starts(Arrivals(kind="periodic", every_s=10), 5)
    found = []
    for start in Arrivals(kind="periodic", every_s=10).starts_ns(5, 100 * S, lambda: now[0]):
        found.append(start)
        now[0] = start + 25 * S
    assert found == grid[::3]


@pytest.mark.parametrize("kind", ["poisson", "periodic"])
def test_a_pace_stretches_the_gaps_from_then_on(kind: str) -> None:
    pace = [1.0]
    arrivals = Arrivals.model_validate({"kind": kind, "every_s": 1.0})
    slow = []
    for start in islice(arrivals.starts_ns(9, 10**6 * S, pace=lambda: pace[0]), 200):
        slow.append(start)
        pace[0] = 4.0
    usual = list(islice(arrivals.starts_ns(9, 10**6 * S), 200))
    assert slow[0] == usual[0]
    stretched = (slow[-1] - slow[0]) / (usual[-1] - usual[0])
    assert stretched == pytest.approx(4.0, rel=1e-6)


@given(
    st.sampled_from(["poisson", "periodic"]),
    st.floats(1e-3, 50),
    st.integers(0, 2**64 - 1),
    st.lists(st.integers(0, 20 * S), min_size=1, max_size=30),
)
def test_nothing_starts_before_the_client_is_free_or_after_the_end(
    kind: str, every_s: float, key: int, durations: list[int]
) -> None:
    arrivals = Arrivals.model_validate({"kind": kind, "every_s": every_s, "until_s": 60.0})
    free = 0
    found = arrivals.starts_ns(key, 100 * S, lambda: free)
    for start, duration in zip(found, durations, strict=False):
        assert free <= start < 60 * S
        free = start + duration
