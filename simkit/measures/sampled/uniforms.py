"""Addressed draws by the array: the same numbers as `simkit.draws.uniform`, many at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simkit.draws import mix
from simkit.many_draws import mixes, units

__all__ = ["shuffles", "uniforms"]


def uniforms(key: int, purpose: int, rows: int, columns: int) -> npt.NDArray[np.float64]:
    """``[i, j]`` is ``draws.uniform(key, purpose, i, j)``, between 0 and 1."""
    first = mixes(mix(key, purpose), np.arange(rows, dtype=np.uint64)[:, None])
    return units(mixes(first, np.arange(columns, dtype=np.uint64)[None, :]))


def shuffles(key: int, purpose: int, rows: int, size: int) -> npt.NDArray[np.int64]:
    """``rows`` random orders of 0 … size - 1, each as likely as the others."""
    return np.argsort(uniforms(key, purpose, rows, size), axis=1)
