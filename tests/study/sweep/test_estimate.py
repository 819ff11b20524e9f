"""How long a study will still take: on made-up costs, where the truth is known."""

from __future__ import annotations

import pytest

from simkit.study.sweep.estimate import Estimate, about

CHEAP, DEAR = ("open", "small"), ("open", "large")


def test_a_group_is_expected_to_go_on_as_it_did() -> None:
    estimate = Estimate([CHEAP] * 10 + [DEAR] * 10)
    assert estimate.remaining_s(1.0) is None
    estimate.finished(CHEAP, 1.0)
    estimate.finished(DEAR, 30.0)
    assert estimate.remaining_s(31.0) == pytest.approx(9 * 1.0 + 9 * 30.0)


def test_two_processes_halve_it() -> None:
    estimate = Estimate([CHEAP] * 12)
    for _ in range(4):
        estimate.finished(CHEAP, 5.0)
    assert estimate.remaining_s(10.0) == pytest.approx(8 * 5.0 / 2)


def test_the_first_of_a_group_counts_only_while_it_is_alone() -> None:
    estimate = Estimate([CHEAP] * 4)
    estimate.finished(CHEAP, 9.0)
    assert estimate.remaining_s(9.0) == pytest.approx(27.0)
    estimate.finished(CHEAP, 1.0)
    assert estimate.remaining_s(10.0) == pytest.approx(2.0)


def test_what_is_not_known_is_taken_from_what_is_most_like_it() -> None:
    estimate = Estimate(
        [("open", "small"), ("open", "large"), ("shut", "small"), ("shut", "large")]
    )
    estimate.finished(("open", "small"), 1.0)
    assert estimate.remaining_s(1.0) == pytest.approx(3.0)
    estimate.finished(("open", "large"), 7.0)
    # of the same point first, whoever the strategy is
    assert estimate.remaining_s(8.0) == pytest.approx(1.0 + 7.0)


def test_a_study_to_its_end_is_never_far_off() -> None:
    costs = {("s", str(point)): 2.0**point for point in range(6)}
    order = [*costs, *(group for group in costs for _ in range(9))]
    estimate, elapsed = Estimate(order), 0.0
    whole = sum(costs[group] for group in order)
    for number, group in enumerate(order, 1):
        elapsed += costs[group]
        estimate.finished(group, costs[group])
        left = estimate.remaining_s(elapsed)
        assert left is not None
        if number >= len(costs):
            assert left == pytest.approx(whole - elapsed, abs=1e-9)
    assert left == 0.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (3, "less than 10 s"),
        (44, "about 40 s"),
        (170, "about 3 min"),
        (5400, "about 90 min"),
        (9000, "about 2.5 h"),
    ],
)
def test_words(seconds: float, words: str) -> None:
    assert about(seconds) == words
