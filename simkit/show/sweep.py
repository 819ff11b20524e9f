"""A sweep for people: for each varied parameter a table and a figure, a line for each strategy.

What is shown depends on one parameter at a time. Where a study varies several, a number is the
mean over all values of the others, each counting the same; the files of the study hold every
point by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

from simkit.errors import printable
from simkit.measures.intervals import Interval
from simkit.measures.leakage import AS_IS
from simkit.show.columns import exact, number
from simkit.show.console import make_console
from simkit.show.style import DPI, GREY, LABEL, SMALL, TITLE, Sign, bare, drawn, sign
from simkit.study.outcome import ALL_HONEST, ALL_HOSTILE, MEASURES, SERVER, unit_of
from simkit.study.sweep.findings import Sweep
from simkit.study.sweep.grid import Axis, Value, as_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

_ACROSS = 3
_LINES = ("-", "--", "-.", ":")
_APART = 0.012  # of the axis, between the points of strategies that stand at the same value
_WIDE = 8.0  # values that differ by more than this factor stand on a logarithmic axis
_NARROWEST = 9  # columns of text for a value

__all__ = ["Headline", "headlines", "print_sweep", "save_figures", "sweep_figure", "sweep_table"]


@dataclass(frozen=True, slots=True)
class Headline:
    """A number worth a panel: a measure of a cohort, or (``secret``) what an attacker learns."""

    title: str
    unit: str
    measure: str = ""
    cohort: str = ""
    secret: str = ""

    def at(self, found: Sweep, strategy: str, axis: int, position: int) -> Interval:
        """The number of a strategy at one value of a parameter."""
        if self.secret:
            return exact(found.vulnerability(strategy, axis, position, self.secret, AS_IS))
        return found.interval(strategy, axis, position, self.measure, self.cohort)


_USUAL = (
    Headline("Leakage: is a path forbidden, open, absent?", "% right guesses", secret="path"),
    Headline("False drops", "% of honest wishes", "false_drops_per_wish", ALL_HONEST),
    Headline("Misses", "% of hostile wishes", "misses", ALL_HOSTILE),
    Headline("Load", "% of one core", "cpu_share", SERVER),
    Headline("Wait of served honest wishes, 95 %", "ms", "honest_wish_p95_ms", SERVER),
)


def headlines(found: Sweep) -> tuple[Headline, ...]:
    """The measures that the study asks for, or else the usual ones that have numbers."""
    asked = found.study.measures
    shown = tuple(map(_asked, asked)) if asked else _USUAL
    return tuple(h for h in shown if not all(isnan(i.mean) for i in _everything(found, h)))


def _asked(name: str) -> Headline:
    measure = next((m for m in MEASURES if m.name == name), None)
    title = name.replace("_", " ").capitalize()
    if measure is None:
        return Headline(title, unit_of(name), name, SERVER)
    cohort = ALL_HOSTILE if measure.side == "hostile" else ALL_HONEST
    return Headline(f"{title} {cohort}", measure.unit, name, cohort)


def _everything(found: Sweep, headline: Headline) -> Iterator[Interval]:
    for axis, parameter in enumerate(found.study.axes):
        for strategy in found.strategies:
            for position in range(len(parameter.values)):
                yield headline.at(found, strategy, axis, position)


def print_sweep(found: Sweep, console: Console | None = None) -> None:
    """Print a table for each varied parameter, what failed, and what was warned of."""
    from rich.text import Text

    out = make_console() if console is None else console
    for axis in range(len(found.study.axes)):
        for table in _parts(found, axis, out.width):
            out.print(table)
        out.print(Text(_below(found, axis), style="dim"))
        out.print()
    if found.failed:
        out.print(_failures(found))
    for warning in found.warnings:
        out.print(Text(f"warning: {printable(warning)}", style="yellow"))


def _below(found: Sweep, axis: int) -> str:
    """What the numbers of a table are."""
    study = found.study
    runs = f"{study.replications} replications on the same crowd"
    words = [
        f"Below each number: its 95 % interval over {runs}."
        if study.replications > 1
        else "One replication has no interval."
    ]
    others = [a.path for number, a in enumerate(study.axes) if number != axis]
    if others:
        words.append(f"Means over all values of {', '.join(map(printable, others))}.")
    return " ".join(words)


def sweep_table(found: Sweep, axis: int, positions: Sequence[int] | None = None) -> Table:
    """The numbers of every strategy along one parameter, at these of its values or at all."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    parameter = found.study.axes[axis]
    shown = range(len(parameter.values)) if positions is None else positions
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, title_justify="left")
    table.title = Text(_title(found, parameter))
    table.add_column("Strategy", no_wrap=True)
    for position in shown:
        head = Text(printable(as_text(parameter.values[position])))
        table.add_column(head, justify="right", no_wrap=True)
    for headline in headlines(found):
        table.add_row(Text(f"{headline.title}, {headline.unit}", style="bold"))
        for strategy in found.strategies:
            cells = (_cell(headline.at(found, strategy, axis, p)) for p in shown)
            table.add_row(Text(f"  {printable(strategy)}"), *cells)
    return table


def _title(found: Sweep, parameter: Axis) -> str:
    study = found.study
    label = f", {printable(parameter.label)}" if parameter.label else ""
    return f"{printable(study.name)}, by {printable(parameter.path)}{label}"


def _cell(value: Interval) -> Text:
    from rich.text import Text

    text = Text(number(value.mean))
    if value.known and value.n:
        text.append(f"\n{number(value.low)}–{number(value.high)}", style="dim")
    return text


def _parts(found: Sweep, axis: int, width: int) -> Iterator[Table]:
    """The table, or parts of it below each other where the values do not fit side by side."""
    values = found.study.axes[axis].values
    first = 2 + max(len(f"{h.title}, {h.unit}") for h in headlines(found) or _USUAL)
    widest = max(_NARROWEST, *(len(printable(as_text(value))) for value in values))
    fitting = max(1, (width - first) // (widest + 2))
    for start in range(0, len(values), fitting):
        yield sweep_table(found, axis, range(start, min(start + fitting, len(values))))


def _failures(found: Sweep) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, title_justify="left")
    table.title = Text(f"{len(found.failed)} of {found.study.size} cells failed", style="bold")
    for title in ("Strategy", "Point", "Replication", "Error", "Raised at"):
        table.add_column(title, overflow="fold")
    for failed in found.failed:
        cell, failure = failed.cell, failed.failure
        texts = (cell.strategy, cell.point, str(cell.replication), failure.error, failure.where)
        table.add_row(*(Text(printable(text)) for text in texts))
    return table


def sweep_figure(found: Sweep, axis: int) -> Figure:
    """Small multiples over one parameter: a line with intervals for each strategy."""
    from matplotlib.figure import Figure

    shown = headlines(found)
    down = -(-max(len(shown), 1) // _ACROSS)
    across = min(_ACROSS, max(len(shown), 1))
    figure = Figure(figsize=(1.0 + 3.4 * across, 1.5 + 2.5 * down), dpi=DPI, layout="constrained")
    study = found.study
    title = drawn(study.title or study.name)
    figure.suptitle(title, fontsize=TITLE, x=0.01, ha="left", fontweight="bold")
    if not shown:
        figure.text(0.5, 0.5, "no cell has numbers", ha="center", fontsize=LABEL)
        return figure
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for panel, headline in zip(panels, shown, strict=False):
        _panel(panel, found, axis, headline)
    for panel in panels[len(shown) :]:
        panel.set_visible(False)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=min(len(labels), 6),
        fontsize=LABEL,
        frameon=False,
        title=_below_figure(found, axis),
        title_fontsize=SMALL,
    )
    return figure


def _below_figure(found: Sweep, axis: int) -> str:
    study = found.study
    crowd = drawn(study.points[0].scenario.name)
    runs = f"{study.replications} replications on the same crowd"
    bars = f"bars: 95 % intervals over {runs}" if study.replications > 1 else "no intervals"
    others = [drawn(a.path) for number, a in enumerate(study.axes) if number != axis]
    means = f"; means over all values of {', '.join(others)}" if others else ""
    return f"{crowd}, {bars}{means}"


def _panel(axes: Axes, found: Sweep, axis: int, headline: Headline) -> None:
    parameter = found.study.axes[axis]
    places = _places(parameter.values)
    for index, strategy in enumerate(found.strategies):
        values = [headline.at(found, strategy, axis, position) for position in range(len(places))]
        aside = _APART * (index - (len(found.strategies) - 1) / 2.0)
        _line(axes, _shifted(places, aside), values, sign(index), _LINES[index % len(_LINES)])
        axes.containers[-1].set_label(drawn(strategy))
    bare(axes, grid="y")
    axes.set_title(headline.title, fontsize=LABEL, loc="left")
    axes.set_ylabel(headline.unit, fontsize=LABEL)
    axes.set_ylim(bottom=0.0)
    _scale(axes, parameter, places)


def _line(
    axes: Axes, places: Sequence[float], values: Sequence[Interval], look: Sign, line: str
) -> None:
    axes.errorbar(
        places,
        [value.mean for value in values],
        yerr=[
            [value.mean - value.low if value.known else 0.0 for value in values],
            [value.high - value.mean if value.known else 0.0 for value in values],
        ],
        color=look.colour,
        marker=look.marker,
        linestyle=line,
        linewidth=1.2,
        markersize=4.5,
        markeredgecolor="black",
        markeredgewidth=0.5,
        elinewidth=1.0,
        capsize=2.0,
    )


def _shifted(places: Sequence[float], share: float) -> list[float]:
    """Places a share of the axis further to the right, so that all bars can be seen."""
    low, high = min(places), max(places)
    if _is_wide(places):
        return [place * (high / low) ** share for place in places]
    return [place + share * ((high - low) or 1.0) for place in places]


def _is_wide(places: Sequence[float]) -> bool:
    """Whether a logarithmic axis shows the places better."""
    return min(places) > 0.0 and max(places) / min(places) > _WIDE


def _places(values: Sequence[Value]) -> list[float]:
    """Where values stand: at themselves if all are numbers, else one after the other."""
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
        return [float(position) for position in range(len(values))]
    return [float(value) for value in values]


def _scale(axes: Axes, parameter: Axis, places: Sequence[float]) -> None:
    from matplotlib.ticker import NullFormatter, NullLocator

    if _is_wide(places):
        axes.set_xscale("log")
    texts = [drawn(as_text(value)) for value in parameter.values]
    axes.set_xticks(places, texts)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    if max(map(len, texts)) > 6:
        axes.tick_params(axis="x", labelrotation=30)
    axes.set_xlabel(drawn(parameter.title), fontsize=LABEL)
    axes.spines["bottom"].set_color(GREY)


def save_figures(found: Sweep, folder: Path) -> tuple[Path, ...]:
    """Write the figure of each varied parameter as PNG into the folder; the paths written."""
    folder.mkdir(parents=True, exist_ok=True)
    return tuple(_save(found, axis, folder) for axis in range(len(found.study.axes)))


def _save(found: Sweep, axis: int, folder: Path) -> Path:
    name = "".join(c if c.isalnum() else "-" for c in found.study.axes[axis].path)
    path = folder / f"by-{name}.png"
    sweep_figure(found, axis).savefig(path, metadata={"Software": None})
    return path
