"""Reducing, cascading and repeating channels: by laws, by brute force, and by bounds that hold."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit.measures import channel as ch
from simkit.measures.channel.repeated import _bounds
from tests.measures.channel.making import REFERENCE, named, random_channel, symmetric

SEEDS = st.integers(0, 10_000)


@given(SEEDS)
def test_reducing_changes_no_measure(seed: int) -> None:
    channel, prior = random_channel(seed)
    doubled = ch.parallel(channel, channel)
    small = ch.reduced(doubled)
    assert len(small.symbols) < len(doubled.symbols)
    for measure in (ch.posterior_vulnerability, ch.mutual_information, ch.min_entropy_leakage):
        assert measure(small, prior) == pytest.approx(measure(doubled, prior), abs=1e-9)


def test_reducing_joins_names_and_drops_what_cannot_be() -> None:
    channel = ch.Channel(
        ("a", "b"), ("1", "never", "2", "3"), np.array([[0.2, 0, 0.4, 0.4], [0.1, 0, 0.2, 0.7]])
    )
    small = ch.reduced(channel)
    assert small.symbols == ("1 or 2", "3")
    assert small.matrix.tolist() == [pytest.approx([0.6, 0.4]), pytest.approx([0.3, 0.7])]


def test_a_cascade_is_the_product_and_needs_symbols_that_fit() -> None:
    flip = ch.Channel(("1", "2", "3"), ("low", "high"), np.array([[1, 0], [1, 0], [0, 1.0]]))
    found = ch.cascade(REFERENCE, flip)
    assert found.worlds == REFERENCE.worlds
    assert found.matrix[:, 1] == pytest.approx(REFERENCE.matrix[:, 2])
    assert ch.mutual_information(found) <= ch.mutual_information(REFERENCE)
    with pytest.raises(ValueError, match="symbols of the first"):
        ch.cascade(REFERENCE, REFERENCE)


@given(SEEDS, st.integers(1, 12))
def test_bounds_hold_where_the_truth_can_be_counted(seed: int, probes: int) -> None:
    channel, prior = random_channel(seed, most=3)
    exact = ch.vulnerability_after(channel, probes, prior)
    assert exact.exact
    lower, upper = _bounds(ch.reduced(channel), probes, np.array(prior))
    assert lower - 1e-12 <= exact.lower <= upper + 1e-12


def test_too_many_probes_to_count_are_bounded_and_it_is_said() -> None:
    channel = named(np.random.default_rng(3).dirichlet(np.full(9, 30.0), 4))
    few, many = ch.vulnerability_after(channel, 5), ch.vulnerability_after(channel, 400)
    assert (few.exact, few.how) == (True, "counted by types")
    assert (many.exact, many.how) == (False, "bounded by pairs of worlds")
    assert few.lower < many.lower <= many.upper <= 1.0
    assert ch.vulnerability_after(channel, 0).lower == 0.25
    with pytest.raises(ValueError, match="not negative"):
        ch.vulnerability_after(channel, -1)


def test_probes_that_cannot_be_counted_lie_in_a_bracket() -> None:
    channel = named(np.random.default_rng(3).dirichlet(np.full(9, 300.0), 4))
    found = ch.probes_bracket(channel)
    assert 10 < found.lower < found.upper < inf
    assert ch.vulnerability_after(channel, int(found.upper)).lower >= 0.95
    assert ch.vulnerability_after(channel, int(found.lower) - 1).lower < 0.95
    with pytest.raises(ValueError, match=f"between {found.lower:.0f} and {found.upper:.0f}"):
        ch.probes_until(channel)


def test_merging_first_makes_many_probes_countable() -> None:
    """Eight symbols that say as much as two."""
    coin = symmetric(0.45)
    copies = named(np.hstack([coin.matrix / 4] * 4))
    assert ch.probes_until(copies) == ch.probes_until(coin)


def test_worlds_that_look_the_same_are_never_told_apart() -> None:
    channel = named([[0.5, 0.5], [0.5, 0.5], [0.9, 0.1]])
    assert ch.probes_bracket(channel).lower == inf
    assert ch.vulnerability_after(channel, 150_000).upper == pytest.approx(2 / 3)
