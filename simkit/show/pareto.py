"""The trade-off in one figure: every strategy in every question, who is best, who is dominated.

Rows are strategies, panels are questions, and further left is better in each. A filled point is
one that no strategy is found to be better than in that question; the others are hollow. Names of
strategies that another dominates stand in grey with the name of that other. Read in grey or in
colour it says the same.
"""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

from simkit.show.columns import number
from simkit.show.style import BLACK, BLUE, DPI, GREY, LABEL, SMALL, TITLE, bare, drawn
from simkit.study.outcome import ALL_HONEST, ALL_HOSTILE, SERVER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from simkit.measures.statistics import Criterion, Standing
    from simkit.study.compare import Comparison
    from simkit.study.pareto import Question, TradeOff


__all__ = ["front"]

_UNITS = {
    "leakage": "right guesses after\none probe, %",
    "false drops": "% of honest wishes",
    "misses": "% of hostile wishes",
    "load": "% of one core",
}


def front(found: Comparison) -> Figure:
    """The three measures and the misses side by side, with the Pareto front."""
    from matplotlib.figure import Figure

    from simkit.study.pareto import trade_off

    traded = trade_off(found)
    shown = [q for q in traded.questions if not q.tells_nothing]
    rows = len(found.strategies)
    size = (2.6 + 1.9 * max(3, len(shown)), 2.3 + 0.36 * rows)
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    figure.suptitle(_title(traded), fontsize=TITLE, x=0.01, ha="left", fontweight="bold")
    if not shown:
        text = "no two strategies could be told apart" if rows > 1 else "one strategy: no choice"
        figure.text(0.5, 0.5, text, ha="center", fontsize=LABEL)
        return figure
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axes, question in zip(panels, shown, strict=True):
        _panel(axes, question)
    _names(panels[0], traded)
    figure.supxlabel(_foot(found, traded, len(shown)), fontsize=SMALL)
    return figure


def _title(traded: TradeOff) -> str:
    everyone = [s.strategy for s in traded.standings]
    if len(traded.front) == len(everyone):
        return "The trade-off: nothing is known to be better all round"
    names = ", ".join(drawn(name) for name in traded.front)
    return f"The trade-off: choose among {names}"


def _foot(found: Comparison, traded: TradeOff, shown: int) -> str:
    level = f"{100 * found.level:.0f} %"
    bars = (
        f"bars: {level} intervals over {found.replications} replications on the same crowd"
        if found.replications > 1
        else "one replication: no intervals, nothing can be told apart"
    )
    hidden = [drawn(q.criterion.name) for q in traded.questions if q.tells_nothing]
    filled = "filled: none is found to be better in this question"
    lines = [
        f"{drawn(found.scenario)}, {bars}",
        f"{filled} (differences held together at {level}); further left is better",
    ]
    if hidden and shown:
        lines.append(f"not shown, for all are alike: {'; '.join(hidden)}")
    return "\n".join(lines)


def _panel(axes: Axes, question: Question) -> None:
    best = question.unbeaten if len(question.unbeaten) < len(question.values) else ()
    highest = 0.0
    for row, strategy in enumerate(question.values):
        value = question.interval(strategy)
        if isnan(value.mean):
            continue
        high = value.high if value.known else value.mean
        low = value.low if value.known else value.mean
        highest = max(highest, high)
        wins = strategy in best
        axes.plot([0.0, value.mean], [row, row], color="#CCCCCC", linewidth=1.2, zorder=1)
        axes.errorbar(
            [value.mean],
            [row],
            xerr=[[value.mean - low], [high - value.mean]],
            fmt="o",
            markersize=7.0,
            markerfacecolor=BLUE if wins else "white",
            markeredgecolor=BLACK,
            ecolor=BLACK,
            elinewidth=1.0,
            capsize=2.0,
        )
        axes.annotate(
            number(value.mean),
            (high, row),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
            fontweight="bold" if wins else "normal",
        )
    _frame(axes, question.criterion, highest)


def _frame(axes: Axes, criterion: Criterion, highest: float) -> None:
    bare(axes)
    axes.set_xlim(0.0, 1.4 * highest or 1.0)
    axes.set_title(_head(criterion), fontsize=LABEL, loc="left")
    axes.set_xlabel(_UNITS.get(criterion.measure, criterion.unit), fontsize=SMALL)
    axes.tick_params(axis="x", labelsize=SMALL)


def _head(criterion: Criterion) -> str:
    whom = "" if criterion.of in (ALL_HONEST, ALL_HOSTILE, SERVER) else criterion.of
    return f"{criterion.measure.capitalize()}\n{drawn(whom)}"


def _names(axes: Axes, traded: TradeOff) -> None:
    """The names of the rows, and beside those that are dominated by whom."""
    bare(axes, [_label(s) for s in traded.standings])
    axes.tick_params(axis="x", labelsize=SMALL)
    for label, standing in zip(axes.get_yticklabels(), traded.standings, strict=True):
        label.set_color(BLACK if standing.on_front else GREY)
        label.set_fontweight("bold" if standing.on_front else "normal")


def _label(standing: Standing) -> str:
    name = drawn(standing.strategy)
    if standing.dominated_by:
        return f"{name}\nworse than {drawn(standing.dominated_by[0])}"
    if standing.perhaps_by:
        return f"{name}\nperhaps worse than {drawn(standing.perhaps_by[0])}"
    return name
