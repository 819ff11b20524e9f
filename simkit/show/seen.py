"""What an attacker saw in each world: the evidence behind a number of leakage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from simkit.errors import printable
from simkit.measures.leakage import Leakage, Seen
from simkit.study.outcome import near

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["seen_table"]


def seen_table(leaks: Sequence[Leakage], home: Path = Path()) -> Table:
    """One row for each world of each secret: the probe, its symbol, and the rule behind it.

    Worlds that show the same symbol cannot be told apart. Files are shown relative to ``home``.
    """
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("Secret", "World", "Probe", "What the attacker saw", "Rule"):
        table.add_column(title, overflow="fold")
    for leak in leaks:
        for seen in leak.seen:
            table.add_row(*_row(leak, seen, home))
        table.add_section()
    return table


def _row(leak: Leakage, seen: Seen, home: Path) -> Sequence[str]:
    from rich.markup import escape

    rule = seen.note
    if seen.rule is not None:
        source = seen.rule.decisive
        rule = f"{near(source.file, home)}:{source.line} {source.text}"
    name = f"{leak.secret}, {leak.attacker}"
    cells = (name, seen.world, seen.probe, seen.symbol, rule)
    return [escape(printable(cell)) for cell in cells]
