"""Several comparisons at once: together they err no more often than one."""

from __future__ import annotations

import numpy as np
import pytest

from simkit.measures.intervals import paired_difference
from simkit.measures.statistics.multiple import against_baseline, all_pairs, single_level

STUDIES = 5_000
NAMES = ("base", "a", "b", "c", "d", "e", "f")


def test_the_level_of_one_interval() -> None:
    assert single_level(0.95, 5) == pytest.approx(0.99)
    assert single_level(0.95, 1) == single_level(0.95, 0) == pytest.approx(0.95)
    with pytest.raises(ValueError, match="comparisons"):
        single_level(1.0, 2)


def test_where_nothing_differs_five_in_a_hundred_studies_say_so_at_most() -> None:
    """Seven strategies that differ by noise of their own on a crowd that they share."""
    rng = np.random.default_rng(20240503)
    wrong = alone = 0
    for _ in range(STUDIES):
        crowd = rng.normal(10.0, 3.0, 10)
        values = {name: crowd + rng.normal(0.0, 0.5, 10) for name in NAMES}
        found = against_baseline(values, "base")
        wrong += any(i.excludes(0.0) for i in found.values())
        alone += any(paired_difference(values[n], values["base"]).excludes(0.0) for n in NAMES[1:])
    assert wrong / STUDIES <= 0.055
    assert alone / STUDIES > 0.15, "the danger that is guarded against"


def test_a_difference_that_is_there_is_found() -> None:
    rng = np.random.default_rng(9)
    crowd = rng.normal(10.0, 3.0, 10)
    found = against_baseline({"base": crowd, "a": crowd + rng.normal(1.0, 0.2, 10)}, "base")
    assert found["a"].low > 0.5


def test_every_pair_both_ways_round() -> None:
    rng = np.random.default_rng(4)
    values = {name: rng.normal(size=8) for name in "xyz"}
    found = all_pairs(values)
    assert len(found) == 6
    for (first, second), there in found.items():
        back = found[second, first]
        assert (there.mean, there.low, there.high) == pytest.approx(
            (-back.mean, -back.high, -back.low)
        )
        assert there.level == pytest.approx(1 - 0.05 / 3)
        direct = paired_difference(values[first], values[second], there.level)
        assert there.low == pytest.approx(direct.low)
