"""The cluster bootstrap against its promise, an independent resampling, and cases by hand."""

from __future__ import annotations

from math import isnan

import numpy as np
import numpy.typing as npt
import pytest

from simkit.measures.statistics.bootstrap import FEWEST, cluster_ratio, cluster_ratios

STUDIES = 5_000
Studies = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], float]


def studies(kind: str, clusters: int) -> Studies:
    """Made-up crowds: dropped wishes and wishes of each client, and the true share."""
    rng = np.random.default_rng(20240502)
    shape = (STUDIES, clusters)
    wishes = rng.geometric(1 / 12, shape)
    if kind == "beta":
        share, truth = rng.beta(0.3, 2.7, shape), 0.1
    elif kind == "half":
        wishes = rng.poisson(8, shape) + 1
        share, truth = rng.beta(2, 2, shape), 0.5
    elif kind == "rare":
        share, truth = np.where(rng.random(shape) < 0.25, 0.2, 0.0), 0.05
    else:
        share = np.where(wishes > 12, 0.3, 0.1)
        n = np.arange(1, 3_000)
        weight = n * (11 / 12) ** (n - 1)
        truth = float(weight @ np.where(n > 12, 0.3, 0.1) / weight.sum())
    dropped = rng.binomial(wishes, share).astype(np.float64)
    return dropped, wishes.astype(np.float64), truth


@pytest.mark.parametrize("kind", ["beta", "half", "rare", "size"])
@pytest.mark.parametrize("clusters", [40, 100])
def test_intervals_cover_from_forty_clusters(kind: str, clusters: int) -> None:
    dropped, wishes, truth = studies(kind, clusters)
    low, high = cluster_ratios(dropped, wishes, resamples=999)
    assert np.mean((low <= truth) & (truth <= high)) >= 0.93


def test_no_interval_holds_from_five_clusters() -> None:
    """The reason for `FEWEST`: what would come out if intervals were given all the same."""
    dropped, wishes, truth = studies("beta", 5)
    some = dropped.any(axis=1)
    low, high = cluster_ratios(dropped[some], wishes[some], resamples=999)
    assert np.sum((low <= truth) & (truth <= high)) / STUDIES < 0.9


def test_the_bounds_are_those_of_resampling_one_by_one() -> None:
    """A second implementation, cluster by cluster, with draws of its own."""
    rng = np.random.default_rng(3)
    wishes = rng.poisson(9, 50) + 1.0
    dropped = rng.binomial(wishes.astype(int), 0.3).astype(float)

    def ratio_and_error(rows: npt.NDArray[np.int64]) -> tuple[float, float]:
        part, whole = dropped[rows], wishes[rows]
        ratio = part.sum() / whole.sum()
        residual = part - ratio * whole
        return ratio, float(np.sqrt(rows.size * residual.var(ddof=1)) / whole.sum())

    centre, error = ratio_and_error(np.arange(50))
    scores = []
    for _ in range(4_000):
        again, spread = ratio_and_error(rng.integers(0, 50, 50))
        scores.append((again - centre) / spread)
    below, above = np.quantile(scores, [0.025, 0.975])
    found = cluster_ratio(dropped, wishes, resamples=3_999)
    width = found.high - found.low
    assert found.mean == pytest.approx(centre)
    assert found.low == pytest.approx(centre - above * error, abs=0.06 * width)
    assert found.high == pytest.approx(centre - below * error, abs=0.06 * width)


def test_the_same_numbers_give_the_same_interval_and_other_seeds_nearly() -> None:
    dropped, wishes = np.tile([0.0, 1.0, 2.0, 0.0, 1.0], 8), np.full(40, 10.0)
    first = cluster_ratio(dropped, wishes)
    assert cluster_ratio(list(dropped), wishes) == first
    other = cluster_ratio(dropped, wishes, seed=2)
    assert other != first
    assert other.half_width == pytest.approx(first.half_width, rel=0.1)


@pytest.mark.parametrize("clusters", [1, 2, FEWEST - 1])
def test_too_few_clusters_have_no_interval_and_it_is_said(clusters: int) -> None:
    found = cluster_ratio([1.0] * clusters, [4.0] * clusters)
    assert (found.mean, found.n, found.known) == (0.25, clusters, False)
    assert f"{clusters} cluster" in found.why
    assert "at least 20" in found.why


def test_clusters_without_a_wish_are_no_clusters() -> None:
    found = cluster_ratio([1.0, 0.0] * 15, [2.0, 0.0] * 15)
    assert (found.n, found.known) == (15, False)


def test_nobody_hit_is_said_with_what_it_rules_out() -> None:
    """Of 60 clients none: Clopper and Pearson's upper bound is 1 - 0.025 ** (1/60) = 5.96 %."""
    found = cluster_ratio(np.zeros(60), np.full(60, 5.0))
    assert found.mean == 0.0
    assert "none of 60 clusters was hit" in found.why
    assert "at most 6.0 %" in found.why


def test_clusters_that_are_alike_have_no_interval() -> None:
    assert "alike" in cluster_ratio(np.full(30, 2.0), np.full(30, 2.0)).why


def test_bounds_stay_within_what_is_possible() -> None:
    found = cluster_ratio([5.0, *[0.0] * 24], np.full(25, 5.0))
    assert (found.low >= 0.0, found.high <= 1.0) == (True, True)


def test_nothing_at_all_is_no_number() -> None:
    found = cluster_ratio([], [])
    assert isnan(found.mean)
    assert found.why
    with pytest.raises(ValueError, match="shape"):
        cluster_ratio([1.0], [1.0, 2.0])
