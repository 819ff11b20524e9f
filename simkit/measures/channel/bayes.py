"""Bayes vulnerability and min-entropy leakage: how often one guess is right.

Smith 2009, doi:10.1007/978-3-642-00596-1_21; the capacity: Braun, Chatzikokolakis and
Palamidessi 2009, doi:10.1016/j.entcs.2009.07.085.
"""

from __future__ import annotations

from math import log2

from simkit.measures.channel.matrix import Channel, Prior, weights

__all__ = [
    "advantage",
    "bayes_capacity",
    "min_capacity",
    "min_entropy_leakage",
    "posterior_vulnerability",
    "prior_vulnerability",
]


def prior_vulnerability(channel: Channel, prior: Prior = None) -> float:
    """``V(π)``: the chance of guessing the world before any probe."""
    return float(weights(channel, prior).max())


def posterior_vulnerability(channel: Channel, prior: Prior = None) -> float:
    """``V(π▷C)``: the chance of guessing the world after one look at the channel."""
    joint = weights(channel, prior)[:, None] * channel.matrix
    return float(joint.max(axis=0).sum())


def advantage(channel: Channel, prior: Prior = None) -> float:
    """By how much one look raises the chance of a right guess, ``V(π▷C) - V(π)``."""
    return posterior_vulnerability(channel, prior) - prior_vulnerability(channel, prior)


def min_entropy_leakage(channel: Channel, prior: Prior = None) -> float:
    """``log2 V(π▷C) / V(π)`` in bits; 0 where the best guess stays the same."""
    after = posterior_vulnerability(channel, prior)
    return max(0.0, log2(after / prior_vulnerability(channel, prior)))


def bayes_capacity(channel: Channel) -> float:
    """The multiplicative Bayes capacity ``Σ_y max_x C[x, y]``: ``V`` grows at most by this."""
    return float(channel.matrix.max(axis=0).sum())


def min_capacity(channel: Channel) -> float:
    """The most that any prior leaks in min-entropy, in bits."""
    return max(0.0, log2(bayes_capacity(channel)))
