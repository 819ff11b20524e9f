"""The matrix of probes and the findings, in a terminal: readable at 120 columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from simkit.errors import printable
from simkit.policy.plan import Decision
from simkit.show.console import make_console
from simkit.study.findings import Finding
from simkit.study.probe import Report, Row
from simkit.study.probes import CATALOGUE, Manner
from simkit.study.sayings import browser_says, browser_sends, curl_says
from simkit.study.wire_words import place, wire_short
from simkit.wire import Shape

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from simkit.live.probe import Compared

_NOTHING = "–"
_LONGEST = 44
_MATRIX = {"Probe": 0, "Logged": 0, "On the wire": 0, "curl": 16, "Chromium": 24, "Decided by": 0}

__all__ = ["matrix", "print_catalogue", "print_compared", "print_findings", "print_report"]


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
    table = _table(_MATRIX)
    for row in rows:
        table.add_row(*map(_text, _cells(row, home)))
    return table


def _table(titles: Mapping[str, int]) -> Table:
    """A table with these columns, each at least so wide."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for title, width in titles.items():
        table.add_column(title, overflow="fold", min_width=width or None)
    return table


def _text(cell: str) -> Text:
    from rich.text import Text

    return Text(printable(cell))


def _cells(row: Row, home: Path) -> tuple[str, ...]:
    decision, shape = row.decision, row.shape
    if decision is None or shape is None:
        return (row.probe.name, _NOTHING, row.remark, _NOTHING, _NOTHING, _NOTHING)
    wire = wire_short(decision) + (f"; {row.remark}" if row.remark else "")
    logged = str(decision.status) if decision.status else "nothing"
    curl = curl_says(decision.sight, shape).short
    return (
        row.probe.name,
        logged,
        wire,
        curl,
        _browser(row, decision, shape),
        _by(row, decision, home),
    )


def _browser(row: Row, decision: Decision, shape: Shape) -> str:
    if not browser_sends(shape) or row.probe.manner is Manner.HALF:
        return _NOTHING
    sight = decision.sight
    said = browser_says(sight, shape)
    if said.startswith("shows "):
        return "the page" if sight.status == 200 else f"the {sight.status} page"
    return said.removeprefix("net::")


def _by(row: Row, decision: Decision, home: Path) -> str:
    rule = decision.rule
    if row.through is not None:
        return _cut(f"{place(row.through, home)} {_without_codes(row.through.text)}")
    if rule is None:
        return "the site" if decision.status else "nobody listens"
    if rule.directive == "nginx":
        return f"nginx itself, in {place(rule.source, home)}"
    return _cut(f"{place(rule.decisive, home)} {rule.decisive.text}")


def _without_codes(text: str) -> str:
    """An `error_page` without the codes that it is for."""
    return " ".join(("error_page …", *(w for w in text.split()[1:] if not w.isdigit())))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def print_findings(found: Sequence[Finding], home: Path, console: Console) -> None:
    """Print each finding: its name, its lines, what happens and what to do."""
    from rich.padding import Padding
    from rich.text import Text

    if not found:
        console.print(Text("Nothing here surprises people."))
        return
    many = len(found) > 1
    words = f"{len(found)} things that surprise people" if many else "1 thing that surprises people"
    console.print(Text(words, style="bold"))
    for finding in found:
        console.print()
        lines = ", ".join(f"{place(s, home)} {s.text}" for s in finding.where)
        console.print(Text(f"{finding.name}: {printable(lines)}", style="bold"))
        console.print(Padding(Text(printable(finding.what)), (0, 0, 0, 4)))
        console.print(Padding(Text(f"What to do: {printable(finding.do)}"), (0, 0, 0, 4)))


def print_compared(found: Sequence[Compared], console: Console | None = None) -> None:
    """Print what was simulated beside what was seen, and the verdict."""
    from rich.text import Text

    out = make_console() if console is None else console
    table = _table({"Probe": 24, "Simulated": 18, "Seen": 18, "Verdict": 30})
    for one in found:
        table.add_row(*map(_text, _compared_cells(one)))
    out.print(table)
    sent = [one for one in found if one.seen is not None]
    differ = sum(1 for one in sent if one.differences)
    words = "all agree" if not differ else f"{differ} differ{'s' if differ == 1 else ''}"
    style = "bold red" if differ else "bold"
    out.print(Text(f"\n{len(sent)} of {len(found)} probes sent: {words}.", style=style))


def _compared_cells(one: Compared) -> tuple[str, ...]:
    name = one.row.probe.name
    if one.expected is None or one.seen is None:
        return (name, _NOTHING, _NOTHING, one.remark)
    verdict = "; ".join(one.differences) or "agrees"
    verdict += f" ({one.remark})" if one.remark else ""
    return (name, one.expected.sight.symbol, one.seen.symbol, verdict)


def print_catalogue(console: Console | None = None) -> None:
    """Print the probes: what each tells and how it is provoked by hand."""
    table = _table({"Probe": 24, "What it tells": 30, "By hand": 40})
    for one in CATALOGUE:
        table.add_row(*map(_text, (one.name, one.tells, one.how)))
    (make_console() if console is None else console).print(table)
