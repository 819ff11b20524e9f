"""How figures look: colours that everybody can tell apart, and a second sign beside each colour.

The colours are those of Okabe and Ito 2008, "Color Universal Design", chosen to be told apart
with any common form of colour blindness. Nothing rests on colour alone: strategies have markers,
parts of bars have hatches, so the figures can be read in grey.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from simkit.errors import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, YELLOW, BLACK = "#CC79A7", "#56B4E9", "#F0E442", "#000000"
GREY = "#666666"

COLOURS = (BLACK, BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, YELLOW)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx", "++++", "oo", "--")

DPI = 144
TITLE, LABEL, SMALL = 11.0, 9.0, 8.0
"""Sizes of text in points."""

__all__ = ["Sign", "bare", "drawn", "plain_log", "sign"]


def drawn(text: str) -> str:
    """Text of a user's for a figure: what is not printable is shown escaped, and a $ is a $."""
    return printable(text).replace("$", r"\$")


@dataclass(frozen=True, slots=True)
class Sign:
    """What stands for one of several things: a colour, and a marker or a hatch."""

    colour: str
    marker: str
    hatch: str


def sign(index: int) -> Sign:
    """The sign of the thing of that number; they repeat after eight colours."""
    return Sign(
        COLOURS[index % len(COLOURS)],
        MARKERS[index % len(MARKERS)],
        HATCHES[index % len(HATCHES)],
    )


def bare(axes: Axes, labels: Sequence[str] | None = None, *, grid: str = "x") -> None:
    """Axes with no more lines than needed; ``labels`` name the rows from the top down."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=LABEL)
    axes.grid(axis="both" if grid == "both" else grid, color="#DDDDDD", linewidth=0.6)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    if labels is not None:
        axes.set_yticks(range(len(labels)), labels)
        axes.set_ylim(len(labels) - 0.5, -0.5)


def plain_log(axes: Axes, which: Literal["x", "y"]) -> None:
    """A logarithmic axis whose ticks read 1, 2, 5, 10, 20 … and not as powers."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())
