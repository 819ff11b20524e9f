"""The table of a comparison: one row for each strategy, units and intervals in every column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from simkit.errors import printable
from simkit.measures.intervals import Interval
from simkit.show.columns import Column, best, columns, missing
from simkit.show.console import PLAIN_WIDTH, make_console
from simkit.show.winners import who_wins
from simkit.show.words import sentences
from simkit.study.compare import Comparison
from simkit.study.pareto import MARGIN

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

MARK = "*"
_WINS = (
    "Who wins, and at what price: percentage points more than the best "
    "(those of one measure hold together at {:.0f} %)"
)

__all__ = ["MARK", "comparison_tables", "print_comparison"]


def print_comparison(found: Comparison, console: Console | None = None) -> None:
    """Print the table, what it says in words, and what each column means."""
    from rich.text import Text

    shown = columns(found)
    out = make_console() if console is None else console
    for table in comparison_tables(found, out.width):
        out.print(table)
    wins = who_wins(found)
    if wins:
        out.print()
        out.print(Text(_WINS.format(100 * found.level), style="bold"))
        out.print(_list(wins, ""))
    out.print()
    out.print(_list((("-", line) for line in sentences(found)), ""))
    out.print()
    out.print(_list(_legend(found, shown), "dim"))
    for warning in found.warnings:
        out.print(Text(f"warning: {printable(warning)}", style="yellow"))


def _list(items: Iterable[tuple[str, str]], style: str) -> Table:
    """Two columns without a frame: what each line is about, and the line."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 1))
    for name, line in items:
        grid.add_row(Text(name, style=style), Text(line, style=style))
    return grid


def _legend(found: Comparison, shown: Sequence[Column]) -> Iterator[tuple[str, str]]:
    for column in shown:
        yield f"{column.title} {column.of}".strip(), column.legend
    bases = {leak.basis for leaks in found.leakage.values() for leak in leaks}
    if bases:
        first = ", for a first probe that meets unspent limits" if "first probe" in bases else ""
        yield "right", f"Computed from the rules themselves{first}; leakage.csv has more."
    if found.replications > 1:
        level = f"{100 * found.level:.0f} % interval of the mean above it"
        runs = f"{found.replications} replications on the same crowd"
        yield "low–high", f"{level} (Student's t over {runs})."
    together = f"all differences of a column hold together at {100 * found.level:.0f} %"
    little = f"one of at most {MARGIN:g} percentage points is none"
    yield MARK, f"No other is found to be better ({together}; {little}). Less is better."


def comparison_tables(found: Comparison, width: int = PLAIN_WIDTH) -> tuple[Table, ...]:
    """The table, or parts of it below each other where ``width`` is too small for one."""
    shown = columns(found)
    names = max(len("Strategy"), *(len(printable(s)) for s in found.strategies))
    parts = _parts([_width(c) for c in shown], width - names)
    return tuple(_table(found, shown[a:b], first=a == 0) for a, b in parts)


def _width(column: Column) -> int:
    """The columns of text that a column takes, its padding included."""
    heads = (f"{head} " for head in (column.title, column.of, column.unit))
    cells = (line for cell in column.cells.values() for line in _lines(cell, column))
    return max(map(len, (*heads, *cells))) + 1


def _parts(widths: Sequence[int], room: int) -> list[tuple[int, int]]:
    """Ranges of columns that fit into the room, as many to each as do."""
    parts: list[tuple[int, int]] = []
    start, used = 0, 0
    for index, width in enumerate(widths):
        if used and used + width > room:
            parts.append((start, index))
            start, used = index, 0
        used += width
    return [*parts, (start, len(widths))]


def _lines(cell: Interval, column: Column) -> tuple[str, ...]:
    value = f"{column.text(cell.mean)} "
    if column.sampled is None or not cell.known:
        return (value,)
    return (value, f"{column.text(cell.low)}–{column.text(cell.high)} ")


def _cell(column: Column, strategy: str, marked: frozenset[str]) -> Text:
    from rich.text import Text

    lines = _lines(column.cells.get(strategy, missing()), column)
    mark = MARK if strategy in marked else " "
    text = Text(lines[0].rstrip() + mark, style="bold" if strategy in marked else "")
    for line in lines[1:]:
        text.append(f"\n{line}", style="not bold dim")
    return text


def _table(found: Comparison, shown: Sequence[Column], *, first: bool) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False, title_justify="left")
    if first:
        table.title = Text(_title(found))
    table.add_column("Strategy", vertical="top", no_wrap=True)
    for column in shown:
        head = Text(f"{column.title} \n{column.of} \n{column.unit} ")
        table.add_column(head, justify="right", no_wrap=True)
    marks = [best(column, found) for column in shown]
    for strategy in found.strategies:
        cells = (_cell(c, strategy, m) for c, m in zip(shown, marks, strict=True))
        table.add_row(Text(printable(strategy)), *cells)
    return table


def _title(found: Comparison) -> str:
    runs = f"{found.replications} replication{'s' if found.replications > 1 else ''}"
    strategies = f"{len(found.strategies)} strategies"
    return f"{printable(found.scenario)}: {strategies}, {runs}, seed {found.seed}"
