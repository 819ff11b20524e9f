"""Agreement with a live nginx, in a terminal: a table, and each disagreement to be repeated."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from simkit.errors import printable
from simkit.show.console import make_console

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from simkit.live.verify import Disagreement, TimedTrace, Verified

_NOTHING = "–"
_MOST_MISSES = 5

__all__ = ["print_verified", "verified_table"]


def print_verified(
    found: Sequence[Verified], versions: tuple[str, str], console: Console | None = None
) -> None:
    """Print the table, every disagreement that is kept, and the verdict.

    ``versions`` are that of the nginx that ran and the one that is modelled.
    """
    from rich.text import Text

    out = make_console() if console is None else console
    out.print(Text(f"nginx {printable(versions[0])}; modelled is {versions[1]}", style="bold"))
    out.print(verified_table(found))
    for one in found:
        for number, disagreement in enumerate(one.disagreements, 1):
            _print_disagreement(one, disagreement, number, out)
        _print_misses(one, out)
        for warning in one.warnings:
            out.print(Text(f"warning: {printable(warning)}", style="yellow"))
    _print_verdict(found, out)


def verified_table(found: Sequence[Verified]) -> Table:
    """One row for each policy: how many requests, how many agreed, and so for the timed traces."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("Policy", overflow="fold")
    for title in ("Requests", "Agreed", "Disagreed", "Timed, kept", "Timed, apart"):
        table.add_column(title, justify="right", no_wrap=True)
    for one in found:
        by_kept = {trace.report.kept: trace for trace in one.timed}
        timed = (_timed(by_kept.get(kept)) for kept in (True, False))
        cells = (f"{one.requests:,}", f"{one.agreed:,}", f"{one.disagreed:,}", *timed)
        style = "" if one.holds else "bold red"
        table.add_row(Text(printable(one.name)), *(Text(cell, style=style) for cell in cells))
    return table


def _timed(trace: TimedTrace | None) -> str:
    if trace is None:
        return _NOTHING
    report = trace.report
    within = len(report.misses) - trace.disagreed
    return f"{report.agreed:,} of {report.requests:,}" + (f" ({within} by 1 ms)" if within else "")


def _print_disagreement(
    verified: Verified, one: Disagreement, number: int, console: Console
) -> None:
    from rich.text import Text

    from simkit.live.verify import explain_command

    case, by = one.result.case, one.decided_by
    console.print()
    title = f"{verified.name}, disagreement {number}: request {one.count:,}, {case.name}"
    console.print(Text(printable(title), style="bold"))
    how = f"port {case.port}{', TLS' if case.tls else ''}{', HTTP/2' if case.http2 else ''}"
    lines = [
        f"sent        {one.request}",
        f"            from {one.result.client}, {how}; {case.manner.value}",
        *(f"differs     {difference}" for difference in one.result.differences),
        f"decided by  {'the site' if by is None else f'{by} {by.text}'}",
        f"explained   {explain_command(one.policy, one.result)}",
        f"again       {_again(verified, one)}",
    ]
    for line in lines:
        console.print(Text(f"    {printable(line)}"), soft_wrap=True)  # to be copied


def _again(verified: Verified, one: Disagreement) -> str:
    words = ["simkit", "verify", str(verified.path), "--requests", str(one.count)]
    words += ["--seed", str(verified.seed), "--timed", "0"]
    spent = "" if one.again else "  (alone it agrees: it takes the requests before it)"
    return " ".join(map(shlex.quote, words)) + spent


def _print_misses(one: Verified, console: Console) -> None:
    from rich.text import Text

    for trace in one.timed:
        if not trace.disagreed:
            continue
        report = trace.report
        how = "on one connection" if report.kept else "across connections"
        title = f"{one.name}, timed {how}: {trace.disagreed} that no clock explains"
        console.print(Text(f"\n{printable(title)}", style="bold"))
        shown = report.misses if report.kept else report.unexplained
        for miss in shown[:_MOST_MISSES]:
            console.print(
                f"    request {miss.number} at {miss.at_ms} ms: "
                f"simulated {miss.expected_status}, nginx {miss.seen_status}"
            )


def _print_verdict(found: Sequence[Verified], console: Console) -> None:
    from rich.text import Text

    requests = sum(one.requests for one in found)
    disagreed = sum(one.disagreed for one in found)
    timed = sum(trace.report.requests for one in found for trace in one.timed)
    late = sum(trace.disagreed for one in found for trace in one.timed)
    words = f"{requests:,} requests: " + (f"{disagreed:,} disagree" if disagreed else "all agree")
    if timed:
        words += f"; {timed:,} timed: " + (f"{late:,} disagree" if late else "all agree")
    style = "bold red" if disagreed or late else "bold"
    console.print(Text(f"\n{words}", style=style))
