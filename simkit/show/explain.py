"""One request's way through a policy, in a terminal.

What a client sent and what stands in a configuration is shown escaped, and never as markup.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from simkit.errors import printable
from simkit.policy.policy import Policy
from simkit.policy.watch import Note, Trail
from simkit.show.console import make_console
from simkit.study.explain import Explanation, limit_words
from simkit.study.sayings import browser_again, browser_says, browser_sends, curl_says
from simkit.study.telling import worth_asking
from simkit.study.wire_words import answered_by, decided_by, logged_words, place, wire_lines

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["print_explanation", "print_hints"]

_LONGEST = 160
_MOST_HEADERS = 12


def print_explanation(found: Explanation, console: Console | None = None) -> None:
    """Print the way, the ending, and the other endings that limits can give."""
    from rich.text import Text

    out = make_console() if console is None else console
    home = found.policy.path.parent
    for line in _asked(found):
        out.print(Text(_short(line)))
    out.print()
    out.print(_way(found.ways[0], home))
    out.print()
    out.print(_ending(found, found.ways[0], home))
    for other in found.ways[1:]:
        out.print()
        out.print(Text(_condition(found, other, home), style="bold"))
        out.print(_ending(found, other, home))
    for warning in found.policy.warnings:
        out.print(Text(f"warning: {printable(warning)}", style="yellow"))


def print_hints(policy: Policy, console: Console | None = None) -> None:
    """Print what else is worth asking this policy."""
    from rich.table import Table
    from rich.text import Text

    out = make_console() if console is None else console
    grid = Table.grid(padding=(0, 2))
    for option, why in worth_asking(policy):
        grid.add_row(
            Text("", style="dim"), Text(printable(option)), Text(printable(why), style="dim")
        )
    out.print()
    out.print(Text("Worth asking too:", style="dim"))
    out.print(grid)


def _asked(found: Explanation) -> Iterator[str]:
    shape = found.shape
    secured = f"TLS port {shape.port}" if shape.tls else f"port {shape.port}"
    yield f"{found.request_line}  from {found.address} to {secured} of {found.policy.path}"
    for name, value in shape.headers[:_MOST_HEADERS]:
        yield f"    {name}: {value}"
    if len(shape.headers) > _MOST_HEADERS:
        yield f"    and {len(shape.headers) - _MOST_HEADERS} more headers"
    if shape.fault:
        yield f"    ({shape.fault.value})"


def _short(text: str) -> str:
    shown = printable(text)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}… ({len(shown):,} characters)"


def _way(way: Trail, home: Path) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in ("Phase", "Line", "What looked at it", "What came of it"):
        table.add_column(title, overflow="fold")
    for note in way.notes:
        cells = (note.phase.value, _line(note, home), note.text, _verdict(note, home))
        table.add_row(*(Text(_short(cell)) for cell in cells))
    return table


def _line(note: Note, home: Path) -> str:
    return "" if note.source is None else place(note.source, home)


def _verdict(note: Note, home: Path) -> str:
    lines = ", ".join(f"{place(s, home)} {s.text}" for s in note.because)
    return f"{note.verdict} ({lines})" if lines else note.verdict


def _ending(found: Explanation, way: Trail, home: Path) -> Table:
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, line in _rows(found, way, home):
        grid.add_row(Text(name), Text(_short(line)))
    return grid


def _rows(found: Explanation, way: Trail, home: Path) -> Iterator[tuple[str, str]]:
    decision, shape = way.decision, found.shape
    yield "Decided by", decided_by(decision.rule, home)
    answered = answered_by(way, home)
    if answered is not None:
        yield "Answered by", answered
    yield "Logged", logged_words(decision)
    first, *more = wire_lines(decision, shape)
    yield "On the wire", first
    for line in more:
        yield "", line
    yield "curl", str(curl_says(decision.sight, shape))
    again = browser_again(decision.sight, shape)
    sends = browser_sends(shape)
    yield "Chromium", browser_says(decision.sight, shape) if sends else "makes no such request"
    if again is not None:
        yield "", f"and loads the page again by itself: {again}"


def _condition(found: Explanation, other: Trail, home: Path) -> str:
    use = other.rejected_by
    if use is None:
        return "Within the limits"
    when = limit_words(use, found.policy.http)
    return printable(f"Over the limit of {place(use.source, home)} ({use.source.text}), {when}")
