"""One run in a terminal: who came, what they got, which line refused whom, what it cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isnan
from typing import TYPE_CHECKING

from simkit.engine.run import CohortName
from simkit.errors import printable
from simkit.host.costs import Cause
from simkit.show.columns import number
from simkit.show.console import PLAIN_WIDTH, make_console
from simkit.study.one_run import OneRun
from simkit.study.run_summary import Came, Refusal, came, gotten, latency_ms, notes, refusals

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

_HOSTILE = "✗"
_MORE = ", continued"

__all__ = ["print_run", "run_tables"]


def print_run(found: OneRun, console: Console | None = None) -> None:
    """Print a run: tables, then the server and the clients' waits in sentences."""
    from rich.text import Text

    out = make_console() if console is None else console
    out.print(Text(_title(found), style="bold"))
    for table in run_tables(found, out.width):
        out.print()
        out.print(table)
    out.print()
    for line in _lines(found):
        out.print(Text(line))
    for note in notes(found):
        out.print(Text(note, style="dim"))
    for warning in found.run.warnings:
        out.print(Text(f"warning: {printable(warning)}", style="yellow"))


def run_tables(found: OneRun, width: int = PLAIN_WIDTH) -> tuple[Table, ...]:
    """The tables: cohorts, and what there is of answers and of lines that refused."""
    tables = [_cohorts(found)]
    if len(found.run.answers["status"]):
        tables += _answers(found, width)
    turned = refusals(found)
    if turned:
        tables.append(_refusals(turned))
    return tuple(tables)


def _title(found: OneRun) -> str:
    run = found.run
    return printable(
        f"{run.scenario} under {run.strategy}: {run.window_ns / 1e9:g} s, seed {run.seed} "
        f"({run.engine} engine, costs {run.cost_table})"
    )


# Tables


def _table(title: str, first: str, *heads: str) -> Table:
    """A table whose first column is text, to be folded, and the others numbers."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(title),
        box=box.SIMPLE_HEAD,
        padding=0,
        show_edge=False,
        title_justify="left",
    )
    table.add_column(first, overflow="fold")
    for head in heads:
        table.add_column(head, justify="right", overflow="fold")
    return table


def _text(text: str) -> Text:
    from rich.text import Text

    return Text(printable(text))


def _name(cohort: CohortName | Came) -> Text:
    name = cohort.name if isinstance(cohort, CohortName) else cohort.cohort
    return _text(name if cohort.honest else f"{name} {_HOSTILE}")


def _cohorts(found: OneRun) -> Table:
    heads = ("Clients", "Requests", "Refused", "%", "Wishes", "Served", "Unserved", "Under\nway")
    table = _table(
        f"Who came, and whose wishes were served ({_HOSTILE}: hostile)", "Cohort", *heads
    )
    for row in came(found.run):
        share = f"{100 * row.refused / row.requests:.1f}" if row.requests else "–"
        counts = (row.wishes, row.served, row.unserved, row.under_way)
        cells = (str(row.clients), f"{row.requests:,}", f"{row.refused:,}", share)
        table.add_row(_name(row), *cells, *(f"{count:,}" for count in counts))
    return table


def _answers(found: OneRun, width: int) -> Iterator[Table]:
    """Cohorts by answers; parts of it below each other where the terminal is too narrow."""
    room = width - max(len(cohort.name) for cohort in found.run.cohorts) - 4
    title = "What they got: requests by answer"
    for part in _fitting(gotten(found.run), room):
        heads = (name.replace(", ", ",\n") for name in part)
        table = _table(title, "Cohort", *heads)
        title = f"{title.removesuffix(_MORE)}{_MORE}"
        for cohort in found.run.cohorts:
            counts = (by_cohort[cohort.name] for by_cohort in part.values())
            table.add_row(_name(cohort), *(f"{n:,}" if n else "·" for n in counts))
        yield table


def _fitting(answers: dict[str, dict[str, int]], room: int) -> list[dict[str, dict[str, int]]]:
    """The columns in order, as many together as fit into the room."""
    parts: list[dict[str, dict[str, int]]] = [{}]
    used = 0
    for name, counts in answers.items():
        lines = (*name.split(", "), *(f"{count:,}" for count in counts.values()))
        wide = max(map(len, lines)) + 1
        if parts[-1] and used + wide > room:
            parts.append({})
            used = 0
        parts[-1][name] = counts
        used += wide
    return parts


def _refusals(turned: tuple[Refusal, ...]) -> Table:
    table = _table("Who was refused, by which line", "Line", "Requests", "Honest")
    table.add_column(" Answer", overflow="fold")
    table.add_column(" Cohorts", overflow="fold")
    for refusal in turned:
        table.add_row(
            _text(f"{refusal.where}  {refusal.text}".strip()),
            f"{refusal.requests:,}",
            f"{refusal.honest:,}",
            _text(f" {'; '.join(refusal.answers)}"),
            _text(f" {_counted(refusal.cohorts)}"),
        )
    return table


def _counted(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {count:,}" for name, count in ordered)


# Sentences


def _lines(found: OneRun) -> Iterator[str]:
    yield _slots(found)
    yield _cpu(found)
    yield from _latency(found)
    lost = {
        "refused_connections": "connections accepted and reset, for no slot was left",
        "syn_retransmits": "SYNs sent again, for the backlog was full",
        "header_timeouts": "headers that did not end in time",
        "body_timeouts": "bodies that did not end in time",
        "client_timeouts": "requests whose client gave up",
        "bad_gateways": "requests that the upstream failed or turned away (502)",
        "gateway_timeouts": "requests that the upstream took too long for (504)",
        "zone_evictions": "keys thrown out of limit zones that were full",
    }
    counts = {words: int(found.run.load.get(name, 0)) for name, words in lost.items()}
    if any(counts.values()):
        yield f"Also: {'; '.join(f'{n:,} {words}' for words, n in counts.items() if n)}."


def _slots(found: OneRun) -> str:
    load = found.run.load
    mean = load["connection_s"] * 1e9 / found.run.window_ns
    return (
        f"Slots: at most {load['peak_slots']:.0f} of {found.slots:,} in use at once. Connections: "
        f"{load['accepts']:,.0f} accepted, at most {load['peak_connections']:.0f} at once, "
        f"{number(mean)} on average."
    )


def _cpu(found: OneRun) -> str:
    load = found.run.load
    total = load["cpu_s"]
    parts = {cause.name.lower(): load[f"cpu_{cause.name.lower()}_s"] for cause in Cause}
    ordered = sorted(parts.items(), key=lambda item: -item[1])
    shares = (f"{_CAUSES[name]} {100 * used / total:.0f} %" for name, used in ordered if used)
    spent = f": {', '.join(shares)}" if total else ""
    workers = f"{found.workers} worker{'s' if found.workers != 1 else ''}"
    share = number(100 * load["utilisation"])
    return f"CPU: {number(total)} s, {share} % of the time of {workers}{spent}."


_CAUSES = {
    "wake_up": "waking up",
    "accept": "accepting",
    "tls": "TLS handshakes",
    "read": "reading",
    "silent": "closing in silence",
    "page": "own pages",
    "static": "files",
    "proxy": "proxying",
}


def _latency(found: OneRun) -> Iterator[str]:
    found_ms = latency_ms(found.run)
    mean = found_ms["honest_latency_mean_ms"]
    if isnan(mean):
        yield "Honest latency: no honest request was let through and answered."
        return
    requests = _quantiles(found_ms, "honest_latency")
    parts = ", ".join((f"mean {number(mean)} ms", *requests))
    yield f"Honest latency of requests let through and answered: {parts}."
    wishes = _quantiles(found_ms, "honest_wish")
    if wishes:
        yield f"Honest latency of wishes that were served, to the end: {', '.join(wishes)}."


def _quantiles(found_ms: Mapping[str, float], name: str) -> tuple[str, ...]:
    """In words; none of a run without rows."""
    cells = {share: found_ms[f"{name}_p{share}_ms"] for share in (50, 95, 99)}
    if any(map(isnan, cells.values())):
        return ()
    return tuple(f"{share} % within {number(ms)} ms" for share, ms in cells.items())
