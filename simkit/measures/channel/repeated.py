"""N independent probes of one secret: exact by counting symbols, else between bounds.

To a guess only matters how often each symbol came (its type), so ``C^N`` has as many columns that
matter as there are ways to write N as a sum over the symbols. Proportional columns are merged
first. Where there are still too many, ``V`` after N probes lies between bounds. With
``B_xy = Σ √(C[x, ·] C[y, ·])``, the coefficient of Bhattacharyya:

==========================================================  =====================================
``1 - V ≤ Σ_{x<y} √(π_x π_y) B_xy^N``                        Kailath 1967, by pairs
``1 - V ≥ max_{x<y} s (1 - √(1 - 4 π_x π_y B_xy^{2N} / s²)) / 2``  with ``s = π_x + π_y``: the same
``V ≤ V(π) · 2^(N · min-capacity)``                          each look multiplies by so much
``V ≥ V`` after fewer probes                                 more probes never tell less
==========================================================  =====================================

Kailath 1967, doi:10.1109/TCOM.1967.1089532; types: Köpf and Smith 2010, doi:10.1109/CSF.2010.11.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import comb, inf, lgamma, log2

import numpy as np
import numpy.typing as npt

from simkit.measures.channel.bayes import bayes_capacity
from simkit.measures.channel.matrix import (
    TOLERANCE,
    Channel,
    Matrix,
    Prior,
    Vector,
    reduced,
    weights,
)

MOST_TYPES = 200_000
_ROUNDING = 1e-13
_MOST_PROBES = 10**9

__all__ = [
    "Bracket",
    "limit_vulnerability",
    "overlaps",
    "probes_bracket",
    "probes_until",
    "repeated",
    "vulnerability_after",
]


@dataclass(frozen=True, slots=True)
class Bracket:
    """A number known to lie in [``lower``, ``upper``]; ``how`` says by what."""

    lower: float
    upper: float
    how: str

    @property
    def exact(self) -> bool:
        """Whether the number is known but for rounding."""
        return self.lower == self.upper


def repeated(channel: Channel, probes: int) -> Channel:
    """The channel of ``probes`` independent looks, over how often each symbol came.

    Raises ValueError for fewer than one probe and where there are more than 200,000 counts.
    """
    if probes < 1:
        raise ValueError("at least one probe")
    if _types(channel, probes) > MOST_TYPES:
        raise ValueError(
            f"{probes} probes of {len(channel.symbols)} symbols: too many to enumerate"
        )
    counts = _compositions(probes, len(channel.symbols))
    names = tuple(_counted(channel.symbols, row) for row in counts.tolist())
    matrix = _multinomial(channel.matrix, counts)
    return Channel(channel.worlds, names, matrix / matrix.sum(axis=1, keepdims=True))


def _types(channel: Channel, probes: int) -> int:
    size = len(channel.symbols)
    return comb(probes + size - 1, size - 1)


def _compositions(total: int, parts: int) -> npt.NDArray[np.int64]:
    """Every way to write ``total`` as an ordered sum of ``parts`` numbers from 0, one in a row."""
    left = np.array([total], dtype=np.int64)
    table = np.zeros((1, 0), dtype=np.int64)
    for _ in range(parts - 1):
        ways = left + 1
        row = np.repeat(np.arange(left.size), ways)
        taken = left[row] - (np.arange(row.size) - np.repeat(np.cumsum(ways) - ways, ways))
        table = np.column_stack([table[row], taken])
        left = left[row] - taken
    return np.column_stack([table, left])


def _counted(symbols: tuple[str, ...], counts: list[int]) -> str:
    return " + ".join(f"{n} × {s}" for n, s in zip(counts, symbols, strict=True) if n)


def _multinomial(matrix: Matrix, counts: npt.NDArray[np.int64]) -> Matrix:
    """The chance of each vector of counts (rows of ``counts``) in each world (rows of matrix)."""
    factorials = np.array([lgamma(n + 1.0) for n in range(int(counts.sum(axis=1).max()) + 1)])
    ways = factorials[-1] - factorials[counts].sum(axis=1)
    logs = np.log(matrix, out=np.zeros_like(matrix), where=matrix > 0.0)
    possible = (matrix == 0.0).astype(np.float64) @ counts.T == 0.0
    result: Matrix = np.where(possible, np.exp(logs @ counts.T + ways), 0.0)
    return result


def vulnerability_after(channel: Channel, probes: int, prior: Prior = None) -> Bracket:
    """``V`` after N independent probes, exact where it can be enumerated, else between bounds.

    Raises ValueError for a negative number of probes.
    """
    shares = weights(channel, prior)
    if probes < 0:
        raise ValueError("a number of probes is not negative")
    if probes == 0:
        before = float(shares.max())
        return Bracket(before, before, "the prior")
    small = reduced(channel)
    if _types(small, probes) <= MOST_TYPES:
        after = _counted_vulnerability(small, probes, shares)
        return Bracket(after, after, "counted by types")
    fewer = _counted_vulnerability(small, _most_probes(small), shares)
    lower, upper = _bounds(small, probes, shares)
    return Bracket(min(max(lower, fewer), upper), upper, "bounded by pairs of worlds")


def _counted_vulnerability(channel: Channel, probes: int, prior: Vector) -> float:
    """``V`` after N probes, by going through all types."""
    matrix = _multinomial(channel.matrix, _compositions(probes, len(channel.symbols)))
    return float((prior[:, None] * matrix).max(axis=0).sum() / matrix.sum(axis=1).mean())


def overlaps(matrix: Matrix) -> Matrix:
    """``B_xy = Σ_y √(C[x, y] C[x', y])``: 1 for equal rows, 0 for rows that share no symbol."""
    roots = np.sqrt(matrix)
    found = roots @ roots.T
    result: Matrix = np.where(found > 1.0 - _ROUNDING, 1.0, found)
    return result


def _bounds(channel: Channel, probes: int, prior: Vector) -> tuple[float, float]:
    """Bounds on V after N probes that need no enumeration."""
    overlap = overlaps(channel.matrix)
    first, second = np.triu_indices(len(prior), 1)
    both = np.sqrt(prior[first] * prior[second]) * overlap[first, second] ** probes
    lower = 1.0 - float(both.sum())
    pair = prior[first] + prior[second]
    share = np.divide(2.0 * both, pair, out=np.zeros_like(both), where=pair > 0.0)
    errors = pair * (1.0 - np.sqrt(np.maximum(0.0, 1.0 - share**2))) / 2.0
    upper = min(1.0 - float(errors.max(initial=0.0)), limit_vulnerability(channel, prior))
    grown = log2(float(prior.max())) + probes * log2(bayes_capacity(channel))
    return lower, min(upper, 2.0**grown if grown < 0.0 else 1.0)


def limit_vulnerability(channel: Channel, prior: Vector) -> float:
    """``V`` after endless probes: worlds with equal rows can never be told apart."""
    best: dict[bytes, float] = {}
    for row, weight in zip(channel.matrix, prior.tolist(), strict=True):
        key = row.tobytes()
        best[key] = max(best.get(key, 0.0), weight)
    return sum(best.values())


def probes_until(channel: Channel, target: float = 0.95, prior: Prior = None) -> float:
    """The least number of independent probes with ``V >= target``; 0 if the prior will do.

    Infinity where no number of them is enough. Raises ValueError where the number exists but is
    too large to be found by enumeration: `probes_bracket` bounds it.
    """
    found = probes_bracket(channel, target, prior)
    if not found.exact:
        between = f"between {found.lower:.0f} and {found.upper:.0f}"
        raise ValueError(f"too many probes to enumerate: {between} are needed")
    return found.lower


def probes_bracket(channel: Channel, target: float = 0.95, prior: Prior = None) -> Bracket:
    """Between which numbers the least number of probes with ``V >= target`` lies."""
    shares = weights(channel, prior)
    if shares.max() >= target - TOLERANCE:
        return Bracket(0, 0, "the prior")
    small = reduced(channel)
    if limit_vulnerability(small, shares) < target - TOLERANCE:
        return Bracket(inf, inf, "some worlds look the same for ever")
    most = _most_probes(small)
    exact = _first(lambda n: _reaches(small, n, shares, target), most)
    if exact is not None:
        return Bracket(exact, exact, "counted by types")
    return _bounded_probes(small, shares, target, most)


def _bounded_probes(channel: Channel, prior: Vector, target: float, most: int) -> Bracket:
    surely = _first(lambda n: _bounds(channel, n, prior)[0] >= target, _MOST_PROBES)
    perhaps = _first(lambda n: _bounds(channel, n, prior)[1] >= target - TOLERANCE, _MOST_PROBES)
    lower = inf if perhaps is None else max(perhaps, most + 1)
    return Bracket(lower, inf if surely is None else surely, "bounded by pairs of worlds")


def _reaches(channel: Channel, probes: int, prior: Vector, target: float) -> bool:
    return _counted_vulnerability(channel, probes, prior) >= target - TOLERANCE


def _most_probes(channel: Channel) -> int:
    """The largest number of probes whose counts can be enumerated."""
    found = _first(lambda n: _types(channel, n) > MOST_TYPES, MOST_TYPES)
    return MOST_TYPES if found is None else found - 1


def _first(holds: Callable[[int], bool], most: int) -> int | None:
    """The least number from 1 to ``most`` that holds, where all after it hold as well."""
    high = 1
    while not holds(high):
        if high >= most:
            return None
        high = min(2 * high, most)
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
