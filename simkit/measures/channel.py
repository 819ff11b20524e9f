"""Channels: what an observation tells about a secret, as mathematics.

A channel is a matrix ``C[x, y] = p(y | x)``: rows are the worlds that the secret may be in,
columns the symbols that an attacker may see. With a prior ``π`` over the worlds:

========================  ===================================================================
Bayes vulnerability       ``V(π) = max_x π_x`` before and ``V(π▷C) = Σ_y max_x π_x C[x, y]``
                          after: the chance that the attacker's best guess is right
advantage                 ``V(π▷C) - V(π)``
min-entropy leakage       ``log2 V(π▷C) / V(π)``, in bits
min-capacity              ``log2 Σ_y max_x C[x, y]``: no prior leaks more; a uniform one so much.
                          Its argument is the multiplicative Bayes capacity
Shannon information       ``I = Σ π_x C[x, y] log2 (C[x, y] / (πC)_y)``, in bits
Shannon capacity          the largest ``I`` over all priors, by Blahut and Arimoto's iteration.
                          With ``D_x = Σ_y C[x, y] log2 (C[x, y] / (πC)_y)`` it lies between
                          ``log2 Σ_x π_x 2^D_x`` and ``max_x D_x`` at every step
N independent probes      ``C^N[x, (y_1 … y_N)] = Π C[x, y_i]``. Only how often each symbol came
                          matters to a guess, so the channel over counts has the same ``V``
========================  ===================================================================

Sources: Smith 2009, doi:10.1007/978-3-642-00596-1_21; Alvim and others, "The Science of
Quantitative Information Flow", 2020, doi:10.1007/978-3-319-96131-6; Blahut 1972,
doi:10.1109/TIT.1972.1054855; Arimoto 1972, doi:10.1109/TIT.1972.1054753.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import comb, inf, lgamma, log2

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]
Prior = Sequence[float] | Vector | None

_TOLERANCE = 1e-9
_MOST_COUNTS = 200_000

__all__ = [
    "Capacity",
    "Channel",
    "Prior",
    "advantage",
    "bayes_capacity",
    "both",
    "deterministic",
    "min_capacity",
    "min_entropy_leakage",
    "mutual_information",
    "posterior_vulnerability",
    "prior_vulnerability",
    "probes_until",
    "repeated",
    "shannon_capacity",
]


@dataclass(frozen=True, eq=False, slots=True)
class Channel:
    """``matrix[x, y]`` is the probability of symbol ``symbols[y]`` in world ``worlds[x]``.

    Raises ValueError where shapes and labels do not fit, labels repeat, or a row is no
    distribution.
    """

    worlds: tuple[str, ...]
    symbols: tuple[str, ...]
    matrix: Matrix

    def __post_init__(self) -> None:
        matrix = np.array(self.matrix, dtype=np.float64)
        _check(self.worlds, self.symbols, matrix)
        matrix.flags.writeable = False
        object.__setattr__(self, "matrix", matrix)


def _check(worlds: tuple[str, ...], symbols: tuple[str, ...], matrix: Matrix) -> None:
    if matrix.shape != (len(worlds), len(symbols)) or not worlds:
        raise ValueError(f"{len(worlds)} worlds and {len(symbols)} symbols, but {matrix.shape}")
    if len(set(worlds)) < len(worlds) or len(set(symbols)) < len(symbols):
        raise ValueError("a world or a symbol is named twice")
    if matrix.min() < 0.0 or np.abs(matrix.sum(axis=1) - 1.0).max() > _TOLERANCE:
        raise ValueError("each row of a channel is a distribution over the symbols")


def deterministic(worlds: Sequence[str], seen: Sequence[str]) -> Channel:
    """The channel of an attacker who sees ``seen[i]`` for certain in ``worlds[i]``.

    Symbols stand in the order in which they first appear.
    """
    symbols = tuple(dict.fromkeys(seen))
    matrix = np.zeros((len(worlds), len(symbols)))
    matrix[np.arange(len(worlds)), [symbols.index(s) for s in seen]] = 1.0
    return Channel(tuple(worlds), symbols, matrix)


def _prior(channel: Channel, prior: Prior) -> Vector:
    """The prior as a vector, uniform if None; ValueError if it is no distribution over worlds."""
    worlds = len(channel.worlds)
    if prior is None:
        return np.full(worlds, 1.0 / worlds)
    found = np.asarray(prior, dtype=np.float64)
    if found.shape != (worlds,) or found.min() < 0.0 or abs(found.sum() - 1.0) > _TOLERANCE:
        raise ValueError(f"a prior gives each of the {worlds} worlds a share of 1")
    return found


def prior_vulnerability(channel: Channel, prior: Prior = None) -> float:
    """``V(π)``: the chance of guessing the world before any probe."""
    return float(_prior(channel, prior).max())


def posterior_vulnerability(channel: Channel, prior: Prior = None) -> float:
    """``V(π▷C)``: the chance of guessing the world after one look at the channel."""
    joint = _prior(channel, prior)[:, None] * channel.matrix
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


def _divergences(matrix: Matrix, prior: Vector) -> Vector:
    """``D_x`` in bits, for each world, of its row from the mixture of all rows."""
    mixture = np.broadcast_to(prior @ matrix, matrix.shape)
    held = matrix > 0.0
    ratio = np.divide(matrix, mixture, out=np.ones_like(matrix), where=held & (mixture > 0.0))
    result: Vector = (matrix * np.log2(ratio)).sum(axis=1)
    return result


def mutual_information(channel: Channel, prior: Prior = None) -> float:
    """Shannon's information between world and symbol, in bits."""
    weights = _prior(channel, prior)
    return max(0.0, float(weights @ _divergences(channel.matrix, weights)))


@dataclass(frozen=True, slots=True)
class Capacity:
    """A Shannon capacity in bits, known to lie in [``lower_bits``, ``upper_bits``]."""

    lower_bits: float
    upper_bits: float
    prior: tuple[float, ...]
    steps: int

    @property
    def bits(self) -> float:
        """The middle of the bracket."""
        return (self.lower_bits + self.upper_bits) / 2.0


def shannon_capacity(channel: Channel, tolerance: float = 1e-9, most: int = 100_000) -> Capacity:
    """The capacity by Blahut and Arimoto, iterated until the bracket is ``tolerance`` bits wide.

    After ``most`` steps the bracket is returned as wide as it then is: it still holds.
    """
    prior = _prior(channel, None)
    step, lower, upper = 0, 0.0, inf
    while step < most and upper - lower > tolerance:
        step += 1
        divergence = _divergences(channel.matrix, prior)
        upper = float(divergence.max())
        weights = prior * np.exp2(divergence - upper)
        lower = log2(float(weights.sum())) + upper
        prior = weights / weights.sum()
    return Capacity(max(0.0, lower), max(0.0, upper), tuple(prior.tolist()), step)


def both(first: Channel, second: Channel) -> Channel:
    """One look at each of two channels, independent of each other once the world is given.

    Raises ValueError where the two do not speak of the same worlds.
    """
    if first.worlds != second.worlds:
        raise ValueError("two channels can be joined only over the same worlds")
    joint = first.matrix[:, :, None] * second.matrix[:, None, :]
    symbols = tuple(f"{a} | {b}" for a in first.symbols for b in second.symbols)
    return Channel(first.worlds, symbols, joint.reshape(len(first.worlds), -1))


def repeated(channel: Channel, probes: int) -> Channel:
    """The channel of ``probes`` independent looks, over how often each symbol came.

    Raises ValueError for fewer than one probe and where there are more than 200,000 counts.
    """
    if probes < 1:
        raise ValueError("at least one probe")
    size = len(channel.symbols)
    if comb(probes + size - 1, size - 1) > _MOST_COUNTS:
        raise ValueError(f"{probes} probes of {size} symbols are too many to enumerate")
    counts = np.array(list(_compositions(probes, size)), dtype=np.float64)
    names = tuple(_counted(channel.symbols, row) for row in counts.astype(np.int64).tolist())
    matrix = _multinomial(channel.matrix, counts)
    return Channel(channel.worlds, names, matrix / matrix.sum(axis=1, keepdims=True))


def _compositions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    """Every way to write ``total`` as an ordered sum of ``parts`` numbers from 0."""
    if parts == 1:
        yield (total,)
        return
    for first in range(total, -1, -1):
        for rest in _compositions(total - first, parts - 1):
            yield (first, *rest)


def _counted(symbols: tuple[str, ...], counts: list[int]) -> str:
    return " + ".join(f"{n} × {s}" for n, s in zip(counts, symbols, strict=True) if n)


def _multinomial(matrix: Matrix, counts: Matrix) -> Matrix:
    """The chance of each vector of counts (rows of ``counts``) in each world (rows of matrix)."""
    factorials = np.array([lgamma(n + 1.0) for n in range(int(counts.sum(axis=1).max()) + 1)])
    ways = factorials[-1] - factorials[counts.astype(np.int64)].sum(axis=1)
    logs = np.log(matrix, out=np.zeros_like(matrix), where=matrix > 0.0)
    possible = (matrix == 0.0).astype(np.float64) @ counts.T == 0.0
    result: Matrix = np.where(possible, np.exp(logs @ counts.T + ways), 0.0)
    return result


def _limit_vulnerability(channel: Channel, prior: Vector) -> float:
    """``V`` after endless probes: worlds with equal rows can never be told apart."""
    best: dict[bytes, float] = {}
    for row, weight in zip(channel.matrix, prior.tolist(), strict=True):
        key = row.tobytes()
        best[key] = max(best.get(key, 0.0), weight)
    return sum(best.values())


def probes_until(channel: Channel, target: float = 0.95, prior: Prior = None) -> float:
    """The least number of independent probes with ``V >= target``; 0 if the prior will do.

    Infinity where no number of them is enough. Raises ValueError where the number exists but is
    too large to be found by enumeration (see `repeated`).
    """
    weights = _prior(channel, prior)
    if weights.max() >= target - _TOLERANCE:
        return 0
    if _limit_vulnerability(channel, weights) < target - _TOLERANCE:
        return inf
    return _first(lambda n: _reaches(channel, n, weights, target), _most_probes(channel))


def _reaches(channel: Channel, probes: int, weights: Vector, target: float) -> bool:
    after = posterior_vulnerability(repeated(channel, probes), weights)
    return after >= target - _TOLERANCE


def _most_probes(channel: Channel) -> int:
    """The largest number of probes whose counts can be enumerated."""
    size = len(channel.symbols)
    return _first(lambda n: comb(n + size - 1, size - 1) > _MOST_COUNTS, _MOST_COUNTS) - 1


def _first(holds: Callable[[int], bool], most: int) -> int:
    """The least number from 1 to ``most`` that holds, where all after it hold as well."""
    high = 1
    while not holds(high):
        if high == most:
            raise ValueError(f"more than {most} probes: too many to enumerate")
        high = min(2 * high, most)
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
