"""Who is hurt, by cohort and rule: which line of a policy costs whom how many of its wishes."""

from __future__ import annotations

from textwrap import shorten
from typing import TYPE_CHECKING

from simkit.show.columns import number
from simkit.show.drawing import runs, sheet
from simkit.show.style import BLACK, BLUE, GREY, LABEL, SMALL, bare, drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from simkit.study.by_rule import RuleRow
    from simkit.study.compare import Comparison

LITTLE = 0.005
"""Shares of wishes below this many percent are not drawn."""
_MOST = 8
_TEXT = 34

__all__ = ["hurt"]


def hurt(found: Comparison) -> Figure:
    """For each strategy the rules that cost honest cohorts wishes, the worst first."""
    shown = {s: _worst(found, s) for s in found.strategies}
    lines = sum(max(1, len(rows)) for rows in shown.values()) + len(shown)
    title = "False drops by rule: which line of the policy costs whom?"
    figure = sheet(10.0, 1.3 + 0.235 * lines, title)
    axes = figure.subplots()
    labels: list[str] = []
    for strategy, rows in shown.items():
        _head(axes, len(labels), strategy)
        labels += ["", *(_label(row) for row in rows)] if rows else ["", "no rule costs anybody"]
        _bars(axes, len(labels) - len(rows), rows)
    bare(axes, labels)
    axes.tick_params(axis="y", length=0, labelsize=SMALL)
    axes.set_xlim(0, 112)
    axes.set_xticks(range(0, 101, 25))
    axes.set_xlabel("wishes lost to the rule, % of the cohort's wishes that ended", fontsize=LABEL)
    figure.supxlabel(f"{runs(found)}; not shown: less than {LITTLE:g} %", fontsize=SMALL)
    return figure


def _worst(found: Comparison, strategy: str) -> list[RuleRow]:
    mine = [r for r in found.rules if r.strategy == strategy and r.honest]
    told = [r for r in mine if r.dropped_share >= LITTLE]
    return sorted(told, key=lambda r: -r.dropped_share)[:_MOST]


def _label(row: RuleRow) -> str:
    rule = drawn(shorten(row.text, _TEXT, placeholder="…"))
    return f"{drawn(row.cohort)}  ←  {drawn(row.where)}  {rule}"


def _head(axes: Axes, place: int, strategy: str) -> None:
    axes.axhline(place - 0.5, color=GREY, linewidth=0.6)
    axes.text(0.5, place, drawn(strategy), va="center", fontsize=LABEL, fontweight="bold")


def _bars(axes: Axes, first: int, rows: list[RuleRow]) -> None:
    for place, row in enumerate(rows, start=first):
        share = row.share
        axes.barh(place, share.mean, height=0.62, color=BLUE)
        if share.known:
            arms = [[share.mean - share.low], [share.high - share.mean]]
            axes.errorbar(
                share.mean, place, xerr=arms, fmt="none", ecolor=BLACK, elinewidth=0.9, capsize=1.8
            )
        end = share.high if share.known else share.mean
        axes.text(end + 1.2, place, number(share.mean), va="center", fontsize=SMALL - 1.0)
