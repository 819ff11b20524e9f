"""Gains in cases that can be worked out by hand."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest

from simkit.measures import channel as ch
from tests.measures.channel.making import REFERENCE, named, random_channel

WORLDS = ("1/s", "2/s", "5/s", "10/s", "20/s")
BLIND = named(np.full((5, 2), 0.5))


@pytest.mark.parametrize("seed", range(5))
def test_identity_is_the_bayes_vulnerability(seed: int) -> None:
    channel, prior = random_channel(seed)
    gain = ch.identity(channel.worlds)
    assert ch.prior_gain(gain, channel, prior) == ch.prior_vulnerability(channel, prior)
    assert ch.posterior_gain(gain, channel, prior) == pytest.approx(
        ch.posterior_vulnerability(channel, prior)
    )
    assert ch.g_leakage(gain, channel, prior) == pytest.approx(
        ch.min_entropy_leakage(channel, prior)
    )
    assert ch.g_advantage(gain, channel, prior) == pytest.approx(ch.advantage(channel, prior))


def test_so_many_tries_add_up_the_likeliest_worlds() -> None:
    prior = [0.4, 0.3, 0.15, 0.1, 0.05]
    for k, worth in enumerate((0.4, 0.7, 0.85, 0.95, 1.0), start=1):
        assert ch.prior_gain(ch.tries(BLIND.worlds, k), BLIND, prior) == pytest.approx(worth)
    for k in (0, 6):
        with pytest.raises(ValueError, match="tries"):
            ch.tries(BLIND.worlds, k)
    with pytest.raises(ValueError, match="tries"):
        ch.tries([str(n) for n in range(60)], 30)


def test_is_it_nginx() -> None:
    """Two of five worlds merge with nginx: yes is right in one of the three, no in the others."""
    worlds = ("nginx", "HAProxy", "Caddy", "Apache", "CDN")
    channel = ch.deterministic(worlds, ["empty", "empty", "empty", "403", "520"])
    gain = ch.binary(worlds, {"nginx"})
    assert ch.prior_gain(gain, channel) == pytest.approx(4 / 5)
    assert ch.posterior_gain(gain, channel) == pytest.approx(4 / 5)
    assert ch.g_leakage(gain, channel) == 0.0
    with pytest.raises(ValueError, match="no such world: IIS"):
        ch.binary(worlds, {"IIS"})


def test_near_misses_are_worth_something() -> None:
    gain = ch.distance(WORLDS, [1, 2, 5, 10, 20])
    assert gain.matrix[0].tolist() == pytest.approx([1, 18 / 19, 15 / 19, 10 / 19, 0])
    assert ch.distance(WORLDS, [3] * 5).matrix.min() == 1.0
    with pytest.raises(ValueError, match="5 worlds"):
        ch.distance(WORLDS, [1, 2])


def test_who_may_abstain_guesses_only_when_it_pays() -> None:
    gain = ch.abstain(REFERENCE.worlds, 0.5)
    assert ch.prior_gain(gain, REFERENCE) == 0.5
    likeliest = (REFERENCE.matrix / 3).max(axis=0)
    seen = REFERENCE.matrix.sum(axis=0) / 3
    assert ch.posterior_gain(gain, REFERENCE) == pytest.approx(
        np.maximum(likeliest, seen / 2).sum()
    )


def test_a_gain_has_to_fit_and_to_be_worth_something() -> None:
    with pytest.raises(ValueError, match="other worlds"):
        ch.prior_gain(ch.identity(WORLDS), REFERENCE)
    with pytest.raises(ValueError, match="guesses"):
        ch.Gain(("w",), ("a", "b"), np.eye(2))
    with pytest.raises(ValueError, match="worth something"):
        ch.g_leakage(ch.Gain(("w",), REFERENCE.worlds, np.zeros((1, 3))), REFERENCE)
    third = ch.g_leakage(ch.tries(REFERENCE.worlds, 1), REFERENCE)
    assert third == pytest.approx(log2(4 / 3))
