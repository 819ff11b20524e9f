"""The report of a replay in a terminal: what was read, what would have been refused, of whom.

Everything that came from the log or the configuration is shown escaped and never as markup;
addresses are shortened to their network and query strings dropped unless asked for in full.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from simkit.accesslog import Kind
from simkit.errors import printable
from simkit.policy.source import Source
from simkit.show.console import make_console
from simkit.study.replay_report import LimitReport, ReplayReport, RuleReport
from simkit.study.tally import Range, Share

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_LISTED = 5

__all__ = ["print_replay", "replay_tables"]


def print_replay(
    report: ReplayReport, console: Console | None = None, *, full: bool = False
) -> None:
    """Print the report; ``full`` shows whole addresses, query strings and malformed lines."""
    from rich.text import Text

    out = make_console() if console is None else console
    for line in _read(report, full=full):
        out.print(Text(line))
    for table in replay_tables(report):
        out.print(table)
    for style, line in _words(report, full=full):
        out.print(Text(line, style=style))


def replay_tables(report: ReplayReport) -> tuple[Table, ...]:
    """The tables of the report: rules, limits that could be judged, kinds of client."""
    judged = [limit for limit in report.limits if limit.numbers is not None]
    tables = []
    if report.rules:
        tables.append(_rules(report.rules))
    if judged:
        tables.append(_limits(judged))
    tables.append(_kinds(report))
    return tuple(tables)


def _read(report: ReplayReport, *, full: bool) -> Iterator[str]:
    """What was read, and what of it could not be used."""
    yield (
        f"{printable(report.log)} ({printable(report.log_format)} format) under "
        f"{printable(report.policy)}"
    )
    rejected = len(report.rejected)
    yield f"{_lines(report.lines)} read: {report.accepted:,} requests, {rejected:,} malformed."
    if report.damage is not None:
        yield f"Only a part of the log could be read: {printable(report.damage)}."
    for rejection in islice(report.rejected, _LISTED):
        excerpt = f": {rejection.excerpt}" if full else ""
        yield f"  line {rejection.line}: {printable(rejection.reason)}{excerpt}"
    if rejected > _LISTED:
        yield f"  and {_lines(rejected - _LISTED)} more. By reason:"
        for reason, count in report.rejected.by_reason().items():
            yield f"  {count:>7,}  {printable(reason)}"
    verdict = "can" if report.clock.usable else "cannot"
    yield f"The log's clock {verdict} serve for limits: {printable(report.clock.reason)}."
    yield (
        f"Rules would have refused {report.refused.requests:,} requests of "
        f"{_clients(report.refused.clients)}."
    )


def _words(report: ReplayReport, *, full: bool) -> Iterator[tuple[str, str]]:
    """Lines below the tables, each with its style."""
    for limit in report.limits:
        if limit.numbers is None:
            yield "", f"Not judged: {_place(limit.source)}: {printable(limit.reason)}."
    if report.limits and report.members > 1:
        ensemble = (
            f"Limits: median [lowest–highest] over {report.members} placements of the requests "
            f"within their seconds, seed {report.seed}. The range is no bound."
        )
        yield "dim", ensemble
    for line in _examples(report, full=full):
        yield "dim", line
    for assumption in report.assumptions:
        yield "dim", f"- {printable(assumption)}"
    for warning in report.warnings:
        yield "yellow", f"warning: {printable(warning)}"


def _examples(report: ReplayReport, *, full: bool) -> Iterator[str]:
    """The first request that each rule would have refused."""
    for rule in report.rules[:_LISTED]:
        for example in rule.tally.examples[:1]:
            shown = example.to_json(full=full)
            agent = f'"{shown["agent"]}"' if shown["agent"] else f"agent: {shown['kind']}"
            yield (
                f"Example for {rule.rule.decisive.line}: line {shown['line']}, {shown['client']}, "
                f"{shown['method']} {shown['target']}, {agent}, recorded as {shown['recorded']}."
            )


def _rules(rules: tuple[RuleReport, ...]) -> Table:
    table = _table("What rules would have refused")
    table.add_column("Rule", overflow="fold")
    table.add_column("Answer", justify="right")
    table.add_column("Requests", justify="right")
    table.add_column("Clients", justify="right")
    table.add_column("Requests by kind of client", overflow="fold")
    table.add_column("Had been served", justify="right")
    for rule in rules:
        share = rule.tally.share
        table.add_row(
            _text(_blamed(rule)),
            str(rule.status),
            f"{share.requests:,}",
            f"{share.clients:,}",
            _text(_by_kind(rule.tally.kinds)),
            f"{rule.tally.served_then:,}",
        )
    return table


def _limits(limits: list[LimitReport]) -> Table:
    table = _table("What limits would have refused, requests unless said otherwise")
    table.add_column("Limit", overflow="fold")
    table.add_column("Answer", justify="right")
    for head in ("Consulted", "Refused", "Clients", "Had been served", "Delayed"):
        table.add_column(head, justify="right")
    table.add_column("Refused by placement and kind", overflow="fold")
    for limit in limits:
        numbers = limit.numbers
        assert numbers is not None
        dry = "\ndry run: only logged" if limit.dry_run else ""
        table.add_row(
            _text(f"{_place(limit.source)}{dry}"),
            str(limit.status),
            f"{limit.consulted.requests:,}",
            str(numbers.requests),
            str(numbers.clients),
            str(numbers.served_then),
            str(numbers.delayed),
            _text("\n".join([*_ranges(numbers.manners), *_ranges(numbers.kinds)])),
        )
    return table


def _kinds(report: ReplayReport) -> Table:
    table = _table("Who asked, by what their agents say")
    table.add_column("Kind of client")
    for head in ("Requests", "Clients", "Refused by rules", "%"):
        table.add_column(head, justify="right")
    for kind, share in report.kinds.items():
        refused = sum(r.tally.kinds.get(kind, Share()).requests for r in report.rules)
        table.add_row(
            kind.value,
            f"{share.requests:,}",
            f"{share.clients:,}",
            f"{refused:,}",
            f"{100 * refused / share.requests:.1f}",
        )
    return table


def _table(title: str) -> Table:
    from rich import box
    from rich.table import Table

    return Table(
        title=title, box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, title_justify="left"
    )


def _text(text: str) -> str:
    """Text for a cell, which rich must not read as markup."""
    from rich.markup import escape

    return escape(text)


def _place(source: Source) -> str:
    return printable(f"{source}  {source.text}")


def _blamed(rule: RuleReport) -> str:
    """The line to look at first and, where it is another one, the directive."""
    first = _place(rule.rule.decisive)
    if rule.rule.decisive == rule.rule.source:
        return first
    return f"{first}\nby {_place(rule.rule.source)}"


def _by_kind(kinds: Mapping[Kind, Share]) -> str:
    ordered = sorted(kinds.items(), key=lambda item: -item[1].requests)
    return ", ".join(f"{kind.value} {share.requests:,}" for kind, share in ordered)


def _ranges(found: Mapping[Kind, Range] | Mapping[str, Range]) -> Iterator[str]:
    for name, numbers in found.items():
        yield f"{name} {numbers}"


def _lines(count: int) -> str:
    return f"{count:,} line{'s' if count != 1 else ''}"


def _clients(count: int) -> str:
    return f"{count:,} client{'s' if count != 1 else ''}"
