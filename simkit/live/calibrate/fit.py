"""From measurements to prices: CPU = Σ wake-ups and events × their cost, none below zero.

Least squares with coefficients that cannot be negative (Lawson and Hanson 1974, chapter 23, by
`scipy.optimize.nnls`), on rows divided by what was measured: what is small is fitted as closely,
in relative terms, as what is large. What costs more after a pause (`cases.COOLED`) has a price for
the shortest pause and a growth from each pause to the next, which is not negative either; a pause
between two of them shares its count in the way in which the simulator draws its line
(`simkit.host.cooling`). Wake-ups are shared by all traffic, for the simulated worker has one price
of them (`simkit.host.worker`).

Fitted are the loads that tell these things apart: requests that waited together, and single ones
after given pauses. What is found for the others is a prediction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median, median_low

import numpy as np

from simkit.live.calibrate.cases import COOLED, EVENTS, LOADS, PAUSED, PAUSES_US, WAKE_UP
from simkit.live.calibrate.measuring import Measurement

__all__ = ["Cost", "Fit", "after", "fit", "predicted_us", "solve"]

_FITTED = frozenset(load.name for load in (*LOADS, *PAUSED) if load.held or load.pause_s)
_AT_ONCE = {load.name: load.at_once for load in (*LOADS, *PAUSED)}
_HELD = frozenset(load.name for load in LOADS if load.held)


def after(event: str, pause_us: int) -> str:
    """The name of an event's price after a pause."""
    return f"{event} after {pause_us / 1000:g} ms"


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
    """Prices by event, or by event and pause, and the relative residuals (fitted − measured).

    ``residuals[case][load]`` is that of the typical measurement: of the repeats of a case under a
    load the one with the median CPU time for a request.
    """

    costs: dict[str, Cost]
    residuals: dict[str, dict[str, float]]

    def flat(self, *, fitted: bool) -> list[float]:
        """The residuals of the loads that were fitted, or of those that were not."""
        rows = (row for loads in self.residuals.values() for row in loads.items())
        return [residual for load, residual in rows if (load in _FITTED) is fitted]

    @property
    def rms_residual(self) -> float:
        """The root of the mean square of the residuals of what was fitted."""
        return float(np.sqrt(np.mean(np.square(self.flat(fitted=True)))))

    @property
    def largest_residual(self) -> float:
        """The one of these that is farthest from zero."""
        return max(self.flat(fitted=True), key=abs)


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

    fitted = [m for m in measured if m.load in _FITTED]
    counts = [_grown(_counts(m)) for m in fitted]
    names = [name for name in _names() if any(name in c for c in counts)]
    rows = np.array(
        [[c.get(n, 0.0) / m.cpu_us for n in names] for m, c in zip(fitted, counts, strict=True)]
    )
    scale = np.linalg.norm(rows, axis=0)
    scale[scale == 0] = 1.0
    found, _ = nnls(rows / scale, np.ones(len(rows)))
    return _summed({name: float(us) for name, us in zip(names, found / scale, strict=True)})


def predicted_us(measured: Measurement, prices: dict[str, float]) -> float:
    """What the prices say for what was measured, in microseconds of CPU."""
    return sum(prices.get(name, 0.0) * count for name, count in _counts(measured).items())


# What happened how often, and after which pause


def _counts(measured: Measurement) -> dict[str, float]:
    """Events by the names of their prices."""
    found: dict[str, float] = defaultdict(float)
    for event, count in measured.events.items():
        if event in COOLED:
            _share(found, event, _since_us(measured), count)
        else:
            found[event] += count
    for pause_us, count in _sleeps(measured):
        _share(found, WAKE_UP, pause_us, count)
    return found


def _since_us(measured: Measurement) -> float:
    """The time since the handshake before; of several at once most come right behind another."""
    if _AT_ONCE[measured.load] > 1 or not measured.rounds:
        return 0.0
    return measured.wall_s * 1e6 / measured.rounds


def _sleeps(measured: Measurement) -> Iterator[tuple[float, float]]:
    """How long the worker slept, and how often that long: a round's first sleep and its others."""
    slept_us = max(0.0, measured.wall_s * 1e6 - measured.cpu_us)
    firsts = 0 if measured.load in _HELD else min(measured.rounds, measured.wake_ups)
    others = measured.wake_ups - firsts
    paused_us = min(measured.paused_s * 1e6, slept_us) if firsts else 0.0
    if not others:
        paused_us = slept_us  # all that the worker slept, it slept between rounds
    if firsts:
        yield paused_us / firsts, firsts
    if others:
        yield (slept_us - paused_us) / others, others


def _share(found: dict[str, float], event: str, pause_us: float, count: float) -> None:
    """Count an event after a pause for the pauses before and behind it."""
    place = float(np.interp(pause_us, PAUSES_US, range(len(PAUSES_US))))
    low = min(int(place), len(PAUSES_US) - 2)
    part = place - low
    found[after(event, PAUSES_US[low])] += count * (1 - part)
    found[after(event, PAUSES_US[low + 1])] += count * part


def _names() -> Iterator[str]:
    for event in (WAKE_UP, *EVENTS):
        if event in COOLED:
            yield from (after(event, pause_us) for pause_us in PAUSES_US)
        else:
            yield event


def _grown(counts: dict[str, float]) -> dict[str, float]:
    """Counts of growths: a price after a pause is the sum of all growths up to it."""
    found = dict(counts)
    for event in COOLED:
        total = 0.0
        for pause_us in reversed(PAUSES_US):
            name = after(event, pause_us)
            total += counts.get(name, 0.0)
            if total:
                found[name] = total
    return found


def _summed(growths: dict[str, float]) -> dict[str, float]:
    """Prices from growths."""
    found = dict(growths)
    for event in COOLED:
        price = 0.0
        for pause_us in PAUSES_US:
            name = after(event, pause_us)
            if name in growths:
                price += growths[name]
                found[name] = price
    return found


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
