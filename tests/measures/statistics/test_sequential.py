"""Adding replications: when it ends, and how often what was waited for covers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from simkit.measures.intervals import t_interval
from simkit.measures.statistics.sequential import COVERAGE, Precision, next_step

STUDIES = 5_000
Draw = Callable[[int], npt.NDArray[np.float64]]


def study(values: npt.NDArray[np.float64], wanted: Precision) -> tuple[float, float, int]:
    """The bounds at the end, and after how many replications."""
    done = 0
    while (step := next_step([values[:done]], wanted)).more:
        done += step.more
    return step.intervals[0].low, step.intervals[0].high, done


def coverage(draw: Draw, truth: float, wanted: Precision) -> float:
    bounds = [study(draw(wanted.most), wanted) for _ in range(STUDIES)]
    return sum(low <= truth <= high for low, high, _ in bounds) / STUDIES


@pytest.mark.parametrize("half_width", [1.0, 0.7, 0.5, 0.35])
def test_coverage_of_what_was_waited_for(half_width: float) -> None:
    rng = np.random.default_rng(20240504)
    found = coverage(rng.standard_normal, 0.0, Precision(half_width))
    assert COVERAGE <= found <= 0.96


@pytest.mark.parametrize("share", [0.3, 0.2])
def test_coverage_of_a_relative_half_width(share: float) -> None:
    rng = np.random.default_rng(20240505)
    wanted = Precision(share, relative=True)
    assert COVERAGE <= coverage(lambda n: rng.gamma(2.0, 1.0, n), 2.0, wanted) <= 0.955


def test_waiting_costs_coverage() -> None:
    """The reason for measuring: at the worst place it is well below what it says."""
    rng = np.random.default_rng(20240506)
    assert coverage(rng.standard_normal, 0.0, Precision(0.35)) < 0.945


def test_it_goes_on_by_half_and_ends_where_it_is_precise_enough() -> None:
    values = np.tile([0.0, 1.0], 100)
    wanted = Precision(0.2)
    sizes = [0]
    while (step := next_step([values[: sizes[-1]]], wanted)).more:
        sizes.append(sizes[-1] + step.more)
    assert sizes == [0, 10, 15, 23, 35]
    assert step.reached
    assert t_interval(values[:23]).half_width > 0.2 >= t_interval(values[:35]).half_width
    assert "35 replications" in step.text


def test_the_slowest_of_several_numbers_decides() -> None:
    quick, slow = np.zeros(10), np.tile([0.0, 9.0], 5)
    step = next_step([quick, slow], Precision(1.0))
    assert (step.reached, step.more) == (False, 5)


def test_a_budget_ends_it_and_it_is_said() -> None:
    values = np.tile([0.0, 9.0], 8)
    step = next_step([values[:12]], Precision(0.1, most=12))
    assert (step.more, step.reached) == (0, False)
    assert "budget" in step.text


def test_a_mean_of_zero_has_no_relative_precision() -> None:
    step = next_step([np.zeros(10)], Precision(0.1, relative=True, most=10))
    assert not step.reached


def test_bad_wishes_are_refused() -> None:
    with pytest.raises(ValueError, match="half-width"):
        Precision(0.0)
    with pytest.raises(ValueError, match="at least 2"):
        Precision(1.0, fewest=1)
    with pytest.raises(ValueError, match="series"):
        next_step([[1.0], [1.0, 2.0]], Precision(1.0))
