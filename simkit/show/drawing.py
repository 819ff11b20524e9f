"""What figures of a comparison have in common: the sheet, names, what bars are, error bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from simkit.measures.intervals import Interval
from simkit.show.style import DPI, TITLE, drawn, sign
from simkit.study.compare import Comparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = Sequence[float] | npt.NDArray[np.float64]

__all__ = ["arms", "errors", "names", "runs", "segment", "sheet"]


def sheet(width: float, height: float, title: str) -> Figure:
    """An empty figure of so many inches with its title."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    figure.suptitle(title, fontsize=TITLE, x=0.01, ha="left", fontweight="bold")
    return figure


def runs(found: Comparison) -> str:
    """What the error bars of a sampled figure are."""
    where = drawn(found.scenario)
    if found.replications < 2:
        return f"{where}, one replication: no intervals"
    level = f"{100 * found.level:.0f} % intervals"
    return f"{where}, bars: {level} over {found.replications} replications on the same crowd"


def names(found: Comparison) -> list[str]:
    """The strategies as they may be shown."""
    return [drawn(s) for s in found.strategies]


def segment(axes: Axes, index: int, name: str, values: Floats, start: Floats) -> None:
    """One segment of stacked horizontal bars, a bar for each strategy, from ``start`` on."""
    look = sign(index + 1)
    axes.barh(
        range(len(values)),
        values,
        left=start,
        height=0.62,
        color=look.colour,
        hatch=look.hatch,
        edgecolor="white",
        linewidth=0.4,
        label=name,
    )


def errors(axes: Axes, rows: Sequence[int], values: Sequence[Interval]) -> None:
    """Error bars of horizontal bars, where there are intervals."""
    known = [(row, v) for row, v in zip(rows, values, strict=True) if v.known]
    if known:
        axes.errorbar(
            [v.mean for _, v in known],
            [row for row, _ in known],
            xerr=arms([v for _, v in known]),
            fmt="none",
            ecolor="black",
            elinewidth=0.9,
            capsize=1.8,
        )


def arms(values: Sequence[Interval]) -> list[list[float]]:
    """The lengths of the error bars below and above, as Matplotlib wants them."""
    below = [v.mean - v.low if v.known else 0.0 for v in values]
    return [below, [v.high - v.mean if v.known else 0.0 for v in values]]
