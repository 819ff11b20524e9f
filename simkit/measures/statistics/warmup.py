"""Warm-up: how much of the beginning of a stationary series still shows where it started.

MSER-5 takes means of batches of 5 and cuts the first ``d`` of ``k`` batches where

    MSER(d) = Σ_{i > d} (B_i - B̄_d)² / (k - d)²

is least: as much is cut as makes the mean of the rest most sure (White 1997,
doi:10.1177/003754979706900601; with batches White, Cobb and Spratt 2000, Winter Simulation
Conference). The last `IGNORED` batches are no candidates, for a few values that happen to be
alike look sure. A cut in the second half says that the series never settled: "no warm-up found,
run longer" (Hoad, Robinson and Davies 2010, Journal of the Operational Research Society 61).

It is for series that settle. A flood that comes and goes is no warm-up: see
`simkit.measures.phases`.

`welch` is the picture beside the rule: the mean over replications, smoothed by a moving average
(Welch 1983, "The statistical analysis of simulation results").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simkit.measures.intervals import Values

Array = npt.NDArray[np.float64]

BATCH = 5
IGNORED = 5
NOT_SETTLED = "no warm-up found: run longer"

__all__ = ["BATCH", "IGNORED", "NOT_SETTLED", "WarmUp", "mser", "mser5", "welch"]


@dataclass(frozen=True, slots=True)
class WarmUp:
    """What to cut from the front of a series of ``observations`` values.

    ``cut`` is how many, a multiple of the batch; 0 where nothing is to be cut or nothing can be
    said, and ``why`` then says why.
    """

    observations: int
    cut: int
    why: str = ""

    @property
    def found(self) -> bool:
        """Whether the rule could be applied and says where the series has settled."""
        return not self.why

    @property
    def text(self) -> str:
        """The result as a phrase."""
        return self.why or f"the first {self.cut} of {self.observations} values are warm-up"


def mser(values: Values, batch: int = BATCH) -> Array:
    """MSER(d) for each number d of batches that may be cut, in squared units of the values.

    Values that do not fill a last batch are left out. Empty if there are at most `IGNORED`.
    """
    given = np.asarray(values, dtype=np.float64)
    batches = given.size // batch
    if batches <= IGNORED:
        return np.empty(0)
    means = given[: batches * batch].reshape(batches, batch).mean(axis=1)
    means = means - means.mean()
    left = np.arange(batches, 0, -1)
    sums = means[::-1].cumsum()[::-1]
    squares = (means**2)[::-1].cumsum()[::-1]
    result: Array = np.maximum(squares - sums**2 / left, 0.0) / left**2
    return result[: batches - IGNORED]


def mser5(values: Values) -> WarmUp:
    """The warm-up of one series by MSER-5."""
    size = len(values)
    criterion = mser(values)
    if not criterion.size:
        return WarmUp(size, 0, f"{size} values are too few: more than {BATCH * IGNORED} are needed")
    cut = BATCH * int(criterion.argmin())
    return WarmUp(size, 0, NOT_SETTLED) if 2 * cut > size else WarmUp(size, cut)


def welch(series: Array, window: int) -> Array:
    """The mean over replications (rows), smoothed by a moving average of ``2 window + 1`` values.

    Near the beginning the window is as wide as it can be and stays centred; the last ``window``
    places have none. Raises ValueError where ``window`` does not fit.
    """
    mean = np.asarray(series, dtype=np.float64).mean(axis=0)
    if not 0 <= window <= mean.size // 2:
        raise ValueError(f"a window of {window} on each side for {mean.size} values")
    sums = np.concatenate([[0.0], mean.cumsum()])
    place = np.arange(mean.size - window)
    half = np.minimum(place, window)
    result: Array = (sums[place + half + 1] - sums[place - half]) / (2 * half + 1)
    return result
