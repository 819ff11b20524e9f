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
                    per replication, and those wishes as a share of the cohort's, with intervals
winners.csv         question, cohort: each winner with its value, and a row for each price that it
                    pays elsewhere, with an interval; a question without a winner says why
front.csv           strategy: whether it is on the Pareto front, and which others are better
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
     "measures" | "differences" | "leakage" | "seen" | "rules" | "winners" | "front": [row, …],
     "warnings": [str, …], "notes": [str, …]}

where each row has the columns of the CSV file of that name. The values of each run stand in
replications.csv only.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING

from simkit.errors import printable
from simkit.measures.intervals import Interval
from simkit.measures.statistics import NOT_FOUND
from simkit.policy.source import Source
from simkit.study.compare import Comparison, Row
from simkit.study.outcome import near
from simkit.study.pareto import Answer, Price, trade_off, winners

if TYPE_CHECKING:
    import pandas as pd

SIGNIFICANT = 9
"""Significant digits of every number written."""

Cell = str | int | float | bool | None
Record = dict[str, Cell]

__all__ = [
    "SIGNIFICANT",
    "TABLES",
    "Cell",
    "Record",
    "as_json",
    "csv_bytes",
    "frame",
    "rounded",
    "spread",
    "write_csv",
    "write_table",
]


def rounded(value: float) -> float | None:
    """A number to `SIGNIFICANT` digits; None for what is none."""
    return float(f"{value:.{SIGNIFICANT}g}") if isfinite(value) else None


def _row(row: Row) -> Record:
    found = row.interval
    return {
        "strategy": row.strategy,
        "measure": row.measure,
        "cohort": row.cohort,
        "unit": row.unit,
        "mean": rounded(found.mean),
        "low": rounded(found.low),
        "high": rounded(found.high),
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
            "value": rounded(value.value),
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
            "prior_vulnerability": rounded(leak.prior_vulnerability),
            "posterior_vulnerability": rounded(leak.posterior_vulnerability),
            "advantage": rounded(leak.advantage),
            "leakage_bits": rounded(leak.leakage_bits),
            "probes_until_95_percent": rounded(leak.probes_until_sure),
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
            **spread("refused_requests", rule.refusals),
            **spread("dropped_wishes", rule.losses),
            **spread("dropped_share_percent", rule.share),
        }
        for rule in found.rules
    ]


def spread(name: str, found: Interval) -> Record:
    """A number and its bounds, in three columns."""
    return {
        name: rounded(found.mean),
        f"{name}_low": rounded(found.low),
        f"{name}_high": rounded(found.high),
    }


def _winners(found: Comparison) -> list[Record]:
    if len(found.strategies) < 2:
        return []
    return [row for answer in winners(found) for row in _answer(answer)]


def _answer(answer: Answer) -> list[Record]:
    asked: Record = {"question": answer.criterion.measure, "of": answer.criterion.of}
    nobody = Interval(nan, nan, nan, 0)
    if not answer.winners:
        said = "no difference that matters" if answer.alike else NOT_FOUND
        return [_won(asked, "", nobody, None, said)]
    return [
        _won(asked, winner.strategy, winner.value, price, "")
        for winner in answer.winners
        for price in (winner.prices or (None,))
    ]


def _won(asked: Record, winner: str, value: Interval, price: Price | None, said: str) -> Record:
    paid = Interval(nan, nan, nan, 0) if price is None else price.difference
    return {
        **asked,
        "winner": winner,
        **spread("value_percent", value),
        "pays_in": "" if price is None else price.criterion.name,
        "more_than": "" if price is None else price.best,
        **spread("more_percentage_points", paid),
        "note": said,
    }


def _front(found: Comparison) -> list[Record]:
    if len(found.strategies) < 2:
        return []
    return [
        {
            "strategy": s.strategy,
            "on_front": s.on_front,
            "better_all_round": "; ".join(s.dominated_by),
            "perhaps_better": "; ".join(s.perhaps_by),
        }
        for s in trade_off(found).standings
    ]


TABLES: dict[str, Callable[[Comparison], list[Record]]] = {
    "measures": _measures,
    "differences": _differences,
    "replications": _replications,
    "leakage": _leakage,
    "seen": _seen,
    "rules": _rules,
    "winners": _winners,
    "front": _front,
}
"""Each table by its name, which is also that of its file."""


def frame(found: Comparison, table: str) -> pd.DataFrame:
    """A table of `TABLES` or of `simkit.study.courses` as a data frame.

    KeyError for a name that is none.
    """
    import pandas as pd

    from simkit.study.courses import COURSES

    return pd.DataFrame({**TABLES, **COURSES}[table](found))


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return f"{cell:.{SIGNIFICANT}g}" if isinstance(cell, float) else str(cell)


def write_csv(found: Comparison, folder: Path) -> tuple[Path, ...]:
    """Write every table into the folder, which is made if need be; the paths written."""
    folder.mkdir(parents=True, exist_ok=True)
    return tuple(write_table(folder / f"{name}.csv", make(found)) for name, make in TABLES.items())


def write_table(path: Path, records: Sequence[Record]) -> Path:
    """Write records of the same columns as CSV; the path."""
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
