"""Samples of a channel, the plug-in estimates, and the guesser that was held to unseen samples."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
import numpy.typing as npt

from simkit.measures import channel as ch
from simkit.measures.channel import Channel, Prior
from simkit.measures.channel.matrix import Vector
from simkit.measures.intervals import Interval, clopper_pearson

Counts = npt.NDArray[np.int64]

__all__ = ["Counts", "Sampled", "Samples", "estimate", "holdout", "samples_of"]


@dataclass(frozen=True, eq=False, slots=True)
class Samples:
    """``drawn[x, i]`` is the number of the symbol that the i-th replication showed in world x.

    Replications are independent, so their order says nothing. Raises ValueError where the shape
    does not fit the worlds or there are fewer than two replications.
    """

    worlds: tuple[str, ...]
    symbols: tuple[str, ...]
    drawn: Counts

    def __post_init__(self) -> None:
        if self.drawn.ndim != 2 or self.drawn.shape[0] != len(self.worlds):
            raise ValueError(f"{len(self.worlds)} worlds, but samples {self.drawn.shape}")
        if self.drawn.shape[1] < 2:
            raise ValueError("at least two replications in each world")

    @property
    def replications(self) -> int:
        """How many samples there are of each world."""
        return int(self.drawn.shape[1])

    @property
    def counts(self) -> Counts:
        """How often each world (row) showed each symbol (column)."""
        return counted(self.drawn, len(self.symbols))

    def plug_in(self) -> Channel:
        """The channel of the observed shares."""
        return Channel(self.worlds, self.symbols, self.counts / self.replications)

    def information_bits(self) -> tuple[float, float]:
        """Shannon's information under a uniform prior: plug-in, and after Miller and Madow 1955.

        The correction of each entropy is ``(cells seen - 1) / (2 N)`` nats.
        """
        counts = self.counts
        plain = ch.mutual_information(self.plug_in())
        seen = len(self.worlds) + int((counts.sum(axis=0) > 0).sum()) - int((counts > 0).sum()) - 1
        return plain, plain + seen / (2.0 * counts.sum() * log(2.0))


def counted(drawn: Counts, symbols: int) -> Counts:
    """The table of counts ``[world, symbol]`` of drawn symbols ``[world, replication]``."""
    worlds = drawn.shape[0]
    flat = (np.arange(worlds)[:, None] * symbols + drawn).ravel()
    return np.bincount(flat, minlength=worlds * symbols).reshape(worlds, symbols)


def samples_of(drawn: Mapping[str, Sequence[Hashable]]) -> Samples:
    """Samples from what was seen in each world; ValueError where worlds have unequal numbers."""
    if len({len(seen) for seen in drawn.values()}) > 1:
        raise ValueError("each world has to be sampled equally often")
    numbers: dict[Hashable, int] = {}
    table = [[numbers.setdefault(s, len(numbers)) for s in seen] for seen in drawn.values()]
    return Samples(tuple(drawn), tuple(map(str, numbers)), np.array(table, dtype=np.int64))


@dataclass(frozen=True, slots=True)
class Sampled:
    """A Bayes vulnerability known from a sample: the bracket [``holdout``, ``plug_in``].

    ``holdout`` is the success of one guesser that an attacker can have, with the interval of
    Clopper and Pearson; ``plug_in`` is biased upward.
    """

    holdout: Interval
    plug_in: float

    @property
    def low(self) -> float:
        """What an attacker reaches at least, as sure as the interval says."""
        return self.holdout.low

    @property
    def high(self) -> float:
        """The upper end of the bracket."""
        return max(self.plug_in, self.holdout.mean)


def estimate(samples: Samples, prior: Prior = None, level: float = 0.95) -> Sampled:
    """The Bayes vulnerability of sampled worlds, as a bracket."""
    shares = ch.weights(samples.plug_in(), prior)
    after = ch.posterior_vulnerability(samples.plug_in(), shares)
    return Sampled(holdout(samples, shares, level), after)


def holdout(samples: Samples, prior: Prior = None, level: float = 0.95) -> Interval:
    """How often a guesser is right on one half of the samples that learnt from the other half.

    It guesses the world with the largest ``π_x C[x, y]``, and by the prior where it never saw
    the symbol. With equal weights the interval is that of Clopper and Pearson over all guesses,
    which is safe for worlds that are guessed unequally well (Hoeffding 1956,
    doi:10.1214/aoms/1177728178); else it is made of one for each world, held together by
    Bonferroni's inequality.
    """
    learnt, held = _halves(samples)
    shares = ch.weights(samples.plug_in(), prior)
    right = held[np.arange(len(shares)), :] * (guesses(learnt, shares) == _rows(len(shares)))
    return share_of(right.sum(axis=1), held.sum(axis=1), shares, level)


def _rows(worlds: int) -> Counts:
    return np.arange(worlds)[:, None]


def _halves(samples: Samples) -> tuple[Counts, Counts]:
    half = samples.replications // 2
    size = len(samples.symbols)
    return counted(samples.drawn[:, :half], size), counted(samples.drawn[:, half:], size)


def guesses(learnt: Counts, prior: Vector) -> Counts:
    """The best guess for each symbol, by counts; where there are none, by the prior."""
    joint = prior[:, None] * learnt
    best: Counts = np.where(learnt.sum(axis=0) > 0, joint.argmax(axis=0), prior.argmax())
    return best


def share_of(right: Counts, of: Counts, prior: Vector, level: float) -> Interval:
    """The share of right guesses by prior, from those of each world, with its interval."""
    if np.ptp(prior) < 1e-12 and np.ptp(of) == 0:
        return clopper_pearson(int(right.sum()), int(of.sum()), level)
    single = 1.0 - (1.0 - level) / len(prior)
    each = [clopper_pearson(int(r), int(n), single) for r, n in zip(right, of, strict=True)]
    mean, low, high = prior @ np.array([(e.mean, e.low, e.high) for e in each])
    return Interval(float(mean), float(low), float(high), int(of.sum()), level)
