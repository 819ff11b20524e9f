"""The tables of a benchmark, as text: one for each part, for a terminal and for a Markdown file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import TYPE_CHECKING

from simkit.bench.report import Benchmark
from simkit.bench.rows import REFERENCE, Row
from simkit.errors import printable

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Sheet", "markdown", "print_benchmark", "sheets", "short"]

Cell = Callable[[Row], str]
_NOTHING = "–"
_ROUNDS_UP = 2.172e-4  # log10(1000 / 999.5): from there on a number has one digit more
_LEFT = ("engine", "compiled code")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: what it shows, its heads, its rows of text."""

    title: str
    note: str
    heads: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]


def short(value: float | None) -> str:
    """A number with three significant digits and, above a thousand, k, M or G: 1.23M."""
    if value is None:
        return _NOTHING
    if not value:
        return "0"
    size = log10(abs(value)) + _ROUNDS_UP
    step = min(max(floor(size) // 3, 0), 3)
    decimals = min(2, max(0, 2 - floor(size - 3 * step)))
    return f"{value / 1000**step:.{decimals}f}{('', 'k', 'M', 'G')[step]}"


def _bytes(value: int | None) -> str:
    return _NOTHING if not value else f"{value / 1e6:,.0f} MB"


def _seconds(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.2f} s"


def _spread(row: Row) -> str:
    if row.per_s_least is None or row.samples < 2:
        return _NOTHING
    return f"{short(row.per_s_least)}–{short(row.per_s_most)}"


def _times(row: Row) -> str:
    return f"× {short(row.times)}" if row.times is not None else _NOTHING


def _own_name(row: Row) -> str:
    """The engine without the project's name, and what is special about the row."""
    name = row.engine.removeprefix("simkit, ")
    totals = ", totals" if row.record == "totals" else ""
    return f"{name}{totals}{', once' if row.samples == 1 else ''}"


_ENGINE: dict[str, Cell] = {"engine": lambda row: row.engine}
_THROUGHPUT: dict[str, Cell] = {"ratio": _times, "requests/s": lambda row: short(row.per_s)}
_SPREAD: dict[str, Cell] = {"least–most": _spread}
_EVENTS: dict[str, Cell] = {
    "events each": lambda row: short(row.events_per_request),
    "ns/event": lambda row: short(row.ns_per_event),
}
_REST: dict[str, Cell] = {"peak memory": lambda row: _bytes(row.peak_bytes)}

_QUEUE = {**_ENGINE, **_THROUGHPUT, **_SPREAD, **_EVENTS, **_REST}
_FLOOD: dict[str, Cell] = {
    "clients": lambda row: f"{row.size:,}",
    "engine": _own_name,
    "requests": lambda row: f"{row.requests:,}",
    **_THROUGHPUT,
    **_SPREAD,
    "µs each": lambda row: short(None if row.per_s is None else 1e6 / row.per_s),
    **_EVENTS,
    **_REST,
}
_LIMIT: dict[str, Cell] = {
    "keys": lambda row: f"{row.size:,}",
    "engine": lambda row: _own_name(row).replace("SimPy engine", "plain Python"),
    "ratio": _times,
    "decisions/s": lambda row: short(row.per_s),
    **_SPREAD,
    **_REST,
}
_START: dict[str, Cell] = {
    "engine": _own_name,
    "compiled code": lambda row: row.cache or "none",
    "first run": lambda row: _seconds(row.first_s),
    "a later run": lambda row: _seconds(row.later_s),
    "whole process": lambda row: _seconds(row.process_s),
    **_REST,
}


def sheets(found: Benchmark) -> tuple[Sheet, ...]:
    """The four tables."""
    return (
        _sheet(
            "One queue: 700 requests/s by Poisson, one server, 1 ms each",
            f"{_count(found.queue)} requests, the same arrivals for all. Ratio: to {REFERENCE}. "
            "simkit's engines model connections, a policy and a crowd besides, and draw the "
            "arrivals themselves.",
            _QUEUE,
            found.queue,
        ),
        _sheet(
            "The whole model: a flood of 20,000 requests/s",
            "Ratio: to the SimPy engine with as many clients. Every request is recorded, or totals "
            "alone. From 10,000 clients on every request comes on a connection of its own.",
            _FLOOD,
            found.flood,
        ),
        _sheet(
            "limit_req alone: decisions on open-loop arrivals",
            f"{_count(found.limit)} decisions, each about a key drawn at random. Ratio: to plain "
            "Python.",
            _LIMIT,
            found.limit,
        ),
        _sheet(
            "From starting Python to a result",
            f"A run of {_count(found.start)} requests, wall-clock time. The first run includes "
            "imports and reading the policy.",
            _START,
            found.start,
        ),
    )


def _count(rows: Sequence[Row]) -> str:
    return f"{rows[0].requests:,}" if rows else "no"


def _sheet(title: str, note: str, columns: dict[str, Cell], rows: Sequence[Row]) -> Sheet:
    lines = tuple(tuple(cell(row) for cell in columns.values()) for row in rows if row.samples)
    missing = _missing(rows)
    note = f"{note} Not measured: {missing}." if missing else note
    return Sheet(title, note, tuple(columns), lines)


def _missing(rows: Sequence[Row]) -> str:
    """What was not measured and why, each reason once."""
    by_reason: dict[tuple[str, str], list[str]] = {}
    measured = {(row.engine, row.size) for row in rows if row.samples}
    for row in rows:
        if row.samples:
            continue
        sizes = by_reason.setdefault((row.engine, row.not_measured), [])
        also = f" in {row.requests:,} requests" if (row.engine, row.size) in measured else ""
        size = f"{row.size:,}{also}"
        if row.size and size not in sizes:
            sizes.append(size)
    found = []
    for (engine, reason), sizes in by_reason.items():
        several = f" with {' and '.join(sizes)}" if sizes else ""
        found.append(f"{engine}{several} ({printable(reason)})")
    return "; ".join(found)


def print_benchmark(found: Benchmark, console: Console) -> None:
    """Print the tables, what was not measured, and the checks that failed."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    for sheet in sheets(found):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left")
        table.title = Text(sheet.title)
        for number, head in enumerate(sheet.heads):
            right = number > 0 and head not in _LEFT
            table.add_column(Text(head), justify="right" if right else "left", no_wrap=True)
        for line in sheet.cells:
            table.add_row(*(Text(cell) for cell in line))
        console.print(table)
        console.print(Text(sheet.note, style="dim"))
        console.print()
    console.print(Text(f"Medians of {_samples(found)} samples. {found.machine}", style="dim"))
    console.print(Text(_checked(found)))


def _samples(found: Benchmark) -> int:
    return max(row.samples for row in (*found.queue, *found.flood, *found.limit, *found.start))


def _checked(found: Benchmark) -> str:
    failed = [c for c in found.checks if not c.passed]
    lines = [f"{len(found.checks) - len(failed)} of {len(found.checks)} checks passed"]
    return "\n".join(lines + [f"FAILED: {c.what}: {printable(c.found)}" for c in failed])


def markdown(found: Benchmark, figure: str) -> str:
    """The benchmark as a Markdown file that shows the figure of that name."""
    parts = [
        _HEAD.format(machine=found.machine, samples=_samples(found)),
        f"![Speed by engine and by clients]({figure})\n",
    ]
    if found.quick:
        parts.insert(1, "This was a quick run: fewer requests, fewer samples.\n")
    for sheet in sheets(found):
        heads = " | ".join(sheet.heads)
        rule = "|".join(" :--- " if h in _LEFT else " ---: " for h in sheet.heads)
        lines = "\n".join(f"| {' | '.join(line)} |" for line in sheet.cells)
        parts.append(f"## {sheet.title}\n\n{sheet.note}\n\n| {heads} |\n|{rule}|\n{lines}\n")
    checks = "\n".join(f"- {c.what}: {c.found}" for c in found.checks)
    parts.append(f"## Checks\n\n{_checked(found)}.\n\n{checks}\n")
    return "\n".join(parts)


_HEAD = """\
# How fast it is

Written by `simkit bench --out data/benchmark` (`make bench`); what each workload is stands in
`simkit/bench`. Throughput is by CPU time of one core; every sample is a process of its own, taken
in rounds; shown are medians of {samples}, where nothing else is said. Trust the ratios, which were
measured in one run, more than the seconds: another machine, or this one when it is busy, gives
others.

Measured on: {machine}.
"""
