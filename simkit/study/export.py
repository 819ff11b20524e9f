"""A comparison as files: CSV tables with the same bytes every time, and one dictionary.

==================  ========================================================================
measures.csv        strategy, measure, cohort, unit, mean, low, high, n
differences.csv     the same of each strategy minus the baseline, pair by pair, with a verdict;
                    the intervals of all strategies in one number hold together
replications.csv    strategy, replication, measure, cohort, unit, value: what each run gave
leakage.csv         strategy, secret, attacker: prior and posterior vulnerability, advantage,
                    min-entropy leakage in bits, probes until 95 %, and what it rests on
seen.csv            strategy, secret, attacker, world: what the attacker saw, by which rule
rules.csv           strategy, rule (file and line), cohort: refused requests and dropped wishes
                    per replication, and those wishes as a share of the cohort's
==================  ========================================================================

Numbers are rounded to `SIGNIFICANT` digits; a number that does not exist (no interval from one
replication, no wishes to take a share of) is empty in CSV and null in the dictionary. ``low`` and
``high`` bound the mean at the comparison's level. ``cohort`` is the name of a cohort or a group,
``(all honest)``, ``(all hostile)`` or ``(server)``.

The dictionary of `as_json`::

    {"scenario": str, "seed": int, "level": float, "baseline": str,
     "replications": {"wanted": int, "done": int}, "interrupted": bool,
     "strategies": [{"name": str, "about": str}],
     "groups": {name: [cohort, …]},
     "measures" | "differences" | "leakage" | "seen" | "rules": [row, …],
     "warnings": [str, …], "notes": [str, …]}

where each row has the columns of the CSV file of that name. The values of each run stand in
replications.csv only.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from simkit.errors import printable
from simkit.policy.source import Source
from simkit.study.compare import Comparison, Row
from simkit.study.outcome import near

if TYPE_CHECKING:
    import pandas as pd

SIGNIFICANT = 9
"""Significant digits of every number written."""

Cell = str | int | float | bool | None
Record = dict[str, Cell]

__all__ = ["SIGNIFICANT", "TABLES", "Cell", "Record", "as_json", "csv_bytes", "frame", "write_csv"]


def _rounded(value: float) -> float | None:
    return float(f"{value:.{SIGNIFICANT}g}") if isfinite(value) else None


def _row(row: Row) -> Record:
    found = row.interval
    return {
        "strategy": row.strategy,
        "measure": row.measure,
        "cohort": row.cohort,
        "unit": row.unit,
        "mean": _rounded(found.mean),
        "low": _rounded(found.low),
        "high": _rounded(found.high),
        "n": found.n,
    }


def _measures(found: Comparison) -> list[Record]:
    return [_row(row) for row in found.rows()]


def _differences(found: Comparison) -> list[Record]:
    return [
        {**_row(row), "against": row.against, "verdict": row.verdict} for row in found.differences()
    ]


def _replications(found: Comparison) -> list[Record]:
    return [
        {
            "strategy": strategy,
            "replication": replication,
            "measure": value.measure,
            "cohort": value.cohort,
            "unit": value.unit,
            "value": _rounded(value.value),
        }
        for (strategy, replication), values in found.raw.items()
        for value in values
    ]


def _leakage(found: Comparison) -> list[Record]:
    return [
        {
            "strategy": strategy,
            "secret": leak.secret,
            "attacker": leak.attacker,
            "prior_vulnerability": _rounded(leak.prior_vulnerability),
            "posterior_vulnerability": _rounded(leak.posterior_vulnerability),
            "advantage": _rounded(leak.advantage),
            "leakage_bits": _rounded(leak.leakage_bits),
            "probes_until_95_percent": _rounded(leak.probes_until_sure),
            "basis": leak.basis,
        }
        for strategy, leaks in found.leakage.items()
        for leak in leaks
    ]


def _seen(found: Comparison) -> list[Record]:
    return [
        {
            "strategy": strategy,
            "secret": leak.secret,
            "attacker": leak.attacker,
            "world": seen.world,
            "probe": printable(seen.probe),
            "symbol": printable(seen.symbol),
            "refused": seen.refused,
            "rule": "" if seen.rule is None else _place(found, strategy, seen.rule.decisive),
            "note": seen.note,
        }
        for strategy, leaks in found.leakage.items()
        for leak in leaks
        for seen in leak.seen
    ]


def _place(found: Comparison, strategy: str, source: Source) -> str:
    home = found.homes.get(strategy)
    file = source.file if home is None else near(source.file, home)
    return printable(f"{file}:{source.line}")


def _rules(found: Comparison) -> list[Record]:
    return [
        {
            "strategy": rule.strategy,
            "file": printable(rule.file),
            "line": rule.line,
            "text": printable(rule.text),
            "directive": printable(rule.directive),
            "cohort": rule.cohort,
            "honest": rule.honest,
            "refused_requests": _rounded(rule.refused),
            "dropped_wishes": _rounded(rule.dropped),
            "dropped_share_percent": _rounded(rule.dropped_share),
        }
        for rule in found.rules
    ]


TABLES: dict[str, Callable[[Comparison], list[Record]]] = {
    "measures": _measures,
    "differences": _differences,
    "replications": _replications,
    "leakage": _leakage,
    "seen": _seen,
    "rules": _rules,
}
"""Each table by its name, which is also that of its file."""


def frame(found: Comparison, table: str) -> pd.DataFrame:
    """A table of `TABLES` as a data frame; KeyError for a name that is none."""
    import pandas as pd

    return pd.DataFrame(TABLES[table](found))


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return f"{cell:.{SIGNIFICANT}g}" if isinstance(cell, float) else str(cell)


def write_csv(found: Comparison, folder: Path) -> tuple[Path, ...]:
    """Write every table into the folder, which is made if need be; the paths written."""
    folder.mkdir(parents=True, exist_ok=True)
    return tuple(_write(folder / f"{name}.csv", make(found)) for name, make in TABLES.items())


def _write(path: Path, records: Sequence[Record]) -> Path:
    path.write_bytes(csv_bytes(records))
    return path


def csv_bytes(records: Sequence[Record]) -> bytes:
    """Records of the same columns as CSV, `SIGNIFICANT` digits each; empty without any."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    if records:
        writer.writerow(records[0])
    writer.writerows([_text(cell) for cell in record.values()] for record in records)
    return file.getvalue().encode()


def as_json(found: Comparison) -> dict[str, object]:
    """The comparison as the dictionary that the module describes, ready for `json.dumps`."""
    tables = {name: make(found) for name, make in TABLES.items() if name != "replications"}
    return {
        "scenario": found.scenario,
        "seed": found.seed,
        "level": found.level,
        "baseline": found.baseline,
        "replications": {"wanted": found.wanted, "done": found.replications},
        "interrupted": found.interrupted,
        "strategies": [{"name": s, "about": found.about.get(s, "")} for s in found.strategies],
        "groups": {name: list(members) for name, members in found.groups.items()},
        **tables,
        "warnings": list(found.warnings),
        "notes": list(found.notes),
    }
