"""Every measure beside two libraries made by others: qif (libqif) and dit.

They are asked for 24 random channels with zeros in them and random priors. Both are only for
tests, and what they warn of while they are imported is theirs.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from math import log2
from typing import Any

import numpy as np
import pytest

from simkit.measures import channel as ch
from simkit.measures.channel import Channel
from tests.measures.channel.making import REFERENCE, named, random_channel

SEEDS = range(24)
Pair = tuple[Channel, list[float]]


def imported(name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return import_module(name)


@pytest.fixture(scope="module")
def qif() -> Any:
    return imported("qif")


@pytest.fixture(scope="module")
def dit() -> Any:
    imported("dit.algorithms")
    return imported("dit")


@pytest.fixture(params=SEEDS)
def pair(request: pytest.FixtureRequest) -> Pair:
    return random_channel(request.param)


def test_bayes_vulnerability_is_that_of_qif(qif: Any, pair: Pair) -> None:
    channel, prior = pair
    pi, c, bayes = np.array(prior), channel.matrix, qif.measure.bayes_vuln
    assert ch.prior_vulnerability(channel, prior) == pytest.approx(bayes.prior(pi), abs=1e-6)
    assert ch.posterior_vulnerability(channel, prior) == pytest.approx(
        bayes.posterior(pi, c), abs=1e-6
    )
    assert ch.advantage(channel, prior) == pytest.approx(bayes.add_leakage(pi, c), abs=1e-6)
    assert ch.min_entropy_leakage(channel, prior) == pytest.approx(
        bayes.min_entropy_leakage(pi, c), abs=1e-6
    )
    assert ch.bayes_capacity(channel) == pytest.approx(bayes.mult_capacity(c), abs=1e-6)


def test_shannon_is_that_of_qif_and_dit(qif: Any, dit: Any, pair: Pair) -> None:
    channel, prior = pair
    pi, c = np.array(prior), channel.matrix
    found = ch.mutual_information(channel, prior)
    assert found == pytest.approx(qif.measure.shannon.add_leakage(pi, c), abs=1e-6)
    joint = {
        (x, y): pi[i] * c[i, j]
        for i, x in enumerate(channel.worlds)
        for j, y in enumerate(channel.symbols)
        if pi[i] * c[i, j] > 0.0
    }
    theirs = dit.Distribution(list(joint), list(joint.values()))
    assert found == pytest.approx(float(dit.shannon.mutual_information(theirs, [0], [1])), abs=1e-6)


def test_capacity_is_that_of_qif(qif: Any, pair: Pair) -> None:
    channel, _ = pair
    found = ch.shannon_capacity(channel, tolerance=1e-7)
    assert found.upper_bits - found.lower_bits <= 1e-7
    assert found.bits == pytest.approx(
        qif.measure.shannon.add_capacity(channel.matrix)[0], abs=1e-6
    )


@pytest.mark.parametrize("seed", range(12))
def test_capacity_is_that_of_dit(dit: Any, seed: int) -> None:
    """dit stops by its own steps, not by a bracket, so they have to be small."""
    channel, _ = random_channel(seed)
    found = ch.shannon_capacity(channel, tolerance=1e-7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs, _ = dit.algorithms.channel_capacity(channel.matrix, rtol=0.0, atol=1e-12)
    assert theirs == pytest.approx(found.bits, abs=1e-6)


def test_g_vulnerability_is_that_of_qif(qif: Any, pair: Pair) -> None:
    channel, prior = pair
    pi, c, worlds = np.array(prior), channel.matrix, channel.worlds
    for gain in (
        ch.identity(worlds),
        ch.tries(worlds, 2),
        ch.binary(worlds, worlds[:1]),
        ch.distance(worlds, [float(n * n) for n in range(len(worlds))]),
        ch.abstain(worlds, 0.6),
    ):
        theirs = qif.measure.g_vuln
        assert ch.prior_gain(gain, channel, prior) == pytest.approx(theirs.prior(gain.matrix, pi))
        assert ch.posterior_gain(gain, channel, prior) == pytest.approx(
            theirs.posterior(gain.matrix, pi, c), abs=1e-6
        )
        assert 2.0 ** ch.g_leakage(gain, channel, prior) == pytest.approx(
            theirs.mult_leakage(gain.matrix, pi, c), abs=1e-6
        )


def test_composition_is_that_of_qif(qif: Any, pair: Pair) -> None:
    channel, prior = pair
    theirs = qif.channel.compose.parallel(channel.matrix, channel.matrix)
    assert np.allclose(ch.parallel(channel, channel).matrix, theirs, atol=1e-12)
    three = qif.channel.compose.repeated_independent(channel.matrix, 3)
    assert ch.posterior_vulnerability(ch.repeated(channel, 3), prior) == pytest.approx(
        qif.measure.bayes_vuln.posterior(np.array(prior), three), abs=1e-6
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_the_reduced_channel_is_that_of_qif(qif: Any, seed: int) -> None:
    """On channels of eighths: qif also merges columns that are only nearly proportional."""
    rng = np.random.default_rng(seed)
    channel = named(rng.multinomial(8, np.full(4, 0.25), 3) / 8)
    doubled = ch.parallel(channel, channel)
    ours, theirs = ch.reduced(doubled).matrix, qif.channel.reduced(doubled.matrix)
    assert ours.shape == theirs.shape
    ours, theirs = (m[:, np.lexsort(np.round(m, 9))] for m in (ours, theirs))
    assert np.allclose(ours, theirs, atol=1e-9)


def test_the_reference_channel(qif: Any) -> None:
    """facts/leakage.md: 0.23489 bits, and a multiplicative Bayes capacity of 1.3333."""
    assert ch.shannon_capacity(REFERENCE).bits == pytest.approx(0.23489, abs=5e-6)
    assert ch.bayes_capacity(REFERENCE) == pytest.approx(1.3333, abs=5e-5)
    assert ch.min_capacity(REFERENCE) == pytest.approx(log2(4 / 3))
    assert qif.measure.bayes_vuln.mult_capacity(REFERENCE.matrix) == pytest.approx(4 / 3)
