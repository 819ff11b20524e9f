"""Figures of a comparison: of the three measures, of what lies behind them, of the trade-off.

Every figure carries its message without the text around it: units on every axis, intervals on
every sampled number, nothing that rests on colour alone. They are made with Matplotlib's objects
and leave no state behind; the PNG files carry no date, so the same comparison gives the same
bytes (with the same version of Matplotlib).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import isnan, nan
from pathlib import Path
from typing import TYPE_CHECKING

from simkit.measures.intervals import Interval
from simkit.measures.leakage import AS_IS, DISGUISED
from simkit.show.columns import exact, number
from simkit.show.courses import answers, over_time
from simkit.show.drawing import arms, errors, names, runs, sheet
from simkit.show.figures_load import load
from simkit.show.hurt import hurt
from simkit.show.labels import Place, label_points
from simkit.show.pareto import front
from simkit.show.style import BLUE, GREY, LABEL, ORANGE, SMALL, bare, drawn, sign
from simkit.study.compare import Comparison
from simkit.study.outcome import ALL_HONEST, ALL_HOSTILE, SERVER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SECRETS = {
    ("path", AS_IS): "Path: forbidden, open, absent?\nasked by a scanner as it is",
    ("path", DISGUISED): "Path: forbidden, open, absent?\nasked with a browser's agent",
    ("rule", AS_IS): "Which rule refused me?\n",
    ("presence", AS_IS): "Nobody, a closed port,\nor this server?",
}

__all__ = ["FIGURES", "harm", "leakage", "load", "save_figures", "trade_off"]


def leakage(found: Comparison) -> Figure:
    """How often an attacker's best guess is right, for each secret and strategy."""
    known = [k for k in SECRETS if all(found.leak(s, *k) for s in found.strategies)]
    rows = len(found.strategies)
    title = "Information leakage: how often does an attacker's best guess come true?"
    figure = sheet(2.9 * max(2, len(known)), 1.6 + 0.34 * rows, title)
    if not known:
        figure.text(0.5, 0.5, "the scenario names no probes", ha="center", fontsize=LABEL)
        return figure
    panels = figure.subplots(1, len(known), sharey=True, squeeze=False)[0]
    for axes, (secret, attacker) in zip(panels, known, strict=True):
        _leak_panel(axes, found, secret, attacker)
    figure.supxlabel(
        "right guesses after one probe, % (Bayes vulnerability; hatched: what the probe adds; "
        "dashed: guessing blind)",
        fontsize=SMALL,
    )
    return figure


def _leak_panel(axes: Axes, found: Comparison, secret: str, attacker: str) -> None:
    leaks = [found.leak(s, secret, attacker) for s in found.strategies]
    before = [100.0 * leak.prior_vulnerability for leak in leaks if leak is not None]
    after = [100.0 * leak.posterior_vulnerability for leak in leaks if leak is not None]
    rows = range(len(after))
    gain = [b - a for a, b in zip(before, after, strict=True)]
    axes.barh(rows, before, height=0.62, color="#BBBBBB")
    axes.barh(rows, gain, left=before, height=0.62, color=ORANGE, hatch="////", edgecolor="white")
    axes.axvline(before[0], color=GREY, linestyle="--", linewidth=1.0)
    for row, value in zip(rows, after, strict=True):
        axes.text(value + 2.0, row, f"{value:.0f}", va="center", fontsize=LABEL)
    axes.set_title(SECRETS[secret, attacker], fontsize=LABEL, loc="left")
    bare(axes, names(found))
    axes.set_xlim(0, 118)
    axes.set_xticks(range(0, 101, 25))


def harm(found: Comparison) -> Figure:
    """Whose wishes end wrongly: honest ones turned away, hostile ones served, by cohort."""
    honest = found.cohorts(honest=True)
    hostile = [c for c in found.cohorts(honest=False) if c not in found.unservable]
    rows = len(honest) + len(hostile)
    across = min(4, len(found.strategies))
    down = -(-len(found.strategies) // across)
    title = "False drops and misses: whose wishes end wrongly?"
    figure = sheet(2.0 + 2.0 * across, 1.1 + down * (0.6 + 0.21 * rows), title)
    grid = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, strategy in zip(grid, found.strategies, strict=False):
        _harm_panel(axes, found, strategy, honest, hostile)
    for axes in grid[len(found.strategies) :]:
        axes.set_visible(False)
    _harm_legend(figure, found)
    return figure


def _harm_panel(
    axes: Axes, found: Comparison, strategy: str, honest: Sequence[str], hostile: Sequence[str]
) -> None:
    dropped = [found.interval(strategy, "false_drops_per_wish", c) for c in honest]
    missed = [found.interval(strategy, "misses", c) for c in hostile]
    rows = range(len(honest) + len(hostile))
    _bars(axes, rows[: len(honest)], dropped, BLUE, "")
    _bars(axes, rows[len(honest) :], missed, ORANGE, "////")
    axes.axhline(len(honest) - 0.5, color=GREY, linewidth=0.8)
    axes.set_title(drawn(strategy), fontsize=LABEL, loc="left", fontweight="bold")
    bare(axes, [drawn(c).replace("_", " ") for c in (*honest, *hostile)])
    axes.set_xlim(0, 122)
    axes.set_xticks(range(0, 101, 25))


def _bars(
    axes: Axes, rows: Sequence[int], values: Sequence[Interval], colour: str, hatch: str
) -> None:
    """Horizontal bars with their intervals; a missing number is said, a zero is written."""
    means = [0.0 if isnan(v.mean) else v.mean for v in values]
    axes.barh(rows, means, height=0.66, color=colour, hatch=hatch, edgecolor="white", linewidth=0)
    errors(axes, rows, values)
    for row, value in zip(rows, values, strict=True):
        end = value.high if value.known else value.mean
        text = "no wish ended" if isnan(value.mean) else number(value.mean)
        place = 0.0 if isnan(value.mean) else end
        axes.text(place + 2.0, row, text, va="center", fontsize=SMALL - 1.0)


def _harm_legend(figure: Figure, found: Comparison) -> None:
    from matplotlib.patches import Patch

    miss = Patch(facecolor=ORANGE, hatch="////", edgecolor="white", label="hostile: served (miss)")
    drop = Patch(facecolor=BLUE, label="honest: refused and never served (false drop)")
    figure.legend(
        handles=[drop, miss],
        loc="outside lower center",
        ncols=2,
        fontsize=LABEL,
        frameon=False,
        title=f"% of the cohort's wishes that ended; {runs(found)}",
        title_fontsize=SMALL,
    )


Number = Callable[[str], Interval]


def trade_off(found: Comparison) -> Figure:
    """Each strategy's false drops against misses, leakage and load: lower left is better."""
    figure = sheet(10.0, 7.2, "The trade-off: towards the lower left is better on both counts")
    against = list(_against(found))
    panels = figure.subplots(-(-len(against) // 2), 2, sharex=True, squeeze=False)
    for axes, (label, values) in zip(panels.ravel(), against, strict=True):
        _scatter(axes, found, values)
        axes.set_ylabel(label, fontsize=LABEL)
    for axes in panels[-1]:
        axes.set_xlabel("false drops, % of honest wishes", fontsize=LABEL)
    figure.supxlabel(runs(found), fontsize=SMALL)
    figure.draw_without_rendering()
    for axes, (_, values) in zip(panels.ravel(), against, strict=True):
        label_points(axes, _places(found, values))
    return figure


def _against(found: Comparison) -> Iterator[tuple[str, Number]]:
    """What false drops are held against: a label with its unit, and the numbers."""
    yield "misses, % of hostile wishes", lambda s: found.interval(s, "misses", ALL_HOSTILE)
    yield "load, % of one core", lambda s: found.interval(s, "cpu_share", SERVER)
    for secret, text in (("path", "path, to a scanner"), ("rule", "rule that refused")):
        if all(found.leak(s, secret, AS_IS) for s in found.strategies):
            yield f"leakage ({text}), % right guesses", _vulnerability(found, secret)


def _vulnerability(found: Comparison, secret: str) -> Number:
    def value(strategy: str) -> Interval:
        leak = found.leak(strategy, secret, AS_IS)
        return exact(100.0 * leak.posterior_vulnerability if leak is not None else nan)

    return value


def _drops(found: Comparison, strategy: str) -> Interval:
    return found.interval(strategy, "false_drops_per_wish", ALL_HONEST)


def _places(found: Comparison, values: Number) -> list[Place]:
    """Where the points of a panel are, without those that have no number."""
    points = [(_drops(found, s), values(s), drawn(s)) for s in found.strategies]
    return [p for p in points if not isnan(p[0].mean) and not isnan(p[1].mean)]


def _scatter(axes: Axes, found: Comparison, values: Number) -> None:
    for index, strategy in enumerate(found.strategies):
        across, up, look = _drops(found, strategy), values(strategy), sign(index)
        axes.errorbar(
            [across.mean],
            [up.mean],
            xerr=arms([across]),
            yerr=arms([up]),
            fmt=look.marker,
            color=look.colour,
            markersize=8.0,
            markeredgecolor="black",
            markeredgewidth=0.7,
            elinewidth=1.0,
            capsize=2.0,
        )
    bare(axes, grid="both")
    axes.margins(0.15)
    axes.set_ylim(bottom=0.0)


FIGURES: dict[str, Callable[[Comparison], Figure]] = {
    "leakage": leakage,
    "harm": harm,
    "hurt": hurt,
    "load": load,
    "over-time": over_time,
    "answers": answers,
    "trade-off": trade_off,
    "front": front,
}
"""Each figure by the name of its file."""


def save_figures(found: Comparison, folder: Path) -> tuple[Path, ...]:
    """Write every figure of `FIGURES` as PNG into the folder; the paths written."""
    folder.mkdir(parents=True, exist_ok=True)
    return tuple(_save(make(found), folder / f"{name}.png") for name, make in FIGURES.items())


def _save(figure: Figure, path: Path) -> Path:
    figure.savefig(path, metadata={"Software": None})
    return path
