"""Estimates from samples: the table of facts/leakage.md, coverage, and what the bracket promises.

The table was measured on one channel without a leak and one with a leak of 0.118 bits and a
vulnerability of 0.378, both of 4 secrets and 20 symbols; which, it does not say. Here the first
is a row drawn from Dirichlet's distribution, the second one of its like with just these values.
Estimates are means over 400 repetitions.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from simkit.draws import mix
from simkit.measures import channel as ch
from simkit.measures.channel import Channel
from simkit.measures.sampled import (
    Samples,
    estimate,
    first_order_bias,
    holdout,
    nearest_neighbour,
    replications_for,
    samples_of,
)
from simkit.measures.sampled.permutation import _drawn
from tests.measures.channel.making import named

REPETITIONS = 400


def dirichlet(seed: int, shape: float, rows: int) -> Channel:
    rng = np.random.default_rng(seed)
    return named(np.tile(rng.dirichlet(np.full(20, shape), rows), (4 // rows, 1)))


NO_LEAK = dirichlet(1, 1.0, 1)
LEAKY = dirichlet(2473, 3.5, 4)


def drawn(channel: Channel, replications: int, number: int) -> Samples:
    key = mix(mix(0, replications), number)
    return Samples(channel.worlds, channel.symbols, _drawn(channel, replications, key))


def estimates(channel: Channel, replications: int) -> npt.NDArray[np.float64]:
    """MI plug-in, MI after Miller and Madow, V plug-in, V holdout, of each repetition."""
    found = []
    for number in range(REPETITIONS):
        samples = drawn(channel, replications, number)
        chance = estimate(samples)
        found.append((*samples.information_bits(), chance.plug_in, chance.holdout.mean))
    return np.array(found)


def test_the_channels_are_those_of_the_table() -> None:
    assert ch.mutual_information(NO_LEAK) == pytest.approx(0.0, abs=1e-12)
    assert ch.mutual_information(LEAKY) == pytest.approx(0.118, abs=0.001)
    assert ch.posterior_vulnerability(LEAKY) == pytest.approx(0.378, abs=0.001)


@pytest.mark.parametrize(
    ("channel", "replications", "row"),
    [
        (NO_LEAK, 25, (0.395, 0.227, 0.444, 0.250)),
        (NO_LEAK, 400, (0.0265, 0.0021, 0.299, 0.248)),
        (LEAKY, 100, (0.234, 0.137, 0.423, 0.326)),
        (LEAKY, 1600, (0.125, 0.118, 0.380, 0.371)),
    ],
    ids=["no leak, 25", "no leak, 400", "leaky, 100", "leaky, 1600"],
)
def test_the_plug_in_table(
    channel: Channel, replications: int, row: tuple[float, float, float, float]
) -> None:
    """Within three standard errors of two such tables, and 0.002 for the channel and rounding."""
    found = estimates(channel, replications)
    error = 3 * np.sqrt(2 / REPETITIONS) * found.std(axis=0, ddof=1)
    assert np.all(np.abs(found.mean(axis=0) - row) <= error + 0.002)
    assert np.all(error < 0.02)


@pytest.mark.parametrize(("replications", "near"), [(100, 0.02), (1600, 0.001)])
def test_the_bias_is_that_of_first_order_once_there_are_enough(
    replications: int, near: float
) -> None:
    plug_in = estimates(LEAKY, replications)[:, 0].mean()
    wanted = first_order_bias(4, 20, replications)
    assert plug_in - ch.mutual_information(LEAKY) == pytest.approx(wanted, abs=near)


@given(st.integers(2, 30), st.integers(2, 500), st.floats(1e-4, 0.5))
def test_replications_are_the_least_that_keep_the_bias(
    worlds: int, symbols: int, bias: float
) -> None:
    wanted = replications_for(worlds, symbols, bias)
    assert first_order_bias(worlds, symbols, wanted) <= bias * (1 + 1e-9)
    assert wanted == 2 or first_order_bias(worlds, symbols, wanted - 1) > bias * (1 - 1e-9)


def test_no_number_of_replications_takes_all_bias() -> None:
    with pytest.raises(ValueError, match="cannot be reached"):
        replications_for(4, 20, 0.0)


def of_guesser(samples: Samples, truth: Channel) -> float:
    """How often the guesser that learnt from the first half is right in truth."""
    half = samples.replications // 2
    learnt = np.stack([np.bincount(r[:half], minlength=20) for r in samples.drawn])
    return float(truth.matrix[learnt.argmax(axis=0), np.arange(20)].sum() / 4)


def test_the_holdout_interval_covers_the_guesser_that_it_is_about() -> None:
    """1,000 studies with a known truth; Clopper and Pearson promise at least 95 %."""
    hits = 0
    for number in range(1000):
        samples = drawn(LEAKY, 100, number)
        hits += not holdout(samples).excludes(of_guesser(samples, LEAKY))
    assert hits >= binom.ppf(0.001, 1000, 0.95)


def test_no_guesser_beats_the_bayes_vulnerability_and_plug_in_is_too_high() -> None:
    truth = ch.posterior_vulnerability(LEAKY)
    assert max(of_guesser(drawn(LEAKY, 100, n), LEAKY) for n in range(50)) <= truth
    assert np.mean([estimate(drawn(LEAKY, 100, n)).plug_in for n in range(50)]) > truth


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_the_bracket_is_in_order_and_within_what_is_possible(number: int) -> None:
    prior = [0.4, 0.3, 0.2, 0.1]
    found = estimate(drawn(LEAKY, 40, number), prior)
    assert 0.0 <= found.low <= found.holdout.mean <= found.high <= 1.0
    assert found.plug_in >= 0.4 - 1e-12


def test_an_unseen_symbol_is_guessed_by_the_prior() -> None:
    samples = samples_of({"a": ["1", "1", "2", "2"], "b": ["1", "1", "3", "3"]})
    assert holdout(samples).mean == 0.5
    assert holdout(samples, [0.1, 0.9]).mean == pytest.approx(0.9)


def test_samples_have_to_fit() -> None:
    with pytest.raises(ValueError, match="equally often"):
        samples_of({"a": ["1"], "b": ["1", "2"]})
    with pytest.raises(ValueError, match="at least two"):
        samples_of({"a": ["1"], "b": ["1"]})
    with pytest.raises(ValueError, match="2 worlds"):
        Samples(("a", "b"), ("1",), np.zeros((3, 4), dtype=np.int64))


def test_nearest_neighbours_find_the_midpoint_between_two_normals() -> None:
    """Means 2 apart, deviation 1: the best guesser is right with Φ(1) = 0.841."""
    rng = np.random.default_rng(7)
    features = rng.normal(0.0, 1.0, (2, 4000, 1))
    features[1] += 2.0
    found = nearest_neighbour(features)
    assert 0.80 < found.mean <= 0.8413 + 2 * found.half_width
    assert nearest_neighbour(rng.normal(0.0, 1.0, (2, 2000, 3))).low < 0.5
    with pytest.raises(ValueError, match="features"):
        nearest_neighbour(np.zeros((2, 5)))
