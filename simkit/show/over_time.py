"""Load over time, and warm-up: figures of runs, not of comparisons.

Parts of a stack have hatches and lines have markers, so both can be read in grey.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from simkit.measures.over_time import OverTime, over_time
from simkit.measures.phases import Phase, phases
from simkit.measures.statistics import WarmUp, mser5, welch
from simkit.show.style import (
    BLACK,
    BLUE,
    DPI,
    GREEN,
    GREY,
    LABEL,
    ORANGE,
    SMALL,
    TITLE,
    VERMILION,
    bare,
    drawn,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from simkit.engine.run import Run
    from simkit.traffic import Scenario

_LOOKS = ((BLUE, ""), (ORANGE, "////"), (VERMILION, "...."), (GREEN, "xxxx"))

__all__ = ["load_over_time", "warm_up_figure"]


def _figure(width: float, height: float, title: str) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    figure.suptitle(title, fontsize=TITLE, x=0.01, ha="left", fontweight="bold")
    return figure


def load_over_time(run: Run, scenario: Scenario, bin_s: float | None = None) -> Figure:
    """Requests by what came of them and the latency of honest wishes, phase by phase.

    ``bin_s`` is the length of a bin; None takes a sixtieth of the window.
    """
    found = over_time(run, bin_s or scenario.length_s / 60.0)
    name = f"{drawn(run.scenario)} under {drawn(run.strategy)}"
    figure = _figure(10.5, 5.6, f"Load over time: {name}")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    _requests(above, found)
    _waits(below, found)
    _phases(above, below, phases(scenario))
    below.set_xlabel(
        f"time, s (bins of {found.bin_s:g} s; one run, seed {run.seed}, replication "
        f"{run.replication}: no intervals)",
        fontsize=LABEL,
    )
    return figure


def _requests(axes: Axes, found: OverTime) -> None:
    floor = np.zeros_like(found.starts_s)
    for (name, rate), (colour, hatch) in zip(found.requests_per_s.items(), _LOOKS, strict=True):
        if rate.any():
            axes.bar(
                found.starts_s,
                rate,
                found.bin_s,
                bottom=floor,
                align="edge",
                color=colour,
                hatch=hatch,
                edgecolor="white",
                linewidth=0.3,
                label=name,
            )
            floor = floor + rate
    bare(axes, grid="y")
    axes.set_ylim(0.0, 1.35 * float(floor.max()) or 1.0)
    axes.set_ylabel("requests sent, 1/s", fontsize=LABEL)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(
        handles,
        labels,
        fontsize=SMALL,
        ncols=4,
        frameon=False,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
    )


def _waits(axes: Axes, found: OverTime) -> None:
    middle = found.starts_s + found.bin_s / 2.0
    for values, label, marker, colour in (
        (found.wish_p50_ms, "median", "o", "white"),
        (found.wish_p95_ms, "95 %", "s", BLUE),
    ):
        axes.plot(
            middle,
            values,
            color=BLACK,
            linewidth=0.8,
            marker=marker,
            markersize=4.0,
            markerfacecolor=colour,
            markeredgecolor=BLACK,
            label=label,
        )
    bare(axes, grid="y")
    axes.set_ylim(bottom=0.0)
    axes.set_ylabel("honest wishes,\nuntil served, ms", fontsize=LABEL)
    axes.legend(fontsize=SMALL, ncols=2, frameon=False, loc="upper left")


_LEVELS = 3  # labels of lines that stand close together are set one below the other


def _phases(above: Axes, below: Axes, found: Sequence[Phase]) -> None:
    """Lines where something begins or ends, and what."""
    top, end = above.get_ylim()[1], found[-1].until_s
    above.set_xlim(0.0, end)
    for number, (before, phase) in enumerate(pairwise(found)):
        for axes in (above, below):
            axes.axvline(phase.from_s, color=GREY, linestyle="--", linewidth=0.8)
        above.text(
            phase.from_s + 0.004 * end,
            top * (0.98 - 0.07 * (number % _LEVELS)),
            _change(before, phase),
            va="top",
            fontsize=SMALL,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )


def _change(before: Phase, after: Phase) -> str:
    begun = [f"{drawn(n)} begins" for n in after.active if n not in before.active]
    ended = [f"{drawn(n)} ends" for n in before.active if n not in after.active]
    return ", ".join((*begun, *ended))


def warm_up_figure(series: npt.NDArray[np.float64], unit: str, window: int = 25) -> Figure:
    """Welch's figure: the mean over replications (rows) and where MSER-5 cuts it.

    ``unit`` names the values and their unit; ``window`` values on each side are averaged.
    """
    mean = series.mean(axis=0)
    found = mser5(mean)
    figure = _figure(8.0, 3.6, _warm_up_title(found))
    axes = figure.subplots()
    axes.plot(mean, color="#AAAAAA", linewidth=0.6, label=f"mean of {series.shape[0]} replications")
    smooth = welch(series, window)
    axes.plot(smooth, color=BLACK, linewidth=1.6, label=f"moving average, {2 * window + 1} values")
    if found.found:
        axes.axvspan(0, found.cut, color=ORANGE, alpha=0.35, hatch="//", label="warm-up (MSER-5)")
    bare(axes, grid="y")
    axes.set_xlim(0, mean.size)
    axes.set_xlabel("number of the value in its replication", fontsize=LABEL)
    axes.set_ylabel(unit, fontsize=LABEL)
    axes.legend(fontsize=SMALL, frameon=False, loc="upper right")
    return figure


def _warm_up_title(found: WarmUp) -> str:
    return f"Warm-up: {found.text}"
