"""A run over time: small multiples on one time axis.

Who came and who was refused has a strip for each cohort, whose shade says how much: on a scale that
gets darker steadily, so it can be read in grey. What the server held and worked and how long honest
wishes took are lines, told apart by dashes and markers. While a flood comes the ground is hatched.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from simkit.measures.phases import phases
from simkit.measures.timeline import Timeline
from simkit.show.style import BLACK, BLUE, DPI, GREY, LABEL, SMALL, TITLE, VERMILION, bare, drawn
from simkit.study.one_run import OneRun
from simkit.traffic import Flood

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

_STRIP = 0.19  # inches
_LINES = (
    {"color": BLACK, "linewidth": 1.3, "linestyle": "-"},
    {"color": BLUE, "linewidth": 1.1, "linestyle": "--"},
)
_LONGEST_NAME = 24
_PALEST = 0.13

__all__ = ["save_timeline", "timeline_figure"]


def save_timeline(found: OneRun, path: Path) -> Path | None:
    """Write the figure as PNG; None where the run has no rows and so no timeline."""
    if found.timeline is None:
        return None
    timeline_figure(found, found.timeline).savefig(path, metadata={"Software": None})
    return path


def timeline_figure(found: OneRun, told: Timeline) -> Figure:
    """Who came, who was refused, connections, CPU and the latency of honest wishes over time."""
    from matplotlib.figure import Figure

    strips = _STRIP * len(found.run.cohorts) + 0.25
    heights = (strips, strips, 1.25, 1.0, 1.25)
    figure = Figure(figsize=(10.5, sum(heights) + 2.2), dpi=DPI, layout="constrained")
    figure.suptitle(_title(found), fontsize=TITLE, x=0.01, ha="left", fontweight="bold")
    came, refused, held, cpu, waits = figure.subplots(5, 1, sharex=True, height_ratios=heights)
    _came(came, found, told)
    _refused(refused, found, told)
    _held(held, found, told)
    _cpu(cpu, told)
    _waits(waits, told)
    _floods(found, (came, refused), (held, cpu, waits), named=cpu)
    waits.set_xlim(0.0, found.scenario.length_s)
    waits.set_xlabel(
        f"time, s (bins of {told.bin_s:g} s; one run, seed {found.run.seed}: no intervals)",
        fontsize=LABEL,
    )
    figure.align_ylabels([held, cpu, waits])
    return figure


def _title(found: OneRun) -> str:
    return f"One run over time: {drawn(found.run.scenario)} under {drawn(found.run.strategy)}"


# Strips


def _came(axes: Axes, found: OneRun, told: Timeline) -> None:
    from matplotlib.colors import LogNorm

    rates = np.where(told.arrivals_per_s > 0.0, told.arrivals_per_s, np.nan)
    norm = LogNorm(1.0 / told.bin_s, max(float(np.nanmax(rates)), 2.0 / told.bin_s))
    drawn = _strips(axes, found, told, rates)
    drawn.set(cmap=_from("Blues"), norm=norm)
    _scale(axes, drawn, "requests/s")
    total = found.run.requests["sent_ns"].size
    _headline(axes, f"Who came: {total:,} requests (✗: hostile; white: none)")


def _refused(axes: Axes, found: OneRun, told: Timeline) -> None:
    drawn = _strips(axes, found, told, np.maximum(told.refused_percent, 0.0))
    drawn.set(cmap=_from("Oranges"), clim=(0.0, 100.0))
    _scale(axes, drawn, "% refused")
    total = int(found.run.requests["refused"].sum())
    _headline(axes, f"Who was refused: {total:,} requests (white: nothing was asked)")


def _strips(axes: Axes, found: OneRun, told: Timeline, values: npt.NDArray[np.float64]) -> QuadMesh:
    edges = np.append(told.starts_s, found.scenario.length_s)
    rows = np.arange(len(found.run.cohorts) + 1) - 0.5
    drawn = axes.pcolormesh(edges, rows, np.ma.masked_invalid(values))
    bare(axes, [_name(c.name, honest=c.honest) for c in found.run.cohorts])
    axes.grid(visible=False)
    axes.tick_params(axis="y", labelsize=SMALL, length=0)
    for edge in rows[1:-1]:
        axes.axhline(float(edge), color="white", linewidth=1.5)
    return drawn


def _from(name: str) -> Colormap:
    """A map of colours without its lightest ones, which are hard to tell from the ground."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    return ListedColormap(colormaps[name](np.linspace(_PALEST, 1.0, 256)))


def _name(name: str, *, honest: bool) -> str:
    shown = drawn(name)
    short = shown if len(shown) <= _LONGEST_NAME else f"{shown[: _LONGEST_NAME - 1]}…"
    return short if honest else f"{short}  ✗"


def _scale(axes: Axes, drawn: QuadMesh, label: str) -> None:
    bar = axes.figure.colorbar(drawn, ax=axes, pad=0.01, aspect=12, fraction=0.05)
    bar.set_label(label, fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)


# Lines


def _held(axes: Axes, found: OneRun, told: Timeline) -> None:
    for (name, values), look in zip(told.held.items(), _LINES, strict=False):
        axes.plot(told.held_s, values, label=name, **look)  # type: ignore[arg-type]
    peak = f"at most {found.run.load.get('peak_slots', 0.0):.0f} of {found.slots:,} slots"
    _line_panel(axes, "in use", f"Connections: {peak} in use at once")
    _legend(axes)


def _cpu(axes: Axes, told: Timeline) -> None:
    axes.stairs(
        told.cpu_percent,
        np.append(told.starts_s, told.starts_s[-1] + told.bin_s),
        fill=True,
        color="#BBBBBB",
        edgecolor=BLACK,
        linewidth=0.8,
    )
    workers = f"{told.workers} worker{'s' if told.workers != 1 else ''}"
    text = f"CPU utilisation of {workers}: {np.mean(told.cpu_percent):.2g} % over the window"
    _line_panel(axes, "% of time", text)


def _waits(axes: Axes, told: Timeline) -> None:
    middle = told.starts_s + told.bin_s / 2.0
    shown = (
        (told.wish_p95_ms, "95 %", "s", VERMILION, "-"),
        (told.wish_p50_ms, "median", "o", "white", ":"),
    )
    for values, label, marker, colour, line in shown:
        axes.plot(
            middle,
            values,
            color=BLACK,
            linewidth=0.8,
            linestyle=line,
            marker=marker,
            markersize=3.5,
            markerfacecolor=colour,
            markeredgecolor=BLACK,
            markeredgewidth=0.6,
            label=label,
        )
    _line_panel(axes, "ms", "Honest latency: from the beginning of a wish until it was served")
    _legend(axes)


def _line_panel(axes: Axes, unit: str, text: str) -> None:
    bare(axes, grid="y")
    axes.set_ylim(bottom=0.0)
    low, high = axes.get_ylim()
    axes.set_ylim(low, 1.18 * high)
    axes.set_ylabel(unit, fontsize=LABEL)
    _headline(axes, text)


def _legend(axes: Axes) -> None:
    """Above the axes on the right, where no line runs."""
    axes.legend(
        fontsize=SMALL,
        ncols=2,
        frameon=False,
        loc="lower right",
        bbox_to_anchor=(1.0, 0.97),
        borderaxespad=0.0,
    )


def _headline(axes: Axes, text: str) -> None:
    axes.set_title(text, fontsize=LABEL, loc="left", pad=4.0)


# Floods


def _flood_times(found: OneRun) -> list[tuple[float, float, str]]:
    """From when until when there are floods, and which: times that meet with the same as one."""
    floods = {cohort.name for cohort in found.scenario.cohorts if isinstance(cohort, Flood)}
    times: list[tuple[float, float, str]] = []
    for phase in phases(found.scenario):
        here = " + ".join(name for name in phase.active if name in floods)
        if times and times[-1][1:] == (phase.from_s, here):
            times[-1] = (times[-1][0], phase.until_s, here)
        elif here:
            times.append((phase.from_s, phase.until_s, here))
    return times


def _floods(found: OneRun, strips: Sequence[Axes], lines: Sequence[Axes], named: Axes) -> None:
    """Mark a flood's bounds, hatch the ground between them, and name it in one of the panels."""
    for from_s, until_s, name in _flood_times(found):
        for axes in (*strips, *lines):
            axes.axvline(from_s, color=GREY, linestyle="--", linewidth=0.8)
            axes.axvline(until_s, color=GREY, linestyle="--", linewidth=0.8)
        for axes in lines:
            ground = axes.axvspan(from_s, until_s, facecolor="#EEEEEE", linewidth=0.0, zorder=0)
            ground.set(edgecolor="#CCCCCC", hatch="////")
        top = 0.97 * named.get_ylim()[1]
        named.text(until_s, top, f" {drawn(name)}", va="top", fontsize=SMALL, clip_on=True)
