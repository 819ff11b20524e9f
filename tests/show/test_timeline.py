"""The timeline as a figure: what stands in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from simkit.show.timeline import save_timeline, timeline_figure
from simkit.study.one_run import OneRun
from tests.study.one_run_crowd import one_run


def figure_of(found: OneRun) -> Figure:
    assert found.timeline is not None
    figure = timeline_figure(found, found.timeline)
    figure.draw_without_rendering()
    return figure


def texts(figure: Figure) -> str:
    return "\n".join(t.get_text() for t in figure.findobj(Text) if t.get_text())


@pytest.fixture(scope="module")
def figure() -> Figure:
    return figure_of(one_run())


def test_everything_is_named_with_its_unit(figure: Figure) -> None:
    shown = texts(figure)
    run = one_run().run
    for text in (
        *(c.name for c in run.cohorts),
        f"Who came: {run.requests['sent_ns'].size:,} requests",
        f"Who was refused: {run.requests['refused'].sum():,} requests",
        "requests/s",
        "% refused",
        "connection slots",
        f"at most {run.load['peak_slots']:.0f} of 64 slots",
        "CPU utilisation of 1 worker",
        "% of time",
        "Honest latency",
        "ms",
        "no intervals",
    ):
        assert text in shown


def test_strips_show_every_cohort_and_shades_get_darker(figure: Figure) -> None:
    run = one_run().run
    came, refused = (axes.findobj(QuadMesh)[0] for axes in figure.axes[:2])
    assert np.asarray(came.get_array()).shape == (len(run.cohorts), 120)
    for mesh in (came, refused):
        red, green, blue, _ = mesh.cmap(np.linspace(0.0, 1.0, 256)).T
        luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        assert (np.diff(luminance) <= 1e-9).all()
        assert luminance[0] < 0.97, "to be told from white, which says that there was nothing"
    hostile = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    marked = [name.removesuffix("  ✗") for name in hostile if name.endswith("✗")]
    assert marked == [c.name for c in run.cohorts if not c.honest]


def test_the_flood_is_hatched_where_it_is(figure: Figure) -> None:
    for axes in figure.axes[2:5]:
        hatched = [p for p in axes.findobj(Rectangle) if p.get_hatch()]
        assert [(p.get_x(), p.get_x() + p.get_width()) for p in hatched] == [(20.0, 30.0)]


def test_it_is_written_the_same_each_time_or_not_at_all(tmp_path: Path) -> None:
    paths = [save_timeline(one_run(), tmp_path / f"{n}.png") for n in (1, 2)]
    first, second = (path.read_bytes() for path in paths if path is not None)
    assert first == second
    assert save_timeline(one_run("totals"), tmp_path / "none.png") is None
    assert not (tmp_path / "none.png").exists()
