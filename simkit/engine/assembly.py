"""A `Run` from what an engine has recorded: rows in order, names in place of numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from simkit.engine.rows import first_seen, renumber
from simkit.engine.run import MARKS, CohortName, Columns, Progress, Record, Run
from simkit.engine.stage import Stage
from simkit.engine.sums import summed_answers
from simkit.host import Clock, CostTable
from simkit.policy.plan import Rule

__all__ = ["Recorded", "Setup", "assemble"]


@dataclass(frozen=True, slots=True)
class Setup:
    """What an engine needs to run."""

    stage: Stage
    cost_table: CostTable
    clock: Clock
    seed: int
    replication: int
    record: Record
    progress: Progress | None = None

    def tell(self, marks: int) -> None:
        """Say how many of `simkit.engine.run.MARKS` have gone by."""
        if self.progress is not None:
            self.progress(marks, MARKS)

    @property
    def has_rows(self) -> bool:
        """Whether each request and each wish gets a row."""
        return self.record == "all"


@dataclass(frozen=True, slots=True)
class Recorded:
    """What an engine has recorded. Shapes and rules have the numbers that it gave them."""

    engine: str
    requests: Columns
    wishes: Columns
    clients: Columns
    answers: Columns
    series: Columns
    rules: list[Rule]
    load: dict[str, float]
    events: int

    def without_rows(self) -> Recorded:
        """The same with its sums alone."""
        requests = {name: column[:0] for name, column in self.requests.items()}
        wishes = {name: column[:0] for name, column in self.wishes.items()}
        return replace(self, requests=requests, wishes=wishes)


def assemble(setup: Setup, found: Recorded, strategy: str) -> Run:
    """The Run of what was recorded."""
    stage = setup.stage
    scenario = stage.scenario
    shapes = first_seen(found.requests["shape"])
    rules = _by_place(found.rules, found.answers["rule"])
    renumber(found.requests, "shape", {number: i for i, number in enumerate(shapes)})
    place = {rule: number for number, rule in enumerate(rules)}
    places = {n: place[rule] for n, rule in enumerate(found.rules) if rule in place}
    for columns in (found.requests, found.wishes, found.answers):
        renumber(columns, "rule", places)
    return Run(
        scenario=scenario.name,
        strategy=strategy,
        seed=setup.seed,
        replication=setup.replication,
        window_ns=scenario.window_ns,
        engine=found.engine,
        cost_table=setup.cost_table.name,
        cohorts=tuple(CohortName(c.name, c.honest, c.count) for c in scenario.cohorts),
        addresses=stage.address_names,
        shapes=tuple(stage.shapes.known[number] for number in shapes),
        rules=tuple(rules),
        requests=found.requests,
        wishes=found.wishes,
        clients=found.clients,
        answers=summed_answers(found.answers),
        series=found.series,
        load=found.load,
        warnings=(*stage.planner.policy.warnings, *stage.planner.warnings, *_forgotten(found.load)),
        events=found.events,
    )


def _forgotten(load: dict[str, float]) -> Iterator[str]:
    evicted = int(load.get("zone_evictions", 0))  # a live run does not count them
    if evicted:
        yield (
            f"zones of limits were full: {evicted:,} entries were forced out while they counted, "
            "so limits forgot those clients"
        )


def _by_place(rules: list[Rule], column: npt.NDArray[np.generic]) -> list[Rule]:
    """The rules of a column, each once, in the order of where they stand in the policy."""
    ruling = {rules[int(number)] for number in np.unique(column) if number >= 0}
    return sorted(ruling, key=_place)


def _place(rule: Rule) -> tuple[object, ...]:
    sources = (rule.source, *rule.because)
    return (*((s.file, s.line, s.text) for s in sources), rule.directive, rule.phase)
