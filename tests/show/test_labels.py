"""Labels cover neither each other nor the points."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simkit.measures.intervals import Interval
from simkit.show.columns import exact
from simkit.show.labels import Box, label_points


def axes() -> Axes:
    figure = Figure(figsize=(6, 4))
    found: Axes = figure.subplots()
    found.set_xlim(0, 10)
    found.set_ylim(0, 10)
    figure.draw_without_rendering()
    return found


def place(x: float, y: float, name: str) -> tuple[Interval, Interval, str]:
    return exact(x), exact(y), name


def extents(found: Axes) -> list[Box]:
    found.figure.canvas.draw()
    boxes = [t.get_window_extent() for t in found.texts]
    return [Box(b.x0, b.y0, b.x1, b.y1) for b in boxes]


def test_points_on_one_spot_share_a_label() -> None:
    found = axes()
    label_points(found, [place(5, 5, "one"), place(5, 5, "two"), place(1, 1, "three")])
    assert [t.get_text() for t in found.texts] == ["one\ntwo", "three"]


@given(st.lists(st.tuples(st.integers(2, 8), st.integers(2, 8)), min_size=2, max_size=6))
def test_labels_do_not_cover_each_other(points: list[tuple[int, int]]) -> None:
    found = axes()
    label_points(found, [place(x, y, f"strategy {i}") for i, (x, y) in enumerate(points)])
    for one, other in combinations(extents(found), 2):
        assert one.common(other) < 2.0


def test_common_area() -> None:
    box = Box(0, 0, 4, 2)
    assert box.common(Box(3, 1, 9, 9)) == 1.0
    assert box.common(Box(5, 5, 6, 6)) == 0.0
    assert box.outside(2, 2) == 4.0
