"""The matrix of probes and the findings, in a terminal: readable at 120 columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from simkit.errors import printable
from simkit.policy.plan import Decision, Rule
from simkit.show.table import make_console
from simkit.study.findings import Finding
from simkit.study.probe import Report, Row
from simkit.study.probes import CATALOGUE
from simkit.study.sayings import browser_says, browser_sends, curl_says
from simkit.study.wire_words import place, wire_short

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

_NOTHING = "–"
_LONGEST = 60

__all__ = ["matrix", "print_catalogue", "print_findings", "print_report"]


def print_report(report: Report, console: Console | None = None) -> None:
    """Print the matrix, then what surprises people, then what is not simulated."""
    from rich.text import Text

    out = make_console() if console is None else console
    home = report.policy.path.parent
    out.print(Text(f"Telling requests to {printable(str(report.policy.path))}", style="bold"))
    out.print(matrix(report.rows, home))
    out.print()
    print_findings(report.findings, home, out)
    for warning in report.policy.warnings:
        out.print(Text(f"warning: {printable(warning)}", style="yellow"))


def matrix(rows: Iterable[Row], home: Path) -> Table:
    """One line for each probe: what is logged, what is on the wire, who says what, and why."""
    table = _table(("Probe", "Logged", "On the wire", "curl", "Chromium", "Decided by"))
    for row in rows:
        table.add_row(*map(_text, _cells(row, home)))
    return table


def _table(titles: Sequence[str]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1))
    for title in titles:
        table.add_column(title, overflow="fold")
    return table


def _text(cell: str) -> Text:
    from rich.text import Text

    return Text(printable(cell))


def _cells(row: Row, home: Path) -> tuple[str, ...]:
    decision, shape = row.decision, row.shape
    if decision is None or shape is None:
        return (row.probe.name, _NOTHING, row.remark, _NOTHING, _NOTHING, _NOTHING)
    wire = wire_short(decision) + (f"; {row.remark}" if row.remark else "")
    sends = browser_sends(shape)
    browser = browser_says(decision.sight, shape).removeprefix("net::") if sends else _NOTHING
    logged = str(decision.status) if decision.status else "nothing"
    curl = curl_says(decision.sight, shape).short
    return (row.probe.name, logged, wire, curl, browser, _by(decision, home))


def _by(decision: Decision, home: Path) -> str:
    rule = decision.rule
    if rule is None:
        return "the site" if decision.status else "nobody listens"
    text = f"{_kind(rule)}{place(rule.decisive, home)} {rule.decisive.text}"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _kind(rule: Rule) -> str:
    return "nginx itself, " if rule.directive == "nginx" else ""


def print_findings(found: Sequence[Finding], home: Path, console: Console) -> None:
    """Print each finding: its name, its lines, what happens and what to do."""
    from rich.table import Table
    from rich.text import Text

    if not found:
        console.print(Text("Nothing here surprises people."))
        return
    title = f"{len(found)} thing{'s' if len(found) > 1 else ''} that surprise people"
    console.print(Text(title if len(found) > 1 else "1 thing that surprises people", style="bold"))
    grid = Table.grid(padding=(0, 2))
    for finding in found:
        lines = ", ".join(f"{place(s, home)} {s.text}" for s in finding.where)
        grid.add_row(Text(""), Text(""))
        grid.add_row(Text(finding.name, style="bold"), Text(printable(lines), style="bold"))
        grid.add_row(Text(""), Text(printable(finding.what)))
        grid.add_row(Text("what to do", style="dim", justify="right"), Text(printable(finding.do)))
    console.print(grid)


def print_catalogue(console: Console | None = None) -> None:
    """Print the probes: what each tells and how it is provoked by hand."""
    table = _table(("Probe", "What it tells", "By hand"))
    for one in CATALOGUE:
        table.add_row(*map(_text, (one.name, one.tells, one.how)))
    (make_console() if console is None else console).print(table)
