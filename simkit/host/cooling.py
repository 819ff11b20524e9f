"""Prices that grow with a pause: what has not been done for a while is no longer in the caches.

A worker that has slept for 20 ms pays three times as much for being woken as one that has slept for
a tenth of a millisecond, and a handshake a quarter to a half more where none came for as long [M].
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator

from simkit.traffic.part import NotNegative

__all__ = ["ByPause", "Cooling", "price_after"]

_NS_PER_US = 1000

Points = tuple[tuple[NotNegative, NotNegative], ...]


def _rising(points: Points) -> Points:
    pauses = [pause for pause, _ in points]
    if not points or any(a >= b for a, b in pairwise(pauses)):
        raise ValueError("must be pairs of a pause and a price, the shortest pause first")
    return points


ByPause = NotNegative | Annotated[Points, AfterValidator(_rising)]
"""Microseconds: one price, or pairs of a pause and the price after it, both in microseconds."""


def price_after(cells: Sequence[int], at: int, pause_ns: int) -> int:
    """The price after a pause, both in nanoseconds.

    From place ``at`` on ``cells`` hold the number of points, their pauses and their prices. It is
    called by compiled code as well (`simkit.engine.compiled.cooling`).
    """
    count = cells[at]
    pauses, prices = at + 1, at + 1 + count
    if pause_ns <= cells[pauses]:
        return cells[prices]
    for place in range(1, count):
        if pause_ns < cells[pauses + place]:
            before, price = cells[pauses + place - 1], cells[prices + place - 1]
            growth = (cells[prices + place] - price) * (pause_ns - before)
            return price + growth // (cells[pauses + place] - before)
    return cells[prices + count - 1]


class Cooling:
    """A price in nanoseconds by the pause before it: straight lines between points, flat beyond.

    ``cells`` is how `price_after` reads it.
    """

    __slots__ = ("cells",)

    def __init__(self, prices_us: float | Sequence[tuple[float, float]], less_ns: int = 0) -> None:
        points = [(0.0, prices_us)] if isinstance(prices_us, float | int) else prices_us
        pauses_ns = (round(pause * _NS_PER_US) for pause, _ in points)
        prices_ns = (max(0, round(price * _NS_PER_US) - less_ns) for _, price in points)
        self.cells = (len(points), *pauses_ns, *prices_ns)

    def after(self, pause_ns: int) -> int:
        """The price after a pause."""
        return price_after(self.cells, 0, pause_ns)
