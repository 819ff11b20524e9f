"""The course of a comparison's runs: in time, by phase and by answer, over the replications.

====================  ========================================================================
over_time.csv         strategy, from_s, until_s, series, unit, mean, low, high: requests a second by
                      what came of them, their sum, and how long honest wishes took, bin by bin
phases.csv            strategy, phase, from_s, until_s, measure, unit, mean, low, high: the numbers
                      of each phase between two times at which something comes or goes
answers.csv           strategy, answer, side, refused, and requests and bytes in a replication with
                      their bounds
shared, recoveries    see `simkit.study.people`
====================  ========================================================================

The means are over replications, with Student's intervals cut to what is possible; a replication
in which a number does not exist (no honest wish was served in the bin) is left out of its mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from simkit.measures.answers import AnswerSum
from simkit.measures.by_phase import PhaseNumbers
from simkit.measures.intervals import Interval, t_interval
from simkit.measures.over_time import OverTime
from simkit.study.compare import Comparison
from simkit.study.export import Record, rounded, spread, write_table
from simkit.study.people import recovery_rows, shared_rows

Array = npt.NDArray[np.float64]

SENT = "requests sent"
P50, P95 = "honest wishes, median", "honest wishes, 95 %"

__all__ = [
    "COURSES",
    "P50",
    "P95",
    "SENT",
    "Answered",
    "Series",
    "answer_totals",
    "answered",
    "phase_rows",
    "series_of",
    "warm_up_text",
    "write_courses",
]


@dataclass(frozen=True, slots=True)
class Series:
    """One number over time: for each bin its mean over replications with an interval."""

    name: str
    unit: str
    starts_s: Array
    bin_s: float
    values: tuple[Interval, ...]

    @property
    def means(self) -> Array:
        """The mean of each bin; nan where no replication has the number."""
        return np.array([v.mean for v in self.values])


def series_of(found: Comparison, strategy: str) -> tuple[Series, ...]:
    """The requests of a strategy by what came of them, their sum, and the waits of honest wishes.

    Empty where the course of the runs was not kept.
    """
    times = [detail.times for detail in found.details(strategy)]
    if not times:
        return ()
    sums = [sum(t.requests_per_s.values(), np.zeros(t.starts_s.size)) for t in times]
    taken: list[tuple[str, str, list[Array]]] = [
        *(
            (name, "1/s", [t.requests_per_s[name] for t in times])
            for name in times[0].requests_per_s
        ),
        (SENT, "1/s", sums),
        (P50, "ms", [t.wish_p50_ms for t in times]),
        (P95, "ms", [t.wish_p95_ms for t in times]),
    ]
    return tuple(_series(times[0], found.level, *one) for one in taken)


def _series(times: OverTime, level: float, name: str, unit: str, runs: list[Array]) -> Series:
    bins = np.array(runs).T
    values = tuple(t_interval(row, level).within(0.0, np.inf) for row in bins)
    return Series(name, unit, times.starts_s, times.bin_s, values)


def _over_time(found: Comparison) -> list[Record]:
    return [
        {
            "strategy": strategy,
            "from_s": rounded(start),
            "until_s": rounded(start + series.bin_s),
            "series": series.name,
            "unit": series.unit,
            **_bounds(value),
        }
        for strategy in found.strategies
        for series in series_of(found, strategy)
        for start, value in zip(series.starts_s.tolist(), series.values, strict=True)
    ]


def _bounds(value: Interval) -> Record:
    return {
        "mean": rounded(value.mean),
        "low": rounded(value.low),
        "high": rounded(value.high),
    }


_PHASE: tuple[tuple[str, str], ...] = (
    ("requests_per_s", "1/s"),
    ("refused_share", "%"),
    ("bytes_out_per_s", "bytes/s"),
    ("false_drops_per_wish", "%"),
    ("misses", "%"),
    ("wish_p50_ms", "ms"),
    ("wish_p95_ms", "ms"),
    ("wish_p99_ms", "ms"),
)


def phase_rows(found: Comparison) -> list[Record]:
    """One row for each strategy, phase and measure."""
    return [
        {
            "strategy": strategy,
            "phase": several[0].phase.name,
            "from_s": rounded(several[0].phase.from_s),
            "until_s": rounded(several[0].phase.until_s),
            "measure": measure,
            "unit": unit,
            **_bounds(_phase_interval(several, measure, unit, found.level)),
        }
        for strategy in found.strategies
        for several in zip(*(d.phases for d in found.details(strategy)), strict=True)
        for measure, unit in _PHASE
    ]


def _phase_interval(
    several: Sequence[PhaseNumbers], measure: str, unit: str, level: float
) -> Interval:
    values = np.array([getattr(numbers, measure) for numbers in several], dtype=np.float64)
    return t_interval(values, level).within(0.0, 100.0 if unit == "%" else np.inf)


@dataclass(frozen=True, slots=True)
class Answered:
    """How often one side got an answer in a replication, and the bytes of it."""

    strategy: str
    answer: str
    honest: bool
    refused: bool
    requests: Interval
    bytes_out: Interval


def answered(found: Comparison) -> tuple[Answered, ...]:
    """Every answer of every strategy, by name; one that did not occur in a run counts as 0."""
    return tuple(row for strategy in found.strategies for row in _answered(found, strategy))


def _answered(found: Comparison, strategy: str) -> list[Answered]:
    runs = [detail.answers for detail in found.details(strategy)]
    cells: dict[tuple[str, bool, bool], tuple[Array, Array]] = {}
    for number, answers in enumerate(runs):
        for one in answers:
            empty = (np.zeros(len(runs)), np.zeros(len(runs)))
            cell = cells.setdefault(_what(one), empty)
            cell[0][number], cell[1][number] = one.requests, one.bytes_out
    return [
        Answered(strategy, *key, *(t_interval(v, found.level).within(0.0, np.inf) for v in cell))
        for key, cell in sorted(cells.items(), key=lambda item: (item[0][0], not item[0][1]))
    ]


def answer_totals(found: Comparison, strategy: str) -> dict[str, Interval]:
    """``requests`` and ``bytes_out`` of all answers together in a replication."""
    runs = [detail.answers for detail in found.details(strategy)]
    return {
        name: t_interval([float(sum(getattr(a, name) for a in run)) for run in runs], found.level)
        for name in ("requests", "bytes_out")
    }


def _what(one: AnswerSum) -> tuple[str, bool, bool]:
    return one.answer, one.honest, one.refused


def _answers(found: Comparison) -> list[Record]:
    return [
        {
            "strategy": row.strategy,
            "answer": row.answer,
            "side": "honest" if row.honest else "hostile",
            "refused": row.refused,
            **spread("requests", row.requests),
            **spread("bytes_out", row.bytes_out),
        }
        for row in answered(found)
    ]


def warm_up_text(found: Comparison) -> str:
    """Whether the runs have a warm-up, or why none is looked for; empty where it is not known."""
    details = found.details(found.baseline)
    if not details:
        return ""
    whys = list(dict.fromkeys(d.warm_up.why for d in details if not d.warm_up.found))
    if whys:
        return f"Warm-up: {'; '.join(whys)}"
    most = max(details, key=lambda d: d.warm_up.cut).warm_up
    return f"Warm-up (MSER-5 of the waits of honest wishes under {found.baseline}): {most.text}"


COURSES: dict[str, Callable[[Comparison], list[Record]]] = {
    "over_time": _over_time,
    "phases": phase_rows,
    "answers": _answers,
    "shared": shared_rows,
    "recoveries": recovery_rows,
}
"""Each table by its name, which is also that of its file."""


def write_courses(found: Comparison, folder: Path) -> tuple[Path, ...]:
    """Write every table of `COURSES` as CSV; the paths. None where the courses were not kept."""
    if not found.details(found.baseline):
        return ()
    folder.mkdir(parents=True, exist_ok=True)
    return tuple(write_table(folder / f"{n}.csv", make(found)) for n, make in COURSES.items())
