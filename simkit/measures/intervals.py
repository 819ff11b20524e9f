"""Intervals: how sure a number is.

Replications of a run are independent and, by the law of large numbers within each, near normal:
their mean gets Student's t interval. Two policies that met the same crowd (common random
numbers) are compared by the differences within each replication, which get the same interval
(Law, "Simulation Modeling and Analysis", 5th ed., sections 9.4 and 10.2). A share of independent
trials gets the interval of Clopper and Pearson 1934 (doi:10.1093/biomet/26.4.404), which covers
at least as often as it says.

One replication has no interval, and then none is made up: the bounds are nan, and ``why`` says
why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isnan, nan, sqrt

import numpy as np
import numpy.typing as npt

_NOISE = 1e-12

Values = Sequence[float] | npt.NDArray[np.float64]

__all__ = [
    "Interval",
    "clopper_pearson",
    "paired_difference",
    "relative_half_width",
    "t_interval",
]


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean of ``n`` values with its bounds; they are nan where there is no interval.

    ``why`` says then why there is none.
    """

    mean: float
    low: float
    high: float
    n: int
    level: float = 0.95
    why: str = ""

    @property
    def known(self) -> bool:
        """Whether there is an interval at all."""
        return not isnan(self.low)

    @property
    def half_width(self) -> float:
        """Half of the width, in the unit of the mean; nan where there is no interval."""
        return (self.high - self.low) / 2.0

    def excludes(self, value: float) -> bool:
        """Whether the value lies outside; False where there is no interval."""
        return self.known and not self.low <= value <= self.high

    def within(self, lowest: float, highest: float) -> Interval:
        """The same interval cut to the values that are possible, which keeps its coverage."""
        if not self.known:
            return self
        low, high = (min(max(v, lowest), highest) for v in (self.low, self.high))
        return Interval(self.mean, low, high, self.n, self.level)

    def scaled(self, factor: float) -> Interval:
        """The interval of the number times a factor above 0: in another unit."""
        mean, low, high = (factor * v for v in (self.mean, self.low, self.high))
        return replace(self, mean=mean, low=low, high=high)

    def negated(self) -> Interval:
        """The interval of the number with its sign turned round."""
        return replace(self, mean=0.0 - self.mean, low=0.0 - self.high, high=0.0 - self.low)


def t_interval(values: Values, level: float = 0.95) -> Interval:
    """The mean of independent values and Student's t interval; nan among the values is left out.

    Raises ValueError where ``level`` is no share between 0 and 1.
    """
    _check_level(level)
    given = np.asarray(values, dtype=np.float64)
    given = given[~np.isnan(given)]
    if given.size < 2:
        mean = float(given[0]) if given.size else nan
        why = "one replication: no interval" if given.size else "no value: no interval"
        return Interval(mean, nan, nan, given.size, level, why)
    from scipy.special import stdtrit

    mean = float(given.mean())
    half = float(stdtrit(given.size - 1, (1.0 + level) / 2.0)) * _standard_error(given)
    return Interval(mean, mean - half, mean + half, given.size, level)


def _standard_error(values: npt.NDArray[np.float64]) -> float:
    return float(values.std(ddof=1)) / sqrt(values.size)


def _check_level(level: float) -> None:
    if not 0.0 < level < 1.0:
        raise ValueError(f"a level is a share between 0 and 1, not {level}")


def paired_difference(values: Values, baseline: Values, level: float = 0.95) -> Interval:
    """The mean of ``values - baseline``, pair by pair, with its t interval.

    The pairs are replications that share their random numbers. Raises ValueError where the two
    are not of one length.
    """
    first, second = (np.asarray(v, dtype=np.float64) for v in (values, baseline))
    if first.shape != second.shape:
        raise ValueError(f"pairs need two of each: {first.size} values and {second.size}")
    difference = first - second
    # Sums of equal parts may differ in their last bits: that is no difference.
    noise = _NOISE * np.maximum(np.abs(first), np.abs(second))
    return t_interval(np.where(np.abs(difference) <= noise, 0.0, difference), level)


def clopper_pearson(successes: int, trials: int, level: float = 0.95) -> Interval:
    """The exact interval of a share, ``successes`` out of ``trials`` independent ones.

    Raises ValueError where the numbers are no count out of a count.
    """
    _check_level(level)
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes out of {trials} trials")
    if trials == 0:
        return Interval(nan, nan, nan, 0, level)
    from scipy.special import betaincinv

    tail, failures = (1.0 - level) / 2.0, trials - successes
    low = float(betaincinv(successes, failures + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, failures, 1.0 - tail)) if failures else 1.0
    return Interval(successes / trials, low, high, trials, level)


def relative_half_width(interval: Interval) -> float:
    """The half-width as a share of the mean's size; nan where there is none or the mean is 0."""
    return interval.half_width / abs(interval.mean) if interval.mean else nan
