"""Channels against closed forms, a second way to compute, and laws that hold for all of them."""

from __future__ import annotations

from itertools import product
from math import inf, isclose, log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import xlogy
from scipy.stats import binom

from simkit.measures import channel as ch
from simkit.measures.channel import Channel
from tests.measures.channel.making import REFERENCE, symmetric


def erasure(share: float) -> Channel:
    matrix = np.array([[1 - share, 0, share], [0, 1 - share, share]])
    return Channel(("0", "1"), ("0", "1", "?"), matrix)


def entropy_bits(share: float) -> float:
    return float(-xlogy(share, share) - xlogy(1 - share, 1 - share)) / float(np.log(2))


@st.composite
def distributions(draw: st.DrawFn, size: int) -> list[float]:
    weights = draw(st.lists(st.integers(0, 20), min_size=size, max_size=size))
    total = sum(weights) or 1
    return [w / total for w in weights] if sum(weights) else [1.0 / size] * size


@st.composite
def channels(draw: st.DrawFn, worlds: int | None = None) -> Channel:
    rows = worlds or draw(st.integers(1, 5))
    columns = draw(st.integers(1, 5))
    matrix = np.array([draw(distributions(columns)) for _ in range(rows)])
    return Channel(
        tuple(f"x{i}" for i in range(rows)), tuple(f"y{i}" for i in range(columns)), matrix
    )


@st.composite
def channels_with_prior(draw: st.DrawFn) -> tuple[Channel, list[float]]:
    channel = draw(channels())
    return channel, draw(distributions(len(channel.worlds)))


def test_the_reference_channel() -> None:
    capacity = ch.shannon_capacity(REFERENCE, tolerance=1e-9)
    assert capacity.bits == pytest.approx(0.23489, abs=5e-6)
    assert capacity.lower_bits <= capacity.bits <= capacity.upper_bits
    assert ch.bayes_capacity(REFERENCE) == pytest.approx(4 / 3)
    assert ch.min_capacity(REFERENCE) == pytest.approx(log2(4 / 3))


@pytest.mark.parametrize("error", [0.0, 0.01, 0.11, 0.3, 0.5])
def test_capacity_of_the_binary_symmetric_channel(error: float) -> None:
    assert ch.shannon_capacity(symmetric(error)).bits == pytest.approx(
        1 - entropy_bits(error), abs=1e-8
    )


@pytest.mark.parametrize("share", [0.0, 0.25, 0.9, 1.0])
def test_capacity_of_the_erasure_channel(share: float) -> None:
    assert ch.shannon_capacity(erasure(share)).bits == pytest.approx(1 - share, abs=1e-8)


def test_capacity_of_the_z_channel() -> None:
    z = Channel(("0", "1"), ("0", "1"), np.array([[1.0, 0.0], [0.5, 0.5]]))
    assert ch.shannon_capacity(z).bits == pytest.approx(log2(5 / 4), abs=1e-8)


def test_capacity_stops_with_a_bracket_that_holds() -> None:
    rough = ch.shannon_capacity(REFERENCE, tolerance=0.0, most=3)
    assert rough.steps == 3
    assert rough.lower_bits < 0.23489 < rough.upper_bits


def test_no_prior_beats_the_capacity() -> None:
    upper = ch.shannon_capacity(REFERENCE).upper_bits
    grid = [(a, b, 20 - a - b) for a in range(21) for b in range(21 - a)]
    best = max(ch.mutual_information(REFERENCE, np.array(g) / 20) for g in grid)
    assert 0.9 * upper < best <= upper + 1e-12


def test_vulnerability_in_the_small() -> None:
    assert ch.prior_vulnerability(REFERENCE) == pytest.approx(1 / 3)
    assert ch.posterior_vulnerability(REFERENCE) == pytest.approx(4 / 9)
    assert ch.advantage(REFERENCE) == pytest.approx(1 / 9)
    assert ch.min_entropy_leakage(REFERENCE) == pytest.approx(log2(4 / 3))
    prior = [0.9, 0.05, 0.05]
    assert ch.min_entropy_leakage(REFERENCE, prior) == 0.0


def test_deterministic_channels_count_symbols() -> None:
    merged = ch.deterministic(["a", "b", "c", "d"], ["444", "200", "444", "403"])
    assert merged.symbols == ("444", "200", "403")
    assert ch.posterior_vulnerability(merged) == pytest.approx(3 / 4)
    assert ch.min_entropy_leakage(merged) == pytest.approx(log2(3))


def test_what_is_no_channel_is_refused() -> None:
    with pytest.raises(ValueError, match="distribution"):
        Channel(("a",), ("1", "2"), np.array([[0.5, 0.6]]))
    with pytest.raises(ValueError, match="distribution"):
        Channel(("a",), ("1", "2"), np.array([[1.5, -0.5]]))
    with pytest.raises(ValueError, match="twice"):
        Channel(("a", "a"), ("1",), np.array([[1.0], [1.0]]))
    with pytest.raises(ValueError, match="but"):
        Channel(("a", "b"), ("1",), np.array([[1.0]]))


@pytest.mark.parametrize("prior", [[0.5, 0.5], [0.5, 0.2, 0.2], [1.2, -0.1, -0.1]])
def test_what_is_no_prior_is_refused(prior: list[float]) -> None:
    with pytest.raises(ValueError, match="prior"):
        ch.prior_vulnerability(REFERENCE, prior)


def test_a_channel_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        REFERENCE.matrix[0, 0] = 1.0


@given(channels_with_prior())
def test_a_look_never_harms_a_guess(pair: tuple[Channel, list[float]]) -> None:
    channel, prior = pair
    before, after = (
        ch.prior_vulnerability(channel, prior),
        ch.posterior_vulnerability(channel, prior),
    )
    assert before - 1e-12 <= after <= 1.0 + 1e-12
    assert after <= before * ch.bayes_capacity(channel) + 1e-12


@given(channels())
def test_nothing_leaks_if_and_only_if_all_rows_are_equal(channel: Channel) -> None:
    equal = bool(np.allclose(channel.matrix, channel.matrix[0], atol=1e-12))
    assert (ch.min_capacity(channel) < 1e-12) == equal
    assert (ch.min_entropy_leakage(channel) < 1e-12) == equal
    assert (ch.mutual_information(channel) < 1e-12) == equal


@given(st.data())
def test_data_processing(data: st.DataObject) -> None:
    first, prior = data.draw(channels_with_prior())
    after = data.draw(channels(worlds=len(first.symbols)))
    blurred = Channel(first.worlds, after.symbols, first.matrix @ after.matrix)
    for measure in (ch.posterior_vulnerability, ch.min_entropy_leakage, ch.mutual_information):
        assert measure(blurred, prior) <= measure(first, prior) + 1e-9
    assert ch.min_capacity(blurred) <= ch.min_capacity(first) + 1e-9


@given(channels_with_prior())
def test_shannon_information_by_entropies(pair: tuple[Channel, list[float]]) -> None:
    channel, prior = pair
    joint = np.array(prior)[:, None] * channel.matrix
    parts = (joint.sum(axis=1), joint.sum(axis=0), joint.ravel())
    x, y, xy = (float(-xlogy(p, p).sum() / np.log(2)) for p in parts)
    assert ch.mutual_information(channel, prior) == pytest.approx(x + y - xy, abs=1e-9)


@given(channels_with_prior())
def test_capacity_bounds_every_prior_and_min_capacity_bounds_it(
    pair: tuple[Channel, list[float]],
) -> None:
    channel, prior = pair
    capacity = ch.shannon_capacity(channel, tolerance=1e-4, most=2_000)
    assert capacity.lower_bits <= capacity.upper_bits + 1e-12
    assert ch.mutual_information(channel, prior) <= capacity.upper_bits + 1e-9
    assert capacity.lower_bits <= ch.min_capacity(channel) + 1e-9


def enumerated(channel: Channel, probes: int, prior: list[float]) -> float:
    """V after several probes by going through every sequence of symbols."""
    total = 0.0
    for sequence in product(range(len(channel.symbols)), repeat=probes):
        total += float((np.array(prior) * channel.matrix[:, sequence].prod(axis=1)).max())
    return total


@given(channels_with_prior(), st.integers(1, 3))
def test_counts_say_as_much_as_sequences(pair: tuple[Channel, list[float]], probes: int) -> None:
    channel, prior = pair
    found = ch.posterior_vulnerability(ch.repeated(channel, probes), prior)
    assert found == pytest.approx(enumerated(channel, probes, prior), abs=1e-9)


def test_repetition_of_a_binary_channel_is_binomial() -> None:
    many = ch.repeated(symmetric(0.2), 9)
    assert many.symbols[0] == "9 × y0"
    assert many.matrix[0][::-1] == pytest.approx(binom.pmf(range(10), 9, 0.8))
    with pytest.raises(ValueError, match="probe"):
        ch.repeated(REFERENCE, 0)
    with pytest.raises(ValueError, match="too many"):
        ch.repeated(REFERENCE, 10_000)


def test_two_channels_together() -> None:
    pair = ch.parallel(symmetric(0.2), symmetric(0.2))
    assert ch.posterior_vulnerability(pair) == pytest.approx(
        ch.posterior_vulnerability(ch.repeated(symmetric(0.2), 2))
    )
    with pytest.raises(ValueError, match="same worlds"):
        ch.parallel(REFERENCE, symmetric(0.1))


def test_probes_until_the_majority_is_sure() -> None:
    """Of n looks at a fair coin turned with 0.2 the majority is right with a binomial chance."""
    found = ch.probes_until(symmetric(0.2))
    assert isinstance(found, int)
    assert binom.sf(found // 2, found, 0.8) >= 0.95
    assert found == next(n for n in range(1, 50, 2) if binom.sf(n // 2, n, 0.8) >= 0.95)


def test_probes_until_at_the_edges() -> None:
    clear = ch.deterministic(["a", "b"], ["1", "2"])
    blind = ch.deterministic(["a", "b", "c"], ["1", "1", "2"])
    assert ch.probes_until(clear) == 1
    assert ch.probes_until(clear, prior=[0.97, 0.03]) == 0
    assert ch.probes_until(blind) == inf
    assert ch.probes_until(blind, target=2 / 3) == 1
    with pytest.raises(ValueError, match="enumerate"):
        ch.probes_until(Channel(REFERENCE.worlds, REFERENCE.symbols, _nearly_equal()))


def _nearly_equal() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    matrix = np.full((3, 3), 1 / 3)
    return matrix + 1e-4 * np.array([[1, -1, 0], [0, 1, -1], [-1, 0, 1]])


@given(channels(), st.integers(1, 4))
def test_more_probes_tell_more(channel: Channel, probes: int) -> None:
    fewer = ch.posterior_vulnerability(ch.repeated(channel, probes))
    more = ch.posterior_vulnerability(ch.repeated(channel, probes + 1))
    assert more >= fewer or isclose(more, fewer, abs_tol=1e-12)
