"""What is said of a difference: no more than its interval shows."""

from __future__ import annotations

import pytest

from simkit.measures.intervals import Interval, paired_difference, t_interval
from simkit.measures.statistics.verdict import NOT_FOUND, Finding, verdict


@pytest.mark.parametrize(
    ("interval", "finding", "text"),
    [
        (Interval(2.0, 1.5, 2.5, 9), Finding.MORE, "more by 1.5 to 2.5 percentage points"),
        (Interval(-2.0, -2.5, -1.5, 9), Finding.LESS, "less by 1.5 to 2.5 percentage points"),
        (Interval(0.0, 0.0, 0.0, 9), Finding.SAME, "the same in all 9 replications"),
        (
            Interval(0.1, -0.3, 0.5, 9),
            Finding.NOT_FOUND,
            f"{NOT_FOUND}: it lies between -0.3 and +0.5 percentage points",
        ),
        (t_interval([3.0]), Finding.UNKNOWN, "one replication: no interval"),
    ],
)
def test_words(interval: Interval, finding: Finding, text: str) -> None:
    found = verdict(interval, "%")
    assert (found.finding, found.text) == (finding, text)
    assert found.decided == (finding not in (Finding.NOT_FOUND, Finding.UNKNOWN))


def test_a_certain_difference_can_be_too_small_to_matter() -> None:
    tiny = Interval(0.02, 0.01, 0.03, 9)
    assert verdict(tiny, "%").finding is Finding.MORE
    found = verdict(tiny, "%", margin=0.05)
    assert (found.finding, found.alike) == (Finding.LITTLE, True)
    assert found.text == "no difference that matters: at most 0.05 percentage points"
    assert not verdict(Interval(0.02, -0.01, 0.06, 9), "%", margin=0.05).decided


def test_units_and_none() -> None:
    assert verdict(Interval(3.0, 2.0, 4.0, 9), "ms").text == "more by 2 to 4 ms"
    assert verdict(Interval(3.0, 2.0, 4.0, 9)).text == "more by 2 to 4"
    assert verdict(Interval(3.0, 3.0, 3.0, 0), "%").text == "more by 3 percentage points"


def test_equal_series_are_the_same() -> None:
    found = verdict(paired_difference([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]))
    assert found.finding is Finding.SAME


def test_computed_numbers_that_are_equal_need_no_replications() -> None:
    assert verdict(Interval(0.0, 0.0, 0.0, 0)).text == "the same, as computed"
