"""Load over time and per answer, strategy by strategy, over the replications of a comparison.

Stacks have hatches and lines have markers, so both can be read in grey. Where the course of the
runs was not kept the figures say so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simkit.measures.over_time import ANSWERS
from simkit.show.drawing import segment, sheet
from simkit.show.style import BLACK, BLUE, GREY, LABEL, SMALL, bare, drawn, plain_log, sign
from simkit.study.courses import (
    P50,
    P95,
    SENT,
    Answered,
    Series,
    answer_totals,
    answered,
    series_of,
    warm_up_text,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from simkit.measures.phases import Phase
    from simkit.study.compare import Comparison

_SIGNS = (1, 2, 7, 0)
"""Of `ANSWERS`: dark, middling, light and black in grey too."""
_NOT_KEPT = "the course of these runs was not kept"

__all__ = ["answers", "over_time"]


def _empty(figure: Figure) -> Figure:
    figure.text(0.5, 0.4, _NOT_KEPT, ha="center", fontsize=LABEL)
    return figure


def over_time(found: Comparison) -> Figure:
    """What becomes of requests, and how long honest wishes take, in the course of the window."""
    rows = len(found.strategies)
    title = "Load over time: what becomes of requests, and how long do honest visitors wait?"
    figure = sheet(11.0, 1.9 + 1.15 * rows, title)
    if not found.details(found.baseline):
        return _empty(figure)
    grid = figure.subplots(rows, 2, sharex=True, sharey="col", squeeze=False)
    for (left, right), strategy in zip(grid, found.strategies, strict=True):
        series = {s.name: s for s in series_of(found, strategy)}
        _stack(left, series)
        _waits(right, series)
        left.set_title(drawn(strategy), fontsize=LABEL, loc="left", fontweight="bold", pad=2)
        for axes in (left, right):
            _mark(axes, [p.phase for p in found.details(strategy)[0].phases])
    for axes, what in zip(
        grid[0],
        ("requests sent, 1/s", "honest wishes that were served: wait, ms (log)"),
        strict=True,
    ):
        axes.legend(**_LEGEND, title=what, title_fontsize=LABEL, alignment="left")
    for axes in grid[-1]:
        axes.set_xlabel("time, s", fontsize=LABEL)
    figure.supxlabel(_foot(found), fontsize=SMALL)
    return figure


_LEGEND = {
    "fontsize": SMALL,
    "ncols": 2,
    "frameon": False,
    "loc": "lower left",
    "bbox_to_anchor": (0.0, 1.13),
}


def _stack(axes: Axes, series: dict[str, Series]) -> None:
    total = series[SENT]
    floor = np.zeros_like(total.starts_s)
    for index, name in zip(_SIGNS, ANSWERS, strict=True):
        rate, look = series[name].means, sign(index)
        axes.stairs(
            floor + rate,
            [*total.starts_s, total.starts_s[-1] + total.bin_s],
            baseline=floor,
            fill=True,
            facecolor=look.colour,
            hatch=look.hatch,
            edgecolor="white",
            linewidth=0.0,
            label=name,
        )
        floor = floor + rate
    _band(axes, total, BLACK)
    bare(axes, grid="y")
    axes.set_ylim(bottom=0.0)


def _waits(axes: Axes, series: dict[str, Series]) -> None:
    for name, marker, colour in ((P50, "o", "white"), (P95, "s", BLUE)):
        one = series[name]
        middle = one.starts_s + one.bin_s / 2.0
        axes.plot(
            middle,
            one.means,
            color=BLACK,
            linewidth=0.7,
            marker=marker,
            markersize=3.2,
            markerfacecolor=colour,
            markeredgecolor=BLACK,
            markeredgewidth=0.6,
            label=name.replace("honest wishes, ", ""),
        )
        _band(axes, one, GREY)
    bare(axes, grid="y")
    plain_log(axes, "y")


def _band(axes: Axes, series: Series, colour: str) -> None:
    """The interval of each bin as a thin bar."""
    known = [
        (start + series.bin_s / 2.0, v)
        for start, v in zip(series.starts_s.tolist(), series.values, strict=True)
        if v.known
    ]
    if known:
        # A lower end of 0 has no place on a logarithmic axis: the bar then ends below the axis.
        axes.vlines(
            [x for x, _ in known],
            [max(v.low, 1e-3) for _, v in known],
            [v.high for _, v in known],
            color=colour,
            linewidth=0.7,
            zorder=3,
        )


def _mark(axes: Axes, phases: list[Phase]) -> None:
    axes.set_xlim(0.0, phases[-1].until_s)
    for phase in phases[1:]:
        axes.axvline(phase.from_s, color=GREY, linestyle="--", linewidth=0.7)


def _foot(found: Comparison) -> str:
    phases = [p.phase for p in found.details(found.baseline)[0].phases]
    times = _who_when(phases)
    bars = (
        f"thin bars: {100 * found.level:.0f} % intervals over {found.replications} replications"
        if found.replications > 1
        else "one replication: no intervals"
    )
    lines = [f"{drawn(found.scenario)}, means of bins, {bars}"]
    if times:
        lines.append(f"dashed: {times}")
    lines.append(drawn(warm_up_text(found)))
    return "\n".join(lines)


def _who_when(phases: list[Phase]) -> str:
    """``flood from 150 to 165 s; slowloris from 30 s``: who comes and goes, and when."""
    end = phases[-1].until_s
    spans: dict[str, tuple[float, float]] = {}
    for phase in phases:
        for name in phase.active:
            spans[name] = (spans.get(name, (phase.from_s, 0.0))[0], phase.until_s)
    return "; ".join(
        f"{drawn(name)} from {a:g}{f' to {b:g}' if b < end else ''} s"
        for name, (a, b) in spans.items()
    )


_MOST = 7
_RARE = 0.002
_OTHER = "all other answers"


def answers(found: Comparison) -> Figure:
    """How many requests got which answer, and what the answers took in bytes."""
    rows = len(found.strategies)
    title = "Load per answer: what did the server say, how often, and in how many bytes?"
    figure = sheet(11.0, 2.5 + 0.42 * rows, title)
    told = answered(found)
    if not told:
        return _empty(figure)
    names = _largest(told)
    left, right = figure.subplots(1, 2, sharey=True)
    _answer_bars(left, found, told, names, "requests")
    _answer_bars(right, found, told, names, "bytes_out")
    left.set_xlabel("requests in the window, by what the access log says", fontsize=LABEL)
    right.set_xlabel("bytes sent in the window, MB, by the same answers", fontsize=LABEL)
    figure.legend(
        *left.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=4,
        fontsize=SMALL,
        frameon=False,
        title=_answers_foot(found),
        title_fontsize=SMALL,
    )
    return figure


def _answers_foot(found: Comparison) -> str:
    where = drawn(found.scenario)
    if found.replications < 2:
        return f"{where}, one replication: no intervals"
    level = f"{100 * found.level:.0f} % intervals of the sum"
    return f"{where}, bars: {level} over {found.replications} replications on the same crowd"


def _largest(told: tuple[Answered, ...]) -> list[str]:
    """The answers that most requests got, in the order of their names, and one for the rest.

    What fewer than `_RARE` of all requests got is among the rest.
    """
    total: dict[str, float] = {}
    for row in told:
        total[row.answer] = total.get(row.answer, 0.0) + row.requests.mean
    least = _RARE * sum(total.values())
    most = sorted((n for n in total if total[n] >= least), key=lambda n: -total[n])[:_MOST]
    return sorted(most) + ([_OTHER] if len(total) > len(most) else [])


def _answer_bars(
    axes: Axes, found: Comparison, told: tuple[Answered, ...], names: list[str], what: str
) -> None:
    scale = 1e6 if what == "bytes_out" else 1.0
    start = np.zeros(len(found.strategies))
    for index, name in enumerate(names):
        values = np.array([_sum(told, s, name, names, what) / scale for s in found.strategies])
        segment(axes, index, name, values, start)
        start = start + values
    for row, strategy in enumerate(found.strategies):
        value = answer_totals(found, strategy)[what]
        if value.known:
            axes.hlines(row, value.low / scale, value.high / scale, color=BLACK, linewidth=1.2)
    bare(axes, [drawn(s) for s in found.strategies])


def _sum(
    told: tuple[Answered, ...], strategy: str, name: str, names: list[str], what: str
) -> float:
    return sum(
        float(getattr(row, what).mean)
        for row in told
        if row.strategy == strategy
        if row.answer == name or (name == _OTHER and row.answer not in names)
    )
