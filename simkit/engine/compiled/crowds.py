"""Draws for whole crowds at once: integers alone, in which NumPy and Python agree to the bit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simkit import draws
from simkit.draws import Purpose

__all__ = ["choices", "streams"]

Keys = npt.NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_ONE = np.uint64(1)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)


def streams(seed: int, name: str, count: int) -> Keys:
    """`simkit.draws.stream` of each client of a cohort."""
    cohort = draws.mix(draws.mix(0, seed), draws.name_key(name))
    return _mix(np.uint64(cohort), np.arange(count, dtype=np.uint64))


def choices(keys: Keys, purpose: Purpose, count: int) -> npt.NDArray[np.int64]:
    """One of 0 … count - 1 for each stream, as `simkit.draws.integer` of its `uniform` gives."""
    zero, part = np.uint64(0), np.uint64(purpose)
    mixed = _mix(_mix(_mix(keys, part), zero), zero)
    uniform = (mixed >> _S11).astype(np.float64) * (1.0 / (1 << 53))
    return (uniform * count).astype(np.int64)


def _mix(state: Keys | np.uint64, part: Keys | np.uint64) -> Keys:
    with np.errstate(over="ignore"):
        z = state + _GOLDEN * (part + _ONE)
        z = (z ^ (z >> _S30)) * _FIRST
        z = (z ^ (z >> _S27)) * _SECOND
    return np.asarray(z ^ (z >> _S31))
