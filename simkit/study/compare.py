"""Comparing strategies: many runs on the same crowd, and what they say together.

Every strategy meets the same crowd in each replication (common random numbers), so strategies
are compared by the differences within replications. Each number comes with Student's interval
over the replications; differences of several strategies are held together
(`simkit.measures.statistics.multiple`). Leakage is computed from the policies themselves and has
no interval.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import cached_property
from math import inf, nan
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from simkit.engine.choice import chosen
from simkit.errors import InputError
from simkit.measures.intervals import Interval, paired_difference, t_interval
from simkit.measures.leakage import Leakage, Planning, leakage_of
from simkit.measures.statistics.multiple import single_level
from simkit.strategy import strategy_of
from simkit.study.by_rule import RuleRow, rule_rows
from simkit.study.detail import Detail, DetailedOutcome, run_detailed
from simkit.study.fingerprints import share_strategy
from simkit.study.outcome import (
    MEASURES,
    Engine,
    Measure,
    Outcome,
    Simulate,
    Task,
    Value,
)
from simkit.study.parallel import gather
from simkit.study.shared import Shared

if TYPE_CHECKING:
    import pandas as pd

    from simkit.strategy import AnyStrategy
    from simkit.traffic import Scenario

Progress = Callable[[int, int], None]
Groups = Mapping[str, tuple[str, ...]]
Key = tuple[str, str, str]

__all__ = ["Comparison", "Row", "RuleRow", "compare", "complete", "tasks"]


@dataclass(frozen=True, slots=True)
class Row:
    """One number of one strategy over all replications, or (``against``) a paired difference."""

    strategy: str
    measure: str
    cohort: str
    unit: str
    interval: Interval
    against: str = ""

    @property
    def verdict(self) -> str:
        """What a difference says: ``more``, ``less``, or that none was found."""
        if not self.interval.known:
            return "one replication: no interval"
        if self.interval.excludes(0.0):
            return "more" if self.interval.mean > 0 else "less"
        return "no difference found at this precision"


@dataclass(frozen=True)
class Comparison:
    """What a comparison found. ``outcomes`` are sorted by replication, then by strategy.

    ``replications`` is how many were done by every strategy; where that is fewer than ``wanted``
    the work was interrupted. ``homes`` are the folders of the policies: files of rules are given
    relative to them. ``groups`` names cohorts that are also reported together. The first
    strategy is the baseline of the differences.
    """

    scenario: str
    seed: int
    strategies: tuple[str, ...]
    wanted: int
    replications: int
    outcomes: tuple[Outcome, ...]
    leakage: Mapping[str, tuple[Leakage, ...]] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)
    homes: Mapping[str, Path] = field(default_factory=dict)
    groups: Groups = field(default_factory=dict)
    level: float = 0.95
    notes: tuple[str, ...] = ()

    @property
    def baseline(self) -> str:
        """The strategy that the others are held against."""
        return self.strategies[0]

    @property
    def interrupted(self) -> bool:
        """Whether fewer replications were done than were asked for."""
        return self.replications < self.wanted

    @cached_property
    def raw(self) -> dict[tuple[str, int], tuple[Value, ...]]:
        """Every number of every run, by strategy and replication."""
        return {(o.strategy, o.replication): o.values(self.groups) for o in self.outcomes}

    @cached_property
    def _columns(self) -> dict[Key, tuple[str, npt.NDArray[np.float64]]]:
        """By strategy, measure and cohort: the unit and one value for each replication."""
        columns: dict[Key, tuple[str, npt.NDArray[np.float64]]] = {}
        for (strategy, replication), values in self.raw.items():
            for value in values:
                key = (strategy, value.measure, value.cohort)
                empty = (value.unit, np.full(self.replications, nan))
                columns.setdefault(key, empty)[1][replication] = value.value
        return columns

    def values(self, strategy: str, measure: str, cohort: str) -> npt.NDArray[np.float64]:
        """One value for each replication; KeyError if there is no such number."""
        return self._columns[strategy, measure, cohort][1]

    @property
    def pairs(self) -> int:
        """How many two strategies there are: a family of comparisons that hold together."""
        return len(self.strategies) * (len(self.strategies) - 1) // 2

    def interval(self, strategy: str, measure: str, cohort: str) -> Interval:
        """The mean over replications with its interval, cut to what is possible."""
        found = t_interval(self.values(strategy, measure, cohort), self.level)
        return found.within(0.0, highest(measure))

    def difference(
        self, strategy: str, against: str, measure: str, cohort: str, *, of: int = 1
    ) -> Interval:
        """The paired difference ``strategy - against`` with its interval.

        ``of`` is how many comparisons are made at once: so many intervals hold together.
        """
        first, second = (self.values(s, measure, cohort) for s in (strategy, against))
        return paired_difference(first, second, single_level(self.level, of))

    def rows(self) -> tuple[Row, ...]:
        """Every number of every strategy with its interval, tidy."""
        return tuple(
            Row(s, m, c, unit, self.interval(s, m, c)) for (s, m, c), (unit, _) in self._sorted()
        )

    def differences(self) -> tuple[Row, ...]:
        """Every number of every other strategy against the baseline, pair by pair.

        The intervals of all other strategies in one measure and cohort hold together.
        """
        base, others = self.baseline, len(self.strategies) - 1
        return tuple(
            Row(s, m, c, unit, self.difference(s, base, m, c, of=others), base)
            for (s, m, c), (unit, _) in self._sorted()
            if s != base and (base, m, c) in self._columns
        )

    def _sorted(self) -> Iterable[tuple[Key, tuple[str, npt.NDArray[np.float64]]]]:
        """The columns by strategy in the order given, and within it as the runs have them."""
        order = {name: i for i, name in enumerate(self.strategies)}
        return sorted(self._columns.items(), key=lambda item: order[item[0][0]])

    def cohorts(self, *, honest: bool) -> tuple[str, ...]:
        """The names of the cohorts of one side, in the order of the scenario."""
        found = self.outcomes[0].drops
        return tuple(c.cohort for c in found if c.honest == honest)

    @property
    def unservable(self) -> tuple[str, ...]:
        """Hostile cohorts that ask for nothing that could be served: they have no misses."""
        return self.outcomes[0].unservable

    def leak(self, strategy: str, secret: str, attacker: str) -> Leakage | None:
        """One secret of one strategy, or None if it was not measured."""
        found = self.leakage.get(strategy, ())
        return next((r for r in found if (r.secret, r.attacker) == (secret, attacker)), None)

    @cached_property
    def rules(self) -> tuple[RuleRow, ...]:
        """Every rule that refused anybody: by strategy, honest first, worst first."""
        order = {name: i for i, name in enumerate(self.strategies)}
        rows = [row for name in self.strategies for row in rule_rows(self._of(name), self.level)]
        return tuple(sorted(rows, key=lambda r: (order[r.strategy], not r.honest, -r.dropped)))

    def details(self, strategy: str) -> tuple[Detail, ...]:
        """The course of each run of a strategy; empty where it was not kept."""
        kept = (o.detail for o in self._of(strategy) if isinstance(o, DetailedOutcome))
        return tuple(detail for detail in kept if detail is not None)

    def _of(self, strategy: str) -> tuple[Outcome, ...]:
        return tuple(o for o in self.outcomes if o.strategy == strategy)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Everything that the runs warned of, once each."""
        return tuple(dict.fromkeys(w for o in self.outcomes for w in o.warnings))

    def to_frame(self, table: str = "measures") -> pd.DataFrame:
        """One of the tables of `simkit.study.export` or `simkit.study.courses` as a data frame."""
        from simkit.study.export import frame

        return frame(self, table)

    def to_csv(self, folder: Path) -> tuple[Path, ...]:
        """Write every table of `simkit.study.export` as CSV; the paths written."""
        from simkit.study.export import write_csv

        return write_csv(self, folder)

    def to_json(self) -> dict[str, object]:
        """Everything as one dictionary, documented in `simkit.study.export`."""
        from simkit.study.export import as_json

        return as_json(self)


def highest(measure: str) -> float:
    """The highest value that a measure can have: infinity where there is none."""
    found: Measure | None = next((m for m in MEASURES if m.name == measure), None)
    return inf if found is None else found.highest


def compare(  # noqa: PLR0913
    scenario: Scenario,
    strategies: Mapping[str, AnyStrategy],
    *,
    replications: int = 10,
    seed: int = 1,
    workers: int | Executor | None = None,
    progress: Progress | None = None,
    groups: Groups | None = None,
    simulate: Simulate | None = None,
    engine: Engine = "auto",
) -> Comparison:
    """Run every strategy on the same crowd so many times, and hold them against the first.

    ``workers`` is the number of processes (None: decided by how long a run takes) or an executor
    of your own. Whoever does the runs, the result is the same. ``progress(done, total)`` is
    called after each run. ``groups`` names cohorts to be reported together as well; None takes
    those of the scenario. ``engine`` is that of `simkit.simulate`; ``auto`` decides once, for all
    runs together. ``simulate`` is one of your own; to run in other processes it has to be
    importable there.

    Ctrl-C ends the work: the replications that every strategy has done are returned, and
    KeyboardInterrupt is raised if there is none. Raises InputError where there is nothing to
    compare.
    """
    _check(strategies, replications)
    numbers = range(replications)
    work = tasks(scenario, strategies, numbers, seed=seed, simulate=simulate, engine=engine)
    found = gather(run_detailed, work, workers=workers, progress=progress)
    done = complete(found.results, len(strategies))
    if not done:
        raise KeyboardInterrupt
    return Comparison(
        scenario=scenario.name,
        seed=seed,
        strategies=tuple(strategies),
        wanted=replications,
        replications=len(done) // len(strategies),
        outcomes=done,
        leakage={name: _leakage(scenario, one) for name, one in strategies.items()},
        homes={name: strategy_of(one).home for name, one in strategies.items()},
        about={name: one.about for name, one in strategies.items()},
        groups=groups_of(scenario) if groups is None else groups,
        notes=found.notes,
    )


def tasks(
    scenario: Scenario,
    strategies: Mapping[str, AnyStrategy],
    replications: Iterable[int],
    *,
    seed: int,
    simulate: Simulate | None = None,
    engine: Engine = "auto",
) -> list[Task]:
    """The runs of these replications: of each, one under every policy in their order.

    Raises InputError where the engine cannot run the scenario.
    """
    numbers = tuple(replications)
    if simulate is None:
        engine = chosen(engine, scenario, (), runs=len(numbers) * len(strategies))
    crowd = Shared(scenario)
    shared = {name: share_strategy(strategy_of(one)) for name, one in strategies.items()}
    return [
        Task(name, one, crowd, seed, replication, simulate, engine)
        for replication in numbers
        for name, one in shared.items()
    ]


def _check(strategies: Mapping[str, AnyStrategy], replications: int) -> None:
    if not strategies:
        raise InputError("there is no policy to compare")
    if replications < 1:
        raise InputError(f"{replications} replications are too few: at least 1")


def complete(results: Sequence[Outcome | None], strategies: int) -> tuple[Outcome, ...]:
    """The outcomes of the leading replications that every strategy has done."""
    done: list[Outcome] = []
    for start in range(0, len(results), strategies):
        whole = [r for r in results[start : start + strategies] if r is not None]
        if len(whole) < strategies:
            break
        done += whole
    return tuple(done)


def _leakage(scenario: Scenario, strategy: AnyStrategy) -> tuple[Leakage, ...]:
    planner: Planning = strategy_of(strategy).planner(scenario.site)
    return () if scenario.leakage is None else leakage_of(planner, scenario.leakage)


def groups_of(scenario: Scenario) -> dict[str, tuple[str, ...]]:
    """The scenario's own groups, in parentheses: no cohort can have such a name."""
    return {f"({name})": members for name, members in scenario.groups.items()}
