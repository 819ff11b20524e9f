"""The channel itself: a matrix with names, and its canonical form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]
Prior = Sequence[float] | Vector | None
"""A share of 1 for each world; None is the uniform one."""

TOLERANCE = 1e-9
_SAME_DIGITS = 12

__all__ = [
    "TOLERANCE",
    "Channel",
    "Matrix",
    "Prior",
    "Vector",
    "deterministic",
    "merged",
    "reduced",
    "weights",
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
    if not matrix.min() >= 0.0 or not np.abs(matrix.sum(axis=1) - 1.0).max() <= TOLERANCE:
        raise ValueError("each row of a channel is a distribution over the symbols")


def deterministic(worlds: Sequence[str], seen: Sequence[str]) -> Channel:
    """The channel of an attacker who sees ``seen[i]`` for certain in ``worlds[i]``.

    Symbols stand in the order in which they first appear.
    """
    symbols = tuple(dict.fromkeys(seen))
    matrix = np.zeros((len(worlds), len(symbols)))
    matrix[np.arange(len(worlds)), [symbols.index(s) for s in seen]] = 1.0
    return Channel(tuple(worlds), symbols, matrix)


def weights(channel: Channel, prior: Prior = None) -> Vector:
    """The prior as a vector, uniform if None; ValueError if it is no distribution over worlds."""
    worlds = len(channel.worlds)
    if prior is None:
        return np.full(worlds, 1.0 / worlds)
    found = np.asarray(prior, dtype=np.float64)
    proper = found.shape == (worlds,) and found.min() >= 0.0
    if not proper or not abs(found.sum() - 1.0) <= TOLERANCE:
        raise ValueError(f"a prior gives each of the {worlds} worlds a share of 1")
    return found


def merged(matrix: Matrix) -> tuple[Matrix, npt.NDArray[np.int64]]:
    """The columns of a matrix, proportional ones added up and empty ones left out.

    Returns the new matrix and, for each old column, the number of its new one (-1: left out).
    Columns that are proportional to twelve digits count as proportional.
    """
    total = matrix.sum(axis=0)
    held = np.flatnonzero(total > 0.0)
    shape = np.round(matrix[:, held] / total[held], _SAME_DIGITS) + 0.0
    _, first, group = np.unique(shape, axis=1, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))[group.ravel()]  # in the order of first appearance
    result = np.zeros((matrix.shape[0], len(first)))
    np.add.at(result.T, rank, matrix[:, held].T)
    places = np.full(matrix.shape[1], -1, dtype=np.int64)
    places[held] = rank
    return result, places


def reduced(channel: Channel) -> Channel:
    """The canonical form: symbols that lead to the same belief, whatever the prior, made one.

    Proportional columns are added and impossible symbols left out, which changes no measure
    (Alvim and others 2020, section 4.3). Merged symbols are joined by "or".
    """
    matrix, places = merged(channel.matrix)
    names: list[list[str]] = [[] for _ in range(matrix.shape[1])]
    for symbol, place in zip(channel.symbols, places.tolist(), strict=True):
        if place >= 0:
            names[place].append(symbol)
    return Channel(channel.worlds, tuple(" or ".join(n) for n in names), matrix)
