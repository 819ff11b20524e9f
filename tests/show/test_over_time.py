"""Figures of runs: load over time with its phases, and Welch's figure of a warm-up."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from simkit.measures.statistics import mser5
from simkit.show.over_time import load_over_time, warm_up_figure
from simkit.wire import SightKind
from tests.made_up import made_run
from tests.measures.test_phases import STEADY, scenario

S = 1_000_000_000


def texts(figure: Figure) -> str:
    figure.draw_without_rendering()
    return "\n".join(t.get_text() for t in figure.findobj(Text) if t.get_text())


def test_load_over_time_names_phases_answers_and_units() -> None:
    windows = scenario(STEADY, {**STEADY, "from_s": 4, "until_s": 6})
    run = made_run(
        [{"sent_ns": S}, {"sent_ns": 5 * S, "refused": 1, "sight": int(SightKind.EMPTY)}],
        [{"start_ns": S, "end_ns": 2 * S, "served": 1}],
    )
    figure = load_over_time(run, windows, bin_s=1.0)
    shown = texts(figure)
    for text in (
        "b begins",
        "b ends",
        "let through and answered",
        "refused without a word",
        "1/s",
        "ms",
    ):
        assert text in shown
    assert "no answer" not in shown, "what never happens has no place in the legend"
    heights = [patch.get_height() for patch in figure.axes[0].patches]  # type: ignore[attr-defined]
    assert sum(heights) == pytest.approx(2.0)


def test_the_warm_up_is_shaded_where_the_rule_cuts() -> None:
    noise = np.random.default_rng(1).normal(size=(5, 400))
    series = noise + 30.0 * np.exp(-np.arange(400) / 20.0)
    cut = mser5(series.mean(axis=0)).cut
    figure = warm_up_figure(series, "latency, ms")
    assert f"the first {cut} of 400 values are warm-up" in texts(figure)
    (shade,) = figure.axes[0].patches
    assert shade.get_extents().width > 0
    assert "latency, ms" in texts(figure)


def test_a_series_that_does_not_settle_says_so() -> None:
    figure = warm_up_figure(np.linspace(9.0, 0.0, 200)[None], "latency, ms")
    assert "run longer" in texts(figure)
    assert not figure.axes[0].patches
