"""Probing until sure: against the gambler's ruin, brute force, and the promise that it keeps."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simkit.measures import channel as ch
from tests.measures.channel.making import REFERENCE, named, random_channel, symmetric


@pytest.mark.parametrize("error", [0.1, 0.2, 0.3, 0.4])
def test_a_turned_coin_is_the_gamblers_ruin(error: float) -> None:
    """The belief is 0.95 once one side leads by d, the least with (q/p)^d ≤ 1/19.

    Then E T = d (1 - 2 w) / (p - q) with w = 1 / (1 + (p/q)^d), the chance of a wrong end
    (Feller, "An Introduction to Probability Theory", volume 1, XIV.2).
    """
    p, q = 1 - error, error
    lead = next(d for d in range(1, 50) if (q / p) ** d <= 1 / 19)
    wrong = 1 / (1 + (p / q) ** lead)
    found = ch.stopping(symmetric(error))
    assert found.expected_low == pytest.approx(lead * (1 - 2 * wrong) / (p - q), abs=1e-6)
    assert found.expected_high == pytest.approx(found.expected_low, abs=1e-6)
    assert found.right == pytest.approx(1 - wrong, abs=1e-9)
    assert found.quantile(1e-6) == lead


def enumerated(channel: ch.Channel, prior: list[float], probes: int) -> list[float]:
    """The chance of stopping after 0, 1, … probes by going through every sequence."""
    stops = [0.0] * (probes + 1)

    def go_on(weight: np.ndarray[tuple[int, ...], np.dtype[np.float64]], sent: int) -> None:
        if weight.sum() > 0 and weight.max() >= (0.95 - 1e-9) * weight.sum():
            stops[sent] += float(weight.sum())
        elif sent < probes:
            for column in channel.matrix.T:
                go_on(weight * column, sent + 1)

    go_on(np.array(prior), 0)
    return stops


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_every_sequence_gone_through_gives_the_same(seed: int) -> None:
    channel, prior = random_channel(seed, most=3)
    found = ch.stopping(channel, prior=prior, most=5)
    chances = [*found.chances.tolist(), *[0.0] * 6][:6]
    assert chances == pytest.approx(enumerated(channel, prior, 5), abs=1e-9)


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from([0.8, 0.95]))
def test_who_stops_is_right_as_often_as_it_wanted(seed: int, target: float) -> None:
    channel, prior = random_channel(seed)
    found = ch.stopping(channel, target, prior, most=30)
    stopped = 1.0 - found.open
    assert target * stopped - 1e-9 <= found.right <= stopped + 1e-9
    assert found.stopped_by(30) == pytest.approx(stopped)


def test_the_bracket_of_the_expectation_closes_as_more_is_looked_at() -> None:
    whole = ch.stopping(REFERENCE)
    assert whole.expected_high == pytest.approx(whole.expected_low, abs=1e-6)
    for most in (5, 20, 60):
        part = ch.stopping(REFERENCE, most=most)
        assert part.open > 0
        assert part.expected_low <= whole.expected_low <= part.expected_high < inf


def test_who_can_never_be_sure_goes_on_for_ever() -> None:
    found = ch.stopping(named([[1, 0], [1, 0], [0, 1.0]]), most=50)
    assert found.open == pytest.approx(2 / 3)
    assert found.expected_high == inf
    assert found.quantile(0.3) == 1
    assert found.quantile(0.5) == inf


def test_who_is_sure_before_needs_no_probe_and_one_clear_probe_is_enough() -> None:
    clear = named(np.eye(3))
    assert ch.stopping(clear).chances.tolist() == pytest.approx([0, 1])
    assert ch.stopping(clear, prior=[0.97, 0.02, 0.01]).expected_high == 0.0
    assert ch.stopping(clear, target=1.0).expected_high == 1.0


def test_different_probes_in_turn() -> None:
    blind, clear = named(np.full((2, 2), 0.5)), named(np.eye(2))
    found = ch.stopping([blind, clear])
    assert found.chances.tolist() == pytest.approx([0, 0, 1])
    with pytest.raises(ValueError, match="same worlds"):
        ch.stopping([blind, REFERENCE])
    with pytest.raises(ValueError, match="target"):
        ch.stopping(blind, target=1.2)
