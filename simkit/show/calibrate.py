"""A calibration in a terminal: each value beside that of the shipped table, and where from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from simkit.errors import printable
from simkit.show.console import make_console

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from simkit.host.costs import CostTable
    from simkit.live.calibrate import Calibration

__all__ = ["calibration_table", "flat", "print_calibration"]


def _unit(key: str) -> str:
    return "ns per byte" if key.endswith("_ns_per_byte") else "µs"


def print_calibration(
    found: Calibration, beside: CostTable, console: Console | None = None
) -> None:
    """Print the table of costs, ``beside`` in a column of its own, and the provenance."""
    from rich.text import Text

    from simkit.live.calibrate.writing import provenance

    out = make_console() if console is None else console
    out.print(calibration_table(found, beside))
    out.print(Text("±: half the range over single repeats, of the value", style="dim"))
    out.print()
    out.print(Text(provenance(found).rstrip()))


def calibration_table(found: Calibration, beside: CostTable) -> Table:
    """One row for each value: found, how far repeats went apart, the other table's, how found.

    Of how it was found only the first word, unless it is assumed; the file that is written has all.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    others = flat(beside)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("Cost", no_wrap=True)
    for title in ("Here", "±", "Single repeats", printable(beside.name)):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("Unit", no_wrap=True)
    table.add_column("How", overflow="fold")
    for key, value in found.values().items():
        cost = value.cost
        apart = f"{cost.low_us:.3g}–{cost.high_us:.3g}"
        other = f"{others[key]:.3g}" if key in others else "–"
        cells = (f"{cost.us:.3g}", f"{cost.spread:.0%}", apart, other)
        how = value.how if value.how.startswith("assumed") else value.how.partition(":")[0]
        table.add_row(key, *cells, _unit(key), Text(how, style="dim"))
    return table


def flat(table: CostTable) -> dict[str, float]:
    """The numbers of a cost table by the keys of a calibration, with dots and with pauses."""
    from simkit.host.cooling import Cooling
    from simkit.live.calibrate.cases import PAUSES_US
    from simkit.live.calibrate.fit import after
    from simkit.live.calibrate.result import COOLED_KEYS

    found: dict[str, float] = {}
    for key, value in _values(table.model_dump()):
        if key in COOLED_KEYS:
            price = Cooling(value)
            found |= {after(key, us): price.after(us * 1000) / 1000 for us in PAUSES_US}
        else:
            found[key] = float(value)
    return found


def _values(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The prices of a document, those in its tables with a dot."""
    for key, value in document.items():
        if isinstance(value, dict):
            yield from ((f"{key}.{inner}", price) for inner, price in value.items())
        elif not isinstance(value, str):
            yield key, value
