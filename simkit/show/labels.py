"""Names beside points, placed so that they cover neither each other nor a point.

A greedy search after Christensen, Marks and Shieber 1995 (doi:10.1145/212332.212334), without
its refinements: each label takes the first of a fixed list of places that is free, or the one
that covers least. Points that cover each other get one label together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import cos, radians, sin
from typing import TYPE_CHECKING

from simkit.measures.intervals import Interval
from simkit.show.style import GREY, SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Place = tuple[Interval, Interval, str]
Shown = tuple[float, float, str]

_REACH_PT = (9.0, 20.0, 34.0, 50.0, 70.0)
_ANGLES = (45, 0, 315, 135, 180, 225, 90, 270)
_POINT_PT = 5.0
_SAME_PT = 8.0
_BAR_PT = 2.0
_WIDTH_OF_LETTER = 0.58
_HEIGHT_OF_LINE = 1.25

__all__ = ["Box", "label_points"]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, in points from the lower left of the axes."""

    left: float
    bottom: float
    right: float
    top: float

    def common(self, other: Box) -> float:
        """The area that two rectangles share."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(0.0, wide) * max(0.0, high)

    def outside(self, width: float, height: float) -> float:
        """The area that lies outside of axes of that size."""
        area = (self.right - self.left) * (self.top - self.bottom)
        return area - self.common(Box(0.0, 0.0, width, height))


def label_points(axes: Axes, places: Sequence[Place]) -> None:
    """Write the name of each point (x, y, name), in data coordinates, beside it.

    Where x and y have intervals, labels keep off their bars too. The layout of the figure has to
    stand: call ``figure.draw_without_rendering()`` first.
    """
    to_points = _scale(axes)
    extent = axes.get_window_extent()
    size = extent.width * to_points, extent.height * to_points
    groups = _together([(*_point(axes, x.mean, y.mean), name) for x, y, name in places])
    taken = [_around(x, y, _POINT_PT) for x, y, _ in groups]
    taken += [bar for x, y, _ in places for bar in _bars(axes, x, y)]
    for x, y, names in groups:
        box = _freest(x, y, names, taken, size)
        taken.append(box)
        _write(axes, (x, y), box, names)


def _scale(axes: Axes) -> float:
    """Points to a pixel."""
    return 72.0 / axes.figure.dpi


def _point(axes: Axes, x: float, y: float) -> tuple[float, float]:
    """Data coordinates in points from the lower left of the axes."""
    extent, scale = axes.get_window_extent(), _scale(axes)
    across, up = axes.transData.transform((x, y))
    return float(across - extent.x0) * scale, float(up - extent.y0) * scale


def _bars(axes: Axes, x: Interval, y: Interval) -> Iterator[Box]:
    """The rectangles of the error bars of a point."""
    if x.known:
        (left, up), (right, _) = _point(axes, x.low, y.mean), _point(axes, x.high, y.mean)
        yield Box(left, up - _BAR_PT, right, up + _BAR_PT)
    if y.known:
        (across, low), (_, high) = _point(axes, x.mean, y.low), _point(axes, x.mean, y.high)
        yield Box(across - _BAR_PT, low, across + _BAR_PT, high)


def _together(shown: Sequence[Shown]) -> list[tuple[float, float, list[str]]]:
    """Points with the names of all that lie within one marker of them."""
    groups: list[tuple[float, float, list[str]]] = []
    for x, y, name in shown:
        same = (g for g in groups if abs(g[0] - x) < _SAME_PT and abs(g[1] - y) < _SAME_PT)
        found = next(same, None)
        if found is None:
            groups.append((x, y, [name]))
        else:
            found[2].append(name)
    return groups


def _around(x: float, y: float, reach: float) -> Box:
    return Box(x - reach, y - reach, x + reach, y + reach)


def _candidates(x: float, y: float, names: Sequence[str]) -> list[Box]:
    wide = max(map(len, names)) * _WIDTH_OF_LETTER * SMALL
    high = len(names) * _HEIGHT_OF_LINE * SMALL
    boxes: list[Box] = []
    for reach in _REACH_PT:
        for angle in _ANGLES:
            across, up = cos(radians(angle)), sin(radians(angle))
            # The side or corner of the label that looks at the point keeps its distance.
            left = x + reach * across - wide * (1 - round(across * 1.1)) / 2.0
            bottom = y + reach * up - high * (1 - round(up * 1.1)) / 2.0
            boxes.append(Box(left, bottom, left + wide, bottom + high))
    return boxes


def _freest(
    x: float, y: float, names: Sequence[str], taken: Sequence[Box], size: tuple[float, float]
) -> Box:
    """The first place that covers nothing, or the one that covers least."""
    boxes = _candidates(x, y, names)
    return min(boxes, key=lambda box: sum(map(box.common, taken)) + box.outside(*size))


def _write(axes: Axes, point: tuple[float, float], box: Box, names: Sequence[str]) -> None:
    middle = (box.left + box.right) / 2.0, (box.bottom + box.top) / 2.0
    far = max(abs(point[0] - middle[0]) - (box.right - box.left) / 2.0, 0.0) > _REACH_PT[1] * 0.6
    far = far or abs(point[1] - middle[1]) - (box.top - box.bottom) / 2.0 > _REACH_PT[1] * 0.6
    axes.annotate(
        "\n".join(names),
        xy=point,
        xycoords="axes points",
        xytext=middle,
        textcoords="axes points",
        ha="center",
        va="center",
        fontsize=SMALL,
        arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.6} if far else None,
    ).set_in_layout(False)
