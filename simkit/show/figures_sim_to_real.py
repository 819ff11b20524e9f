"""The figure of a trial against reality: what was live to the right, what was simulated upwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from simkit.show.drawing import sheet
from simkit.show.style import GREY, LABEL, SMALL, bare, drawn, plain_log, sign

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from simkit.live.sim_to_real import Cohort, Report

__all__ = ["figure", "save_figure"]

_BAND = "#DDDDDD"


def figure(found: Report) -> Figure:
    """Three panels: shares of outcomes, attempts per wish, CPU; grey is what is allowed."""
    made = sheet(11.0, 4.3, "Against reality: the same crowd on a live nginx and in simulation")
    left, middle, right = made.subplots(1, 3)
    _shares(left, found)
    _attempts(middle, found)
    _cpu(right, found)
    right.legend(fontsize=SMALL, frameon=False, loc="lower right")
    return made


def save_figure(found: Report, path: Path) -> Path:
    """Write the figure as PNG; the path."""
    figure(found).savefig(path, metadata={"Software": None})
    return path


def _judged(found: Report, policy: str) -> Iterator[Cohort]:
    return (one for one in found.cohorts() if one.judged and one.setting.policy == policy)


def _shares(axes: Axes, found: Report) -> None:
    points = found.allowed.points
    axes.fill_between([0, 100], [-points, 100 - points], [points, 100 + points], color=_BAND, lw=0)
    for number, policy in enumerate(found.policies):
        pairs = [pair for one in _judged(found, policy) for pair in _pairs(one)]
        _dots(axes, number, policy, pairs)
    _square(axes, "Outcomes of a cohort, % (served, refused, each answer)", (0.0, 100.0))


def _pairs(one: Cohort) -> Iterator[tuple[float, float]]:
    live, simulated = one.live.shares(), one.simulated.shares()
    for name in {*live, *simulated}:
        yield 100 * live.get(name, 0.0), 100 * simulated.get(name, 0.0)


def _attempts(axes: Axes, found: Report) -> None:
    highest = 1.0
    for number, policy in enumerate(found.policies):
        pairs = [
            (one.live.attempts_per_wish, one.simulated.attempts_per_wish)
            for one in _judged(found, policy)
        ]
        highest = max([highest, *(value for pair in pairs for value in pair)])
        _dots(axes, number, policy, pairs)
    _wedge(axes, 0.8, 1.3 * highest, found.allowed.attempts)
    plain_log(axes, "x")
    plain_log(axes, "y")
    _square(axes, "Attempts per wish of a cohort", (0.8, 1.3 * highest))


def _cpu(axes: Axes, found: Report) -> None:
    values: list[float] = []
    for number, policy in enumerate(found.policies):
        pairs = [
            (median(one.live_s), median(one.simulated_s))
            for one in found.cpu()
            if one.setting.policy == policy
        ]
        values += [value for pair in pairs for value in pair]
        _dots(axes, number, policy, pairs)
    low, high = 0.7 * min(values), 1.4 * max(values)
    _wedge(axes, low, high, found.allowed.cpu)
    plain_log(axes, "x")
    plain_log(axes, "y")
    _square(axes, "CPU of the worker in a run, s", (low, high))


def _dots(axes: Axes, number: int, policy: str, pairs: list[tuple[float, float]]) -> None:
    look = sign(number)
    axes.plot(
        [live for live, _ in pairs],
        [simulated for _, simulated in pairs],
        linestyle="none",
        marker=look.marker,
        markersize=5.5,
        markerfacecolor="none",
        markeredgecolor=look.colour,
        markeredgewidth=1.1,
        label=drawn(policy),
    )


def _wedge(axes: Axes, low: float, high: float, share: float) -> None:
    ends = (low, high)
    below, above = ([end * (1 + sign * share) for end in ends] for sign in (-1, 1))
    axes.fill_between(ends, below, above, color=_BAND, lw=0)


def _square(axes: Axes, title: str, limits: tuple[float, float]) -> None:
    axes.plot(limits, limits, color=GREY, lw=0.8)
    bare(axes, grid="both")
    axes.set_xlim(*limits)
    axes.set_ylim(*limits)
    axes.set_aspect("equal")
    axes.set_title(title, fontsize=LABEL, loc="left")
    axes.set_xlabel("live", fontsize=LABEL)
    axes.set_ylabel("simulated", fontsize=LABEL)
