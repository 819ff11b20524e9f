"""Intervals against tables, SciPy's statistics and their own promise: how often they cover."""

from __future__ import annotations

from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, ttest_1samp, ttest_rel

from simkit.measures.intervals import (
    Interval,
    clopper_pearson,
    paired_difference,
    relative_half_width,
    t_interval,
)

STUDIES = 5_000


def test_t_interval_from_a_table() -> None:
    """Values 1 … 5: s = sqrt(2.5), t(0.975, 4) = 2.776445."""
    found = t_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (found.mean, found.n) == (3.0, 5)
    assert found.half_width == pytest.approx(2.776445 * (2.5 / 5) ** 0.5, rel=1e-6)
    assert relative_half_width(found) == pytest.approx(found.half_width / 3.0)


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30).filter(lambda v: np.ptp(v) > 1e-3),
    st.sampled_from([0.5, 0.9, 0.95, 0.99]),
)
def test_t_interval_is_that_of_scipy(values: list[float], level: float) -> None:
    found = t_interval(values, level)
    low, high = ttest_1samp(values, 0.0).confidence_interval(level)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-7, abs=1e-7)


def test_paired_interval_is_that_of_scipy() -> None:
    rng = np.random.default_rng(5)
    baseline = rng.normal(10.0, 3.0, 12)
    values = baseline + rng.normal(0.5, 0.2, 12)
    found = paired_difference(values, baseline)
    low, high = ttest_rel(values, baseline).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.excludes(0.0)
    assert found.half_width < t_interval(values).half_width


def test_noise_of_the_last_bits_is_no_difference() -> None:
    same = paired_difference([0.1 + 0.2, 0.6, 5.0], [0.3, 0.1 + 0.2 + 0.3, 5.0])
    assert (same.mean, same.low, same.high) == (0.0, 0.0, 0.0)
    assert not same.excludes(0.0)


def test_one_replication_has_no_interval() -> None:
    one = t_interval([4.0])
    assert one.mean == 4.0
    assert not one.known
    assert isnan(one.half_width)
    assert not one.excludes(0.0)
    assert one.within(0.0, 1.0) == one
    assert isnan(t_interval([]).mean)
    assert t_interval([nan, 2.0, 4.0]).n == 2


def test_an_interval_is_cut_to_what_is_possible() -> None:
    assert Interval(1.0, -2.0, 4.0, 5).within(0.0, 100.0) == Interval(1.0, 0.0, 4.0, 5)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="level"):
        t_interval([1.0, 2.0], level=95)
    with pytest.raises(ValueError, match="pairs"):
        paired_difference([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="successes"):
        clopper_pearson(3, 2)


def test_t_intervals_cover_as_often_as_they_say() -> None:
    rng = np.random.default_rng(20240501)
    studies = rng.normal(3.0, 2.0, size=(STUDIES, 10))
    covered = sum(not t_interval(study).excludes(3.0) for study in studies)
    assert 0.94 <= covered / STUDIES <= 0.96


def test_turned_round_and_in_another_unit() -> None:
    found = Interval(1.0, -1.0, 3.0, 5)
    assert found.negated() == Interval(-1.0, -3.0, 1.0, 5)
    assert found.scaled(100.0) == Interval(100.0, -100.0, 300.0, 5)
    assert "no interval" in t_interval([1.0]).why


@pytest.mark.parametrize("share", [0.02, 0.9, 0.97])
def test_clopper_pearson_covers_at_least_as_often_as_it_says(share: float) -> None:
    """The exact coverage, over every count that can come; facts: 97-98 % at n = 50."""
    intervals = [clopper_pearson(k, 50) for k in range(51)]
    covered = sum(
        float(binom.pmf(k, 50, share)) for k, i in enumerate(intervals) if not i.excludes(share)
    )
    assert 0.965 <= covered <= 0.99


@pytest.mark.parametrize("trials", [5, 20, 50, 200])
def test_clopper_pearson_covers_at_the_worst_share_too(trials: int) -> None:
    """The exact coverage for every share on a fine grid: never below what is said."""
    intervals = [clopper_pearson(k, trials) for k in range(trials + 1)]
    low, high = (np.array([getattr(i, end) for i in intervals]) for end in ("low", "high"))
    for share in np.linspace(0.001, 0.999, 999):
        chance = binom.pmf(np.arange(trials + 1), trials, share)
        assert chance[(low <= share) & (share <= high)].sum() >= 0.95 - 1e-9


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_clopper_pearson_in_five_thousand_studies(share: float) -> None:
    drawn = np.random.default_rng(20240507).binomial(80, share, STUDIES)
    intervals = [clopper_pearson(k, 80) for k in range(81)]
    assert np.mean([not intervals[k].excludes(share) for k in drawn]) >= 0.945


@given(st.integers(1, 300), st.data())
def test_clopper_pearson_is_that_of_scipy(trials: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, trials))
    found = clopper_pearson(successes, trials)
    other = binomtest(successes, trials).proportion_ci(0.95, method="exact")
    assert (found.low, found.high) == pytest.approx((other.low, other.high), abs=1e-9)


def test_clopper_pearson_without_trials() -> None:
    assert isnan(clopper_pearson(0, 0).mean)


def test_relative_half_width_of_nothing() -> None:
    assert isnan(relative_half_width(Interval(0.0, -1.0, 1.0, 3)))
