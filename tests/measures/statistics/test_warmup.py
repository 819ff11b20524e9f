"""MSER-5 on processes whose transient is known, and the moving average beside it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from simkit.measures.statistics.warmup import NOT_SETTLED, mser, mser5, welch

Array = npt.NDArray[np.float64]
RUNS = 200


def ar1(start: float, size: int = 1_000, phi: float = 0.9, seed: int = 1) -> Array:
    """Runs of an AR(1) process of mean 0 (rows), begun at ``start``: its mean there decays as
    ``start · phi^t``.
    """
    noise = np.random.default_rng(seed).standard_normal((RUNS, size))
    series = np.empty((RUNS, size))
    series[:, 0] = start
    for t in range(1, size):
        series[:, t] = phi * series[:, t - 1] + noise[:, t]
    return series


def stationary(size: int = 1_000, phi: float = 0.9) -> Array:
    """The same begun in equilibrium."""
    first = np.random.default_rng(2).normal(0.0, 1.0 / (1.0 - phi**2) ** 0.5, RUNS)
    return ar1(0.0, size, phi, seed=3) + first[:, None] * phi ** np.arange(size)


def cuts(runs: Array) -> Array:
    return np.array([mser5(run).cut for run in runs], dtype=np.float64)


def test_a_start_far_away_is_cut() -> None:
    """From 60, ten times as far as it ever gets, the mean is below 1 after 39 steps."""
    found = cuts(ar1(60.0))
    assert 30 <= np.median(found) <= 80
    assert np.quantile(found, 0.05) >= 20
    biased = ar1(60.0).mean(axis=1)
    rest = [run[mser5(run).cut :].mean() for run in ar1(60.0)]
    assert abs(np.mean(rest)) < 0.25 * abs(biased.mean())


def test_of_a_stationary_series_little_is_cut() -> None:
    found = cuts(stationary())
    assert np.median(found) <= 50
    assert np.mean(found) < 0.15 * 1_000


def mm1_waits(queued: int, customers: int = 8_000, utilisation: float = 0.7) -> Array:
    """Waiting times in M/M/1 queues (rows) with so many waiting at the start (Lindley 1952)."""
    rng = np.random.default_rng(7)
    waits = np.empty((40, customers))
    waits[:, 0] = rng.gamma(queued, 1.0, 40)
    steps = rng.exponential(size=waits.shape) - rng.exponential(1 / utilisation, waits.shape)
    for n in range(1, customers):
        waits[:, n] = np.maximum(0.0, waits[:, n - 1] + steps[:, n])
    return waits


def test_a_queue_that_starts_full_is_cut_when_it_has_drained() -> None:
    """150 queued drain with 0.3 a unit of time, so after 500, when 350 have come. In equilibrium
    one waits 0.7 / 0.3 service times.
    """
    runs = mm1_waits(150)
    found = [(run, w.cut) for run in runs if (w := mser5(run)).found]
    assert len(found) >= 36
    assert 250 <= np.median([cut for _, cut in found]) <= 600
    rest = np.mean([run[cut:].mean() for run, cut in found])
    assert rest == pytest.approx(0.7 / 0.3, rel=0.1)
    assert runs.mean() > 2.0 * rest


def test_a_series_that_never_settles_has_no_warm_up() -> None:
    found = mser5(np.linspace(100.0, 0.0, 200))
    assert (found.found, found.cut, found.text) == (False, 0, NOT_SETTLED)


def test_a_short_series_says_so() -> None:
    found = mser5([1.0] * 25)
    assert not found.found
    assert "too few" in found.text


def test_the_criterion_by_hand() -> None:
    """Ten batches of one: the variance sum of what is left over the square of how many."""
    values = np.array([9.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0])
    found = mser(values, batch=1)
    by_hand = [values[d:].var() / (10 - d) for d in range(5)]
    assert found == pytest.approx(by_hand)
    assert int(found.argmin()) == 1


def test_batches_are_means_of_five() -> None:
    values = np.random.default_rng(5).normal(size=103)
    batches = values[:100].reshape(20, 5).mean(axis=1)
    assert mser(values) == pytest.approx(mser(batches, batch=1))


def test_welch_is_the_centred_moving_average_of_the_mean_run() -> None:
    runs = np.random.default_rng(6).normal(size=(8, 30))
    found = welch(runs, 3)
    mean = runs.mean(axis=0)
    assert found.size == 27
    assert found[0] == pytest.approx(mean[0])
    assert found[1] == pytest.approx(mean[:3].mean())
    assert found[10] == pytest.approx(mean[7:14].mean())
    assert welch(runs, 0) == pytest.approx(mean)
    with pytest.raises(ValueError, match="window"):
        welch(runs, 16)
