"""One run of a comparison: what is to be done, and what is kept of it.

A whole `Run` is large; a comparison keeps the counts of drops and the vector of load, which are
small, pickle, and hold everything that its tables and figures say.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from simkit.engine.choice import Engine
from simkit.engine.run import Run
from simkit.measures.drops import CohortDrops, RuleDrops, drops_of, together
from simkit.measures.load import Load, load_of
from simkit.study.shared import Shared

if TYPE_CHECKING:
    from simkit.strategy import AnyStrategy, Strategy
    from simkit.traffic import Scenario

# Names that no cohort of a scenario can have.
ALL_HONEST = "(all honest)"
ALL_HOSTILE = "(all hostile)"
SERVER = "(server)"

_TURN = threading.Lock()
"""Runs in one process take turns: those of one scenario and policy share tables that grow."""

__all__ = [
    "ALL_HONEST",
    "ALL_HOSTILE",
    "MEASURES",
    "SERVER",
    "Engine",
    "Measure",
    "Outcome",
    "RuleTally",
    "Simulate",
    "Task",
    "Value",
    "near",
    "outcome_of",
    "perform",
    "run_task",
    "unit_of",
]


class Simulate(Protocol):
    """The engine's entry: one run. Has to be importable where runs go to other processes."""

    def __call__(
        self, scenario: Scenario, strategy: AnyStrategy, /, *, seed: int, replication: int
    ) -> Run:
        """Run the scenario once under the policy."""
        ...


@dataclass(frozen=True, slots=True)
class Task:
    """One replication of one strategy. ``engine`` is that of `simkit.simulate`; it is not asked
    where ``simulate`` gives another.
    """

    strategy: str
    under: Shared[Strategy]
    scenario: Shared[Scenario]
    seed: int
    replication: int
    simulate: Simulate | None = None
    engine: Engine = "auto"


@dataclass(frozen=True, slots=True)
class Value:
    """One number of one run: ``cohort`` is a name, a group, or `SERVER`."""

    measure: str
    cohort: str
    unit: str
    value: float


@dataclass(frozen=True, slots=True)
class Measure:
    """A number that `CohortDrops` gives, under the name and unit that users see.

    ``side`` says of whom it is taken: ``honest``, ``hostile`` or ``both``.
    """

    name: str
    attribute: str
    unit: str
    side: str
    scale: float = 1.0
    highest: float = float("inf")

    def of(self, counts: CohortDrops) -> float:
        """The number for a cohort, in ``unit``."""
        return float(getattr(counts, self.attribute)) * self.scale

    def concerns(self, *, honest: bool) -> bool:
        """Whether it is taken of clients of this side."""
        return self.side in ("both", "honest" if honest else "hostile")


def _percent(name: str, attribute: str, side: str) -> Measure:
    return Measure(name, attribute, "%", side, 100.0, 100.0)


MEASURES: tuple[Measure, ...] = (
    _percent("false_drops_per_wish", "dropped_share", "honest"),
    _percent("false_drops_per_request", "refused_share", "honest"),
    _percent("recovered", "recoverable_share", "honest"),
    _percent("failed_wishes", "failed_share", "honest"),
    _percent("misses", "served_share", "hostile"),
    Measure("attempts_per_wish", "attempts_per_wish", "requests", "both"),
    Measure("attempts_per_item", "attempts_per_item", "requests", "both"),
    Measure("wishes", "wishes", "wishes", "both"),
    Measure("open_wishes", "open", "wishes", "both"),
)
"""Every measure that is taken by cohort."""

_UNITS = {"s": "s", "ms": "ms", "ns": "ns", "bytes": "bytes", "share": "%", "utilisation": "%"}


def unit_of(name: str) -> str:
    """The unit that the name of a load says, in its last word if it can, else ``count``.

    A share is counted as 1 by the engine and shown in per cent.
    """
    words = reversed(name.split("_"))
    return next((_UNITS[word] for word in words if word in _UNITS), "count")


@dataclass(frozen=True, slots=True)
class RuleTally:
    """What a rule did to a cohort in one run; ``file`` is relative to the policy's folder."""

    file: str
    line: int
    text: str
    directive: str
    cohort: str
    honest: bool
    refused: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is kept of one run.

    Cohorts that are ``unservable`` ask for nothing that could be served, as Slowloris and floods of
    handshakes do: they
    have no misses, and all hostile cohorts together are meant without them.
    """

    strategy: str
    replication: int
    drops: tuple[CohortDrops, ...]
    rules: tuple[RuleTally, ...]
    load: Load
    unservable: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def cohorts(self, groups: Mapping[str, tuple[str, ...]]) -> tuple[CohortDrops, ...]:
        """Every cohort, both sides together, then each group (of one side) that has members."""
        sides = tuple(self._together(honest) for honest in (True, False))
        return (*sides, *self.drops, *(self._group(n, m) for n, m in groups.items() if m))

    def _together(self, honest: bool) -> CohortDrops:
        name = ALL_HONEST if honest else ALL_HOSTILE
        side = (c for c in self.drops if c.honest == honest and c.cohort not in self.unservable)
        return together(name, side, honest=honest)

    def _group(self, name: str, members: tuple[str, ...]) -> CohortDrops:
        found = [c for c in self.drops if c.cohort in members]
        return together(name, found, honest=found[0].honest)

    def values(self, groups: Mapping[str, tuple[str, ...]]) -> tuple[Value, ...]:
        """Every number of the run, by cohort and group, then the server's."""
        taken = tuple(
            Value(measure.name, counts.cohort, measure.unit, measure.of(counts))
            for counts in self.cohorts(groups)
            for measure in MEASURES
            if measure.concerns(honest=counts.honest)
            if measure.name != "misses" or counts.cohort not in self.unservable
        )
        return taken + tuple(_load_value(n, v) for n, v in self.load.vector().items())


def _load_value(name: str, value: float) -> Value:
    unit = unit_of(name)
    return Value(name, SERVER, unit, 100.0 * value if unit == "%" else float(value))


def run_task(task: Task) -> Outcome:
    """Do one task, here or in another process."""
    return outcome_of(task, perform(task))


def perform(task: Task) -> Run:
    """The run that a task asks for."""
    simulate = _engine(task.engine) if task.simulate is None else task.simulate
    with _TURN:
        return simulate(
            task.scenario.value, task.under.value, seed=task.seed, replication=task.replication
        )


def outcome_of(task: Task, run: Run) -> Outcome:
    """What is kept of the run of a task. Raises InputError where it recorded totals only."""
    scenario = task.scenario.value
    found = drops_of(run)
    home = task.under.value.home
    return Outcome(
        task.strategy,
        task.replication,
        found.cohorts,
        tuple(_tally(rule, home) for rule in found.rules),
        load_of(run),
        tuple(c.name for c in scenario.cohorts if not c.wants_answers),
        tuple(w.replace(f"{home}/", "") for w in run.warnings),
    )


def _tally(found: RuleDrops, home: Path) -> RuleTally:
    source = found.rule.decisive
    place = (near(source.file, home), source.line, source.text, found.rule.directive)
    return RuleTally(*place, found.cohort, found.honest, found.refused, found.dropped)


def near(file: str, home: Path) -> str:
    """A file as seen from the folder of the policy, where it lies below it: the same anywhere."""
    path = Path(file)
    if path.is_relative_to(home):
        return path.relative_to(home).as_posix()
    beside = path.is_relative_to(home.parent)  # as a strategy's own file may be
    return f"../{path.relative_to(home.parent).as_posix()}" if beside else file


def _engine(engine: Engine) -> Simulate:
    from simkit.engine import simulate

    return partial(simulate, engine=engine)
