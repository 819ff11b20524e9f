"""Addressed draws by the array: the same numbers as `simkit.draws.uniform`, many at once.

Only integer arithmetic and one multiplication are done on arrays, which are exact, so each number
equals its scalar one to the bit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simkit.draws import mix

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_INVERSE_2_53 = 1.0 / (1 << 53)

__all__ = ["shuffles", "uniforms"]


def _mixed(state: npt.NDArray[np.uint64], part: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    z = state + _GOLDEN * (part + np.uint64(1))
    z = (z ^ (z >> np.uint64(30))) * _FIRST
    z = (z ^ (z >> np.uint64(27))) * _SECOND
    result: npt.NDArray[np.uint64] = z ^ (z >> np.uint64(31))
    return result


def uniforms(key: int, purpose: int, rows: int, columns: int) -> npt.NDArray[np.float64]:
    """``[i, j]`` is ``draws.uniform(key, purpose, i, j)``, between 0 and 1."""
    start = np.full((rows, 1), mix(key, purpose), dtype=np.uint64)
    first = _mixed(start, np.arange(rows, dtype=np.uint64)[:, None])
    found = _mixed(first, np.arange(columns, dtype=np.uint64)[None, :])
    result: npt.NDArray[np.float64] = (found >> np.uint64(11)).astype(np.float64) * _INVERSE_2_53
    return result


def shuffles(key: int, purpose: int, rows: int, size: int) -> npt.NDArray[np.int64]:
    """``rows`` random orders of 0 … size - 1, each as likely as the others."""
    return np.argsort(uniforms(key, purpose, rows, size), axis=1)
