"""The results of a study as files: the same bytes for the same study, however it was run.

They stand beside the cells once every cell is done or has failed, and never for a part of a study.
`README.md` among them says what is in each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from math import isfinite
from pathlib import Path

from simkit.errors import printable
from simkit.study.compare import Comparison, groups_of
from simkit.study.export import SIGNIFICANT, TABLES, Cell, Record, csv_bytes
from simkit.study.sweep.findings import Sweep
from simkit.study.sweep.grid import Point, Value, as_text
from simkit.study.sweep.store import parquet_bytes, write_whole
from simkit.study.sweep.table import Row, frame_of, rows_of

_BY_POINT = ("measures", "differences", "leakage", "rules")
_FILES = {
    "results.parquet": "what each run gave, in full precision",
    "results.csv": f"the same, with {SIGNIFICANT} significant digits",
    "measures.csv": "the mean over the replications, with its interval (``low`` to ``high``, 95 %)",
    "differences.csv": "the same of each strategy minus the first, pair by pair, with a verdict",
    "leakage.csv": "what an attacker learns; computed from the rules, so without an interval",
    "rules.csv": "what each rule did to each cohort, per replication",
    "cells.csv": "every run: whether it is done, its error, and fingerprints of its inputs",
}
_README = "README.md"

__all__ = ["as_json", "remove_results", "write_results"]


def remove_results(folder: Path) -> None:
    """Remove what `write_results` has written: it is not that of the study as it is now."""
    for name in (*_FILES, _README):
        (folder / name).unlink(missing_ok=True)


def write_results(found: Sweep, folder: Path) -> tuple[Path, ...]:
    """Write every results file into the folder; the paths written."""
    rows = list(_rows(found))
    grid = [point.values for point in found.study.points]
    content = {
        "results.parquet": parquet_bytes(frame_of(rows, grid)),
        "results.csv": csv_bytes([_record(found, row) for row in rows]),
        **{f"{name}.csv": csv_bytes(list(_table(found, name))) for name in _BY_POINT},
        "cells.csv": csv_bytes(list(_cells(found))),
        _README: _readme(found).encode(),
    }
    for name, data in content.items():
        write_whole(folder / name, data)
    return tuple(folder / name for name in content)


def _rows(found: Sweep) -> Iterator[Row]:
    """The numbers of every run that are kept: by point, replication and strategy."""
    study = found.study
    for point, comparison in zip(study.points, found.comparisons, strict=True):
        groups = groups_of(point.scenario)
        for outcome in () if comparison is None else comparison.outcomes:
            for row in rows_of(outcome, point.values, groups):
                if not study.measures or row[-4] in study.measures:
                    yield row


def _record(found: Sweep, row: Row) -> Record:
    paths = [axis.path for axis in found.study.axes]
    names = ("strategy", *paths, "replication", "measure", "cohort", "unit", "value")
    return {name: _plain(cell) for name, cell in zip(names, row, strict=True)}


def _plain(value: Value) -> Cell:
    """A value as a cell of CSV, where what is no number is empty."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    return value if isinstance(value, str | int | bool) else as_text(value)


def _table(found: Sweep, name: str) -> Iterator[Record]:
    """A table of the comparisons of all points, with the point in each row."""
    for point, comparison in zip(found.study.points, found.comparisons, strict=True):
        for record in () if comparison is None else _kept(found, comparison, name):
            strategy = record.pop("strategy")
            yield {"strategy": strategy, **_place(point), **record}


def _kept(found: Sweep, comparison: Comparison, name: str) -> Iterator[Record]:
    kept = found.study.measures
    for record in TABLES[name](comparison):
        if not kept or record.get("measure", kept[0]) in kept:
            yield record


def _place(point: Point) -> Record:
    return {path: _plain(value) for path, value in point.values.items()}


def _cells(found: Sweep) -> Iterator[Record]:
    failures = {id(failed.cell): failed.failure for failed in found.failed}
    for cell in found.cells:
        failure = failures.get(id(cell))
        yield {
            "strategy": cell.strategy,
            **{path: _plain(json.loads(cell.point)[path]) for path in _paths(found)},
            "replication": cell.replication,
            "status": "done" if failure is None else "failed",
            "error": "" if failure is None else failure.error,
            "where": "" if failure is None else failure.where,
            "seed": cell.task.seed,
            "engine": cell.engine,
            **cell.inputs,
        }


def _paths(found: Sweep) -> list[str]:
    return [axis.path for axis in found.study.axes]


_COLUMNS = """\
Columns: `strategy`; one for each varied parameter, named by its path; `replication`, from 0, of
which equal ones met the same crowd; `measure`, `cohort`, `unit` and `value`. `cohort` is the name
of a cohort, a group in parentheses such as `(all honest)`, or `(server)`. What does not exist,
such as a share of nothing, is empty in CSV and nan in Parquet. Equal studies give equal files, to
the byte."""


def _readme(found: Sweep) -> str:
    study = found.study
    strategies = f"{len(study.strategies)} strategies ({', '.join(study.strategies)})"
    runs = f"{study.replications} replications, seed {study.seed}"
    axes = [f"- `{a.path}`{_called(a.label)}: {_listed(a.values)}" for a in study.axes]
    files = [f"| {name} | {what} |" for name, what in _FILES.items()]
    lines = [
        *(f"# {study.name}", ""),
        *([study.title, ""] if study.title else []),
        *(f"{strategies}, {len(study.points)} points, {runs}.", ""),
        *([*axes, ""] if axes else []),
        *("| file | what it holds |", "|---|---|", *files),
        *("| cells/ | one Parquet file for each run, of which the others are made |", ""),
    ]
    return "\n".join([*map(printable, lines), _COLUMNS, ""])


def _called(label: str) -> str:
    return f" ({label})" if label else ""


def _listed(values: tuple[Value, ...]) -> str:
    return ", ".join(as_text(value) for value in values)


def as_json(found: Sweep) -> dict[str, object]:
    """The study as one dictionary: what was run, what failed, and the tables by point.

    ::

        {"study": str, "title": str, "seed": int, "engine": str, "strategies": [str, …],
         "vary": [{"path": str, "label": str, "values": […]}, …], "replications": int,
         "cells": {"wanted": int, "done": int, "failed": int},
         "measures" | "differences" | "leakage" | "rules": [row, …],
         "failed": [{"strategy", parameters …, "replication", "error", "where"}, …],
         "warnings": [str, …]}
    """
    study = found.study
    broken = len(found.failed)
    names = ("strategy", *_paths(found), "replication", "error", "where")
    failed = [row for row in _cells(found) if row["status"] == "failed"]
    return {
        "study": study.name,
        "title": study.title,
        "seed": study.seed,
        "engine": study.engine,
        "strategies": list(study.strategies),
        "vary": [{"path": a.path, "label": a.label, "values": list(a.values)} for a in study.axes],
        "replications": study.replications,
        "cells": {"wanted": study.size, "done": study.size - broken - found.left, "failed": broken},
        **{name: list(_table(found, name)) for name in _BY_POINT},
        "failed": [_only(row, names) for row in failed],
        "warnings": list(found.warnings),
    }


def _only(record: Mapping[str, Cell], names: tuple[str, ...]) -> Record:
    return {name: record[name] for name in names}
