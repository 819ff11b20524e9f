"""One run in numbers: who came, what they got, which line refused whom, what the server did.

Everything but the quantiles of latency comes from the sums that any run has, so a run that
recorded totals has it too. There is one run and so no interval: `simkit compare` gives those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite, nan

import numpy as np
import numpy.typing as npt

from simkit.engine.run import Run
from simkit.errors import printable
from simkit.measures.load import LATENCIES, WISH_LATENCIES, load_of
from simkit.policy.plan import Rule
from simkit.study.one_run import OneRun
from simkit.study.outcome import near
from simkit.wire import SightKind

Json = dict[str, object]
Mask = npt.NDArray[np.bool_]

__all__ = [
    "Came",
    "Refusal",
    "answer_name",
    "as_json",
    "came",
    "gotten",
    "latency_ms",
    "notes",
    "refusals",
]


@dataclass(frozen=True, slots=True)
class Came:
    """A cohort of a run. ``under_way`` are wishes that had not ended when the window closed."""

    cohort: str
    honest: bool
    clients: int
    requests: int
    refused: int
    wishes: int
    served: int
    under_way: int

    @property
    def unserved(self) -> int:
        """Wishes that ended without what they were for."""
        return self.wishes - self.served - self.under_way

    def to_json(self) -> Json:
        """As plain data."""
        names = ("requests", "refused", "wishes", "served", "unserved", "under_way")
        about = {"cohort": self.cohort, "honest": self.honest, "clients": self.clients}
        return about | {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Refusal:
    """What one rule refused: ``cohorts`` are requests by name of the cohort, ``answers`` by name.

    ``file`` is as seen from the folder of the policy, with the line to look at first.
    """

    rule: Rule | None
    file: str
    line: int
    text: str
    answers: Mapping[str, int]
    cohorts: Mapping[str, int]
    honest: int

    @property
    def requests(self) -> int:
        """How many requests it refused."""
        return sum(self.cohorts.values())

    @property
    def where(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}" if self.rule is not None else "no rule"

    def to_json(self) -> Json:
        """As plain data."""
        return {
            "file": printable(self.file),
            "line": self.line,
            "text": printable(self.text),
            "directive": "" if self.rule is None else printable(self.rule.directive),
            "requests": self.requests,
            "honest": self.honest,
            "answers": dict(self.answers),
            "cohorts": {printable(name): count for name, count in self.cohorts.items()},
        }


def answer_name(status: int, sight: int) -> str:
    """What came of a request in a word: its status; without one what was seen, and what is logged.

    ``200``, ``empty, 444 logged``, ``no answer, not logged``.
    """
    if sight == SightKind.HTTP:
        return str(status)
    seen = SightKind(sight).name.lower().replace("_", " ")
    return f"{seen}, {status} logged" if status else f"{seen}, not logged"


def came(run: Run) -> tuple[Came, ...]:
    """Each cohort's part, in the order of the scenario."""
    clients = run.clients
    place = clients["cohort"].astype(np.int64)

    def sums(name: str) -> list[int]:
        cells = np.bincount(place, clients[name].astype(np.float64), len(run.cohorts))
        return [round(cell) for cell in cells.tolist()]

    columns = (sums(n) for n in ("requests", "refused", "wishes", "served", "open"))
    rows = zip(run.cohorts, *columns, strict=True)
    return tuple(
        Came(cohort.name, cohort.honest, cohort.clients, *cells) for cohort, *cells in rows
    )


def gotten(run: Run) -> dict[str, dict[str, int]]:
    """Requests by answer and cohort: answers of HTTP first, then by status; all cohorts in each."""
    answers = run.answers
    keys = zip(answers["status"].tolist(), answers["sight"].tolist(), strict=True)
    order = sorted(set(keys), key=lambda key: (key[1] != SightKind.HTTP, *key))
    found = {answer_name(*key): dict.fromkeys((c.name for c in run.cohorts), 0) for key in order}
    for row in range(len(answers["status"])):
        name = answer_name(int(answers["status"][row]), int(answers["sight"][row]))
        found[name][_cohort(run, row)] += int(answers["requests"][row])
    return found


def _cohort(run: Run, row: int) -> str:
    return run.cohorts[int(run.answers["cohort"][row])].name


def refusals(found: OneRun) -> tuple[Refusal, ...]:
    """What each rule refused, the one that refused most first."""
    run = found.run
    numbers = run.answers["rule"][run.answers["refused"].astype(np.bool_)]
    each = (_refusal(found, number) for number in np.unique(numbers).tolist())
    return tuple(sorted(each, key=lambda r: (-r.requests, r.file, r.line)))


def _refusal(found: OneRun, number: int) -> Refusal:
    run, answers = found.run, found.run.answers
    honest = {cohort.name for cohort in run.cohorts if cohort.honest}
    rows = np.flatnonzero(answers["refused"].astype(np.bool_) & (answers["rule"] == number))
    by_answer: dict[str, int] = {}
    by_cohort: dict[str, int] = {}
    for row in rows.tolist():
        count = int(answers["requests"][row])
        name = answer_name(int(answers["status"][row]), int(answers["sight"][row]))
        by_answer[name] = by_answer.get(name, 0) + count
        by_cohort[_cohort(run, row)] = by_cohort.get(_cohort(run, row), 0) + count
    hurt = sum(count for name, count in by_cohort.items() if name in honest)
    rule = run.rules[number] if number >= 0 else None
    if rule is None:
        return Refusal(None, "", 0, "", by_answer, by_cohort, hurt)
    source = rule.decisive
    file = near(source.file, found.strategy.home)
    return Refusal(rule, file, source.line, source.text, by_answer, by_cohort, hurt)


def latency_ms(run: Run) -> dict[str, float]:
    """Latency of honest requests that were let through and answered, and of wishes, by name.

    The mean of the requests is there of any run; quantiles need rows, and are nan without.
    """
    answers = run.answers
    honest = np.array([c.honest for c in run.cohorts])[answers["cohort"].astype(np.int64)]
    mask = honest & ~answers["refused"].astype(np.bool_) & (answers["sight"] == SightKind.HTTP)
    count = int(answers["requests"][mask].sum())
    total_ns = int(answers["latency_ns"][mask].sum())
    mean = {"honest_latency_mean_ms": total_ns / count / 1e6 if count else nan}
    if not len(run.requests["sent_ns"]):
        return mean | dict.fromkeys((*LATENCIES, *WISH_LATENCIES), nan)
    return mean | dict(load_of(run).latency_ms)


def as_json(found: OneRun) -> Json:
    """The run as one dictionary, ready for `json.dumps`: numbers that do not exist are None."""
    run = found.run
    return {
        "scenario": printable(run.scenario),
        "policy": printable(run.strategy),
        "seed": run.seed,
        "engine": run.engine,
        "cost_table": printable(run.cost_table),
        "window_s": run.window_ns / 1e9,
        "events": run.events,
        "record": found.record,
        "cohorts": [row.to_json() for row in came(run)],
        "answers": gotten(run),
        "refusals": [refusal.to_json() for refusal in refusals(found)],
        "server": {"workers": found.workers, "slots": found.slots},
        "load": {name: _number(value) for name, value in run.load.items()},
        "latency_ms": {name: _number(value) for name, value in latency_ms(run).items()},
        "notes": list(notes(found)),
        "warnings": [printable(warning) for warning in run.warnings],
    }


def _number(value: float) -> float | None:
    return float(value) if isfinite(value) else None


def notes(found: OneRun) -> Iterator[str]:
    """What has to be known about the numbers."""
    yield "One run: no intervals. simkit compare gives them."
    if found.record == "totals":
        yield (
            "Totals were recorded and no rows: there is no timeline, and latency has a mean but no "
            "quantiles."
        )
    elif found.timeline is None:
        yield "Nothing was sent: there is no timeline."
