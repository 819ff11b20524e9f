"""Draws for whole crowds at once: integers alone, in which NumPy and Python agree to the bit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simkit import draws
from simkit.draws import Purpose
from simkit.many_draws import UInts, mixes, units

__all__ = ["choices", "streams"]


def streams(seed: int, name: str, count: int) -> UInts:
    """`simkit.draws.stream` of each client of a cohort."""
    cohort = draws.mix(draws.mix(0, seed), draws.name_key(name))
    return mixes(cohort, np.arange(count, dtype=np.uint64))


def choices(keys: UInts, purpose: Purpose, count: int) -> npt.NDArray[np.int64]:
    """One of 0 … count - 1 for each stream, as `simkit.draws.integer` of its `uniform` gives."""
    return (units(mixes(mixes(mixes(keys, purpose), 0), 0)) * count).astype(np.int64)
