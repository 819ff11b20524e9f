"""One run as files: the same bytes for the same run, and a README that says what is in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from simkit.accesslog import visible
from simkit.engine.run import Columns, Run
from simkit.errors import printable
from simkit.measures.timeline import Timeline
from simkit.study.export import Record, csv_bytes
from simkit.study.one_run import OneRun
from simkit.study.outcome import near
from simkit.study.run_summary import as_json, notes
from simkit.study.sweep.store import parquet_bytes, write_whole
from simkit.wire import Shape, SightKind

if TYPE_CHECKING:
    import polars as pl

__all__ = ["COLUMNS", "FIGURE", "TIMELINE", "request_frame", "wish_frame", "write_run"]

_COMMON = {
    "cohort": "the client's cohort",
    "honest": "whether that is an honest one",
    "client": "number of the client in the run",
    "address": "the client's address",
    "wish": "number of the wish within its client",
}
_RULE = {
    "rule": "file:line of the rule that decided, the place to look at first; null: none did",
    "directive": "the directive of that rule",
}

COLUMNS: dict[str, dict[str, str]] = {
    "requests.parquet": {
        "sent_ns": "when the client began this attempt, in nanoseconds since the start of the run",
        **_COMMON,
        "item": "part of the wish: 0 is the document, then its resources",
        "attempt": "0 is the first attempt at this item",
        "method": "of the request",
        "target": "path and query as sent",
        "host": "the Host header; null: none was sent",
        "agent": "the User-Agent header; null: none was sent",
        "version": "of the protocol",
        "port": "of the server",
        "tls": "whether the request came over TLS",
        "status": "as nginx logs it; 0: nothing was logged",
        "sight": "what the client saw: http, empty (closed without a byte), reset, no answer …",
        "seen_status": "the status that the client saw; 0: none",
        "bytes": "sent by the server, headers and body",
        "delay_ns": "waited in a limit",
        "latency_ns": "from sent_ns until the client saw the end",
        **_RULE,
        "refused": "whether the policy turned the request away",
        "reused": "whether it went over a connection that had served before",
    },
    "wishes.parquet": {
        "start_ns": "when the wish began, in nanoseconds since the start of the run",
        "end_ns": "when it was served or given up",
        **_COMMON,
        "attempts": "requests on the wire for this wish",
        "served": "whether everything was served in the end",
        "refusals": "attempts that the policy turned away",
        "rule": "file:line of the rule that refused last; null: none did",
        "directive": "the directive of that rule",
        "open": "whether the window closed before the wish ended",
    },
}
"""What stands in each column of each table."""

TIMELINE = {
    "start_s": "where the bin begins, in seconds",
    "cpu_percent": "of the time of all workers",
    "honest_wish_p50_ms": "median time of the honest wishes begun in the bin and served",
    "honest_wish_p95_ms": "95 % of them took at most this long",
    "requests_per_s: COHORT": "requests sent",
    "refused_percent: COHORT": "of them, those that the policy turned away",
}
"""What stands in timeline.csv, and beside it what the server held at the beginning of the bin."""


FIGURE = "timeline.png"
_OF_ROWS = (*COLUMNS, "timeline.csv", FIGURE)


def write_run(found: OneRun, folder: Path) -> tuple[Path, ...]:
    """Write tables, summary and README into a folder, which is made if need be.

    Without rows there are no tables, and those of an earlier run are removed. Raises OSError where
    the folder cannot be written to.
    """
    content = dict(_files(found))
    for name in _OF_ROWS:
        (folder / name).unlink(missing_ok=True)
    content["README.md"] = _readme(found, list(content)).encode()
    for name, data in content.items():
        write_whole(folder / name, data)
    return tuple(folder / name for name in content)


def _files(found: OneRun) -> Iterator[tuple[str, bytes]]:
    if found.timeline is not None:
        yield "requests.parquet", parquet_bytes(request_frame(found))
        yield "wishes.parquet", parquet_bytes(wish_frame(found))
        yield "timeline.csv", csv_bytes(list(_bins(found.run, found.timeline)))
    text = json.dumps(as_json(found), indent=2, ensure_ascii=True, allow_nan=False)
    yield "summary.json", f"{text}\n".encode()


# The tables


def request_frame(found: OneRun) -> pl.DataFrame:
    """The requests of a run with names in place of numbers; `COLUMNS` says what is what."""
    run, columns = found.run, found.run.requests
    shapes: dict[str, Callable[[Shape], object]] = {
        "method": lambda s: visible(s.method),
        "target": lambda s: visible(s.target),
        "host": lambda s: _shown(s.header("Host")),
        "agent": lambda s: _shown(s.header("User-Agent")),
        "version": lambda s: s.version.value,
        "port": lambda s: s.port,
        "tls": lambda s: s.tls,
    }
    named = _named(found, columns)
    for name, read in shapes.items():
        named[name] = _gathered([read(shape) for shape in run.shapes], columns["shape"])
    sights = [kind.name.lower().replace("_", " ") for kind in SightKind]
    named["sight"] = _gathered(sights, columns["sight"])
    return _frame("requests.parquet", columns, named)


def wish_frame(found: OneRun) -> pl.DataFrame:
    """The wishes of a run with names in place of numbers; `COLUMNS` says what is what."""
    return _frame("wishes.parquet", found.run.wishes, _named(found, found.run.wishes))


def _frame(table: str, columns: Columns, named: dict[str, pl.Series]) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame({name: named.get(name, columns.get(name)) for name in COLUMNS[table]})


def _named(found: OneRun, columns: Columns) -> dict[str, pl.Series]:
    """What both tables name: cohort and side, address, rule."""
    run = found.run
    home = found.strategy.home
    places = [f"{near(s.file, home)}:{s.line}" for s in (rule.decisive for rule in run.rules)]
    return {
        "cohort": _gathered([c.name for c in run.cohorts], columns["cohort"]),
        "honest": _gathered([c.honest for c in run.cohorts], columns["cohort"]),
        "address": _gathered(run.addresses, columns["address"]),
        "rule": _gathered([*places, None], columns["rule"]),
        "directive": _gathered([*(r.directive for r in run.rules), None], columns["rule"]),
    }


def _gathered(values: Sequence[object], numbers: npt.NDArray[np.generic]) -> pl.Series:
    """The value of each number; -1 is the last one."""
    import polars as pl

    return pl.Series(values).gather(numbers.astype(np.int64) % len(values))


def _shown(text: str | None) -> str | None:
    return None if text is None else visible(text)


def _bins(run: Run, told: Timeline) -> Iterator[Record]:
    """The timeline bin by bin. What was held is taken at the beginning of each."""
    step = (told.held_s.size - 1) // told.starts_s.size
    for number, start_s in enumerate(told.starts_s.tolist()):
        yield {
            "start_s": start_s,
            **{name: float(values[number * step]) for name, values in told.held.items()},
            "cpu_percent": float(told.cpu_percent[number]),
            "honest_wish_p50_ms": _cell(told.wish_p50_ms[number]),
            "honest_wish_p95_ms": _cell(told.wish_p95_ms[number]),
            **_by_cohort(run, "requests_per_s", told.arrivals_per_s[:, number]),
            **_by_cohort(run, "refused_percent", told.refused_percent[:, number]),
        }


def _by_cohort(run: Run, what: str, values: npt.NDArray[np.float64]) -> Record:
    names = (f"{what}: {printable(cohort.name)}" for cohort in run.cohorts)
    return {name: _cell(value) for name, value in zip(names, values, strict=True)}


def _cell(value: float) -> float | None:
    return float(value) if isfinite(value) else None


# What is what


def _readme(found: OneRun, files: Sequence[str]) -> str:
    return "\n".join((*_about(found), *_described(found, files), ""))


def _about(found: OneRun) -> Iterator[str]:
    run = found.run
    yield f"# {printable(run.scenario)} under {printable(run.strategy)}"
    yield ""
    yield (
        f"One run of {run.window_ns / 1e9:g} s, seed {run.seed}, on the {run.engine} engine, with "
        f"the cost table {printable(run.cost_table)}. Equal inputs give equal files."
    )
    yield ""
    yield from (f"- {note}" for note in notes(found))
    yield from (f"- warning: {printable(warning)}" for warning in run.warnings)


def _described(found: OneRun, files: Sequence[str]) -> Iterator[str]:
    yield from ("", "`summary.json`: what `simkit simulate --json` prints.")
    for name in files:
        if name in COLUMNS:
            yield from ("", f"## {name}", "", *_table(COLUMNS[name]))
    if found.timeline is not None:
        held = dict.fromkeys(found.timeline.held, "at the beginning of the bin")
        yield from ("", f"## timeline.csv: bins of {found.timeline.bin_s:g} s", "")
        yield from _table({**TIMELINE, **held})
        yield from ("", f"{FIGURE} shows the same.")


def _table(columns: dict[str, str]) -> Iterator[str]:
    yield "| column | what it is |"
    yield "| --- | --- |"
    yield from (f"| {name} | {text} |" for name, text in columns.items())
