"""The figure of a benchmark: the engines on one queue, and the cost of a request by clients."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from simkit.bench.report import Benchmark
from simkit.bench.rows import Row
from simkit.bench.sheets import short
from simkit.show.style import LABEL, SMALL, TITLE, bare, sign

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 144
_RECORDED = {"all": "every request recorded", "totals": "totals recorded"}

__all__ = ["figure", "save_figure"]


def figure(found: Benchmark) -> Figure:
    """Two panels on logarithmic axes; nothing rests on colour alone."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(11.0, 4.4), dpi=DPI, layout="constrained")
    made.suptitle(
        "How fast: other simulators on one queue, and the whole model as the crowd grows",
        fontsize=TITLE,
        x=0.01,
        ha="left",
        fontweight="bold",
    )
    left, right = made.subplots(1, 2, width_ratios=(1.15, 1.0))
    for axes, draw, rows in ((left, _queue, found.queue), (right, _flood, found.flood)):
        measured = [row for row in rows if row.per_s]
        if measured:
            draw(axes, measured)
    return made


def save_figure(found: Benchmark, path: Path) -> Path:
    """Write the figure as PNG; the path."""
    figure(found).savefig(path, metadata={"Software": None})
    return path


def _queue(axes: Axes, rows: Sequence[Row]) -> None:
    rows = sorted(rows, key=_per_s, reverse=True)
    for place, row in enumerate(rows):
        ours = row.engine.startswith("simkit")
        axes.plot(
            _per_s(row),
            place,
            marker="D" if ours else "o",
            markersize=8 if ours else 6,
            color="black",
            markerfacecolor="black" if ours else "white",
            linestyle="none",
        )
        _say(axes, short(row.per_s), (_per_s(row), place), (9, 0), "left")
    axes.set_xscale("log")
    bare(axes, [row.engine for row in rows])
    axes.set_xlim(right=max(map(_per_s, rows)) * 6)
    axes.xaxis.set_major_formatter(_plain)
    axes.set_xlabel("requests per second of CPU time (filled: simkit)", fontsize=LABEL)
    axes.set_title("One queue (M/D/1), the same arrivals for all", fontsize=LABEL, loc="left")


def _flood(axes: Axes, rows: Sequence[Row]) -> None:
    lines: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        lines.setdefault((row.engine, row.record), []).append(row)
    for number, ((engine, record), line) in enumerate(lines.items()):
        name = engine.removeprefix("simkit, ")
        _line(axes, number, f"{name}, {_RECORDED.get(record, record)}", line)
    axes.set_xscale("log")
    axes.set_yscale("log")
    bare(axes, grid="both")
    costs = [1e6 / _per_s(row) for row in rows]
    axes.set_ylim(10 ** floor(log10(min(costs)) - 0.1), 10 ** ceil(log10(max(costs)) + 0.1))
    axes.margins(x=0.12)
    axes.xaxis.set_major_formatter(_plain)
    axes.yaxis.set_major_formatter(_plain)
    axes.set_xlabel("clients", fontsize=LABEL)
    axes.set_ylabel("µs of CPU time per request", fontsize=LABEL)
    axes.set_title("The whole model: a flood of 20,000 requests/s", fontsize=LABEL, loc="left")
    axes.legend(fontsize=SMALL, frameon=False, loc="best")


def _line(axes: Axes, number: int, label: str, rows: Sequence[Row]) -> None:
    """The cost of a request by clients; of several rows with as many, that of most requests."""
    by_clients = {row.size: row for row in sorted(rows, key=lambda row: row.requests)}
    found = {clients: 1e6 / _per_s(by_clients[clients]) for clients in sorted(by_clients)}
    look = sign(number)
    axes.plot(
        list(found),
        list(found.values()),
        marker=look.marker,
        color=look.colour,
        linestyle=("-", "--", ":", "-.")[number % 4],
        label=label,
    )
    for clients, cost in found.items():
        _say(axes, short(cost), (clients, cost), (0, -10 if number > 1 else 9), "center")


def _per_s(row: Row) -> float:
    return row.per_s or 0.0


def _plain(value: float, _: object) -> str:
    """A tick of a logarithmic axis in words that need no powers: 10k, 0.1."""
    return f"{value:g}" if value < 1000 else short(value).replace(".00", "").replace(".0", "")


def _say(
    axes: Axes,
    text: str,
    where: tuple[float, float],
    offset: tuple[float, float],
    side: Literal["left", "center"],
) -> None:
    axes.annotate(
        text,
        where,
        offset,
        textcoords="offset points",
        ha=side,
        va="center",
        fontsize=SMALL,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
    )
