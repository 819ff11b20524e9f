"""From measurements to prices: CPU = wake-ups × a + Σ events × their cost, none below zero.

Least squares with coefficients that cannot be negative (Lawson and Hanson 1974, chapter 23, by
`scipy.optimize.nnls`), on rows divided by what was measured: what is small is fitted as closely,
in relative terms, as what is large. One price of a wake-up is shared by all traffic, for the
simulated worker has one (`simkit.host.worker`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median, median_low

import numpy as np

from simkit.live.calibrate.cases import EVENTS
from simkit.live.calibrate.measuring import Measurement

__all__ = ["WAKE_UP", "Cost", "Fit", "fit", "solve"]

WAKE_UP = "wake_up"


@dataclass(frozen=True, slots=True)
class Cost:
    """A price in microseconds: the median over the repeats, the least and the most of them."""

    us: float
    low_us: float
    high_us: float

    @property
    def spread(self) -> float:
        """Half the range over the repeats, as a share of the price; 0 where that is 0."""
        return (self.high_us - self.low_us) / 2 / self.us if self.us else 0.0

    @property
    def told(self) -> bool:
        """Whether it can be told from nothing: half the range is less than the price."""
        return self.us > 0 and self.spread < 1


@dataclass(frozen=True, slots=True)
class Fit:
    """Prices by event, `WAKE_UP` among them, and the relative residuals (fitted − measured).

    ``residuals[case][load]`` is that of the typical measurement: of the repeats of a case under a
    load the one with the median CPU time for a request.
    """

    costs: dict[str, Cost]
    residuals: dict[str, dict[str, float]]

    @property
    def rms_residual(self) -> float:
        """The root of the mean square of the residuals."""
        flat = [r for loads in self.residuals.values() for r in loads.values()]
        return float(np.sqrt(np.mean(np.square(flat))))

    @property
    def largest_residual(self) -> float:
        """The residual that is farthest from zero."""
        flat = (r for loads in self.residuals.values() for r in loads.values())
        return max(flat, key=abs)


def fit(measured: Sequence[Measurement]) -> Fit:
    """Fit each repeat for itself; a price is the median over them.

    So what is a difference of two kinds of traffic is taken between measurements that lie seconds
    apart, and a repeat that was disturbed moves nothing. Raises ValueError where there are none.
    """
    if not measured:
        raise ValueError("nothing was measured")
    single = [solve(rows) for rows in _by_repeat(measured)]
    costs: dict[str, Cost] = {}
    for name in single[0]:
        found = [prices[name] for prices in single]
        costs[name] = Cost(median(found), min(found), max(found))
    prices = {name: cost.us for name, cost in costs.items()}
    residuals: dict[str, dict[str, float]] = defaultdict(dict)
    for row in _typical(measured):
        residuals[row.case][row.load] = predicted_us(row, prices) / row.cpu_us - 1
    return Fit(costs, dict(residuals))


def solve(measured: Sequence[Measurement]) -> dict[str, float]:
    """The prices in microseconds that fit these best, of all events that happened."""
    from scipy.optimize import nnls

    names = [WAKE_UP, *(e for e in EVENTS if any(m.events.get(e) for m in measured))]
    rows = np.array([[_count(m, name) / m.cpu_us for name in names] for m in measured])
    scale = np.linalg.norm(rows, axis=0)
    scale[scale == 0] = 1.0
    found, _ = nnls(rows / scale, np.ones(len(rows)))
    return {name: float(us) for name, us in zip(names, found / scale, strict=True)}


def predicted_us(measured: Measurement, prices: dict[str, float]) -> float:
    """What the prices say for what was measured, in microseconds of CPU."""
    return sum(us * _count(measured, name) for name, us in prices.items())


def _count(measured: Measurement, name: str) -> float:
    return measured.wake_ups if name == WAKE_UP else measured.events.get(name, 0.0)


def _typical(measured: Iterable[Measurement]) -> list[Measurement]:
    """Of the repeats of each case and load the one with the median CPU time for a request."""
    groups: dict[tuple[str, str], list[Measurement]] = defaultdict(list)
    for one in measured:
        groups[one.case, one.load].append(one)
    return [_median(group) for group in groups.values()]


def _median(group: Sequence[Measurement]) -> Measurement:
    middle = median_low(one.cpu_us_per_request for one in group)
    return next(one for one in group if one.cpu_us_per_request == middle)


def _by_repeat(measured: Iterable[Measurement]) -> list[list[Measurement]]:
    groups: dict[int, list[Measurement]] = defaultdict(list)
    for one in measured:
        groups[one.repeat].append(one)
    return list(groups.values())
