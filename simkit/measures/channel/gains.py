"""g-vulnerability: what a guess is worth to an attacker who wants more, or less, than the world.

A gain gives every guess ``w`` a worth ``g(w, x)`` in every world ``x``. The g-vulnerability is
``V_g(π) = max_w Σ_x π_x g(w, x)`` before and ``V_g(π▷C) = Σ_y max_w Σ_x π_x C[x, y] g(w, x)``
after a look; the g-leakage is ``log2`` of their ratio.

Alvim, Chatzikokolakis, Palamidessi and Smith 2012, doi:10.1109/CSF.2012.26.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb, log2

import numpy as np

from simkit.measures.channel.matrix import Channel, Matrix, Prior, weights

_MOST_GUESSES = 100_000

__all__ = [
    "Gain",
    "abstain",
    "binary",
    "distance",
    "g_advantage",
    "g_leakage",
    "identity",
    "posterior_gain",
    "prior_gain",
    "tries",
]


@dataclass(frozen=True, eq=False, slots=True)
class Gain:
    """``matrix[w, x]`` is what the guess ``guesses[w]`` is worth in the world ``worlds[x]``.

    Raises ValueError where the shape does not fit the names.
    """

    guesses: tuple[str, ...]
    worlds: tuple[str, ...]
    matrix: Matrix

    def __post_init__(self) -> None:
        matrix = np.array(self.matrix, dtype=np.float64)
        if matrix.shape != (len(self.guesses), len(self.worlds)) or not self.guesses:
            shape = f"{len(self.guesses)} guesses and {len(self.worlds)} worlds"
            raise ValueError(f"{shape}, but {matrix.shape}")
        matrix.flags.writeable = False
        object.__setattr__(self, "matrix", matrix)


def identity(worlds: Sequence[str]) -> Gain:
    """1 for the right world, else nothing: `prior_gain` is then the Bayes vulnerability."""
    return Gain(tuple(worlds), tuple(worlds), np.eye(len(worlds)))


def tries(worlds: Sequence[str], k: int) -> Gain:
    """1 if the world is among ``k`` guesses. Raises ValueError for no or too many of them."""
    if not 1 <= k <= len(worlds) or comb(len(worlds), k) > _MOST_GUESSES:
        raise ValueError(f"{k} tries at {len(worlds)} worlds")
    sets = list(combinations(range(len(worlds)), k))
    matrix = np.zeros((len(sets), len(worlds)))
    for row, chosen in enumerate(sets):
        matrix[row, list(chosen)] = 1.0
    names = tuple(" or ".join(worlds[i] for i in chosen) for chosen in sets)
    return Gain(names, tuple(worlds), matrix)


def binary(worlds: Sequence[str], group: Collection[str]) -> Gain:
    """1 for saying rightly whether the world is in the group, such as "is it nginx?".

    Raises ValueError where the group has a world that is none of them.
    """
    if unknown := set(group) - set(worlds):
        raise ValueError(f"no such world: {', '.join(sorted(unknown))}")
    inside = np.array([1.0 if world in group else 0.0 for world in worlds])
    return Gain(("yes", "no"), tuple(worlds), np.stack([inside, 1.0 - inside]))


def distance(worlds: Sequence[str], places: Sequence[float]) -> Gain:
    """1 for the right world, 0 for the one farthest off, and a straight line between.

    ``places`` are the worlds as numbers, such as the rates of a limit or their logarithms.
    Raises ValueError where there is not one for each world.
    """
    found = np.asarray(places, dtype=np.float64)
    if found.shape != (len(worlds),):
        raise ValueError(f"{len(worlds)} worlds, but places {found.shape}")
    apart = np.abs(found[:, None] - found[None, :])
    return Gain(tuple(worlds), tuple(worlds), 1.0 - apart / (apart.max() or 1.0))


def abstain(worlds: Sequence[str], worth: float) -> Gain:
    """Guess a world for 1 or nothing, or say nothing for a sure ``worth`` between 0 and 1."""
    matrix = np.vstack([np.eye(len(worlds)), np.full(len(worlds), worth)])
    return Gain((*worlds, "abstain"), tuple(worlds), matrix)


def prior_gain(gain: Gain, channel: Channel, prior: Prior = None) -> float:
    """``V_g(π)``: what the best guess is worth before any probe."""
    return float((_fitting(gain, channel) @ weights(channel, prior)).max())


def posterior_gain(gain: Gain, channel: Channel, prior: Prior = None) -> float:
    """``V_g(π▷C)``: what the best guess is worth after one look."""
    joint = weights(channel, prior)[:, None] * channel.matrix
    return float((_fitting(gain, channel) @ joint).max(axis=0).sum())


def g_advantage(gain: Gain, channel: Channel, prior: Prior = None) -> float:
    """``V_g(π▷C) - V_g(π)``: additive g-leakage."""
    return posterior_gain(gain, channel, prior) - prior_gain(gain, channel, prior)


def g_leakage(gain: Gain, channel: Channel, prior: Prior = None) -> float:
    """``log2 V_g(π▷C) / V_g(π)`` in bits: multiplicative g-leakage.

    Raises ValueError where the best guess is worth nothing, or less, before the look.
    """
    before = prior_gain(gain, channel, prior)
    if before <= 0.0:
        raise ValueError("a guess has to be worth something before the look")
    return max(0.0, log2(posterior_gain(gain, channel, prior) / before))


def _fitting(gain: Gain, channel: Channel) -> Matrix:
    if gain.worlds != channel.worlds:
        raise ValueError("the gain speaks of other worlds than the channel")
    return gain.matrix
