"""`simkit.draws` by the array: whole numbers, in which NumPy and Python agree to the bit.

The one step on floating-point numbers is a product, which is exact.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simkit.draws import FIRST, GOLDEN, INVERSE_2_53, SECOND

__all__ = ["UInts", "mixes", "units"]

UInts = npt.NDArray[np.uint64]


def mixes(state: UInts | int, part: UInts | int) -> UInts:
    """What `simkit.draws.mix` gives, for many; the two broadcast. Both are below 2**64."""
    z = np.asarray(state, np.uint64) + np.uint64(GOLDEN) * (
        np.atleast_1d(np.asarray(part, np.uint64)) + np.uint64(1)
    )
    z = (z ^ (z >> np.uint64(30))) * np.uint64(FIRST)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(SECOND)
    mixed: UInts = z ^ (z >> np.uint64(31))
    return mixed


def units(mixed: UInts) -> npt.NDArray[np.float64]:
    """The numbers in [0, 1) that `simkit.draws.uniform` makes of what was mixed."""
    return (mixed >> np.uint64(11)).astype(np.float64) * INVERSE_2_53
