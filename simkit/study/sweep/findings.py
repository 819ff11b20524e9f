"""What a study found: a comparison of its strategies at each point, and what failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import nan

import numpy as np
import numpy.typing as npt

from simkit.measures.intervals import Interval, t_interval
from simkit.measures.leakage import Leakage, leakage_of
from simkit.study.compare import Comparison, groups_of, highest
from simkit.study.outcome import Outcome
from simkit.study.sweep.cells import Cell, Failure, Result
from simkit.study.sweep.grid import Axis, Point
from simkit.study.sweep.study import Study

__all__ = ["Failed", "Sweep", "sweep_of"]


@dataclass(frozen=True, slots=True)
class Failed:
    """A cell without numbers."""

    cell: Cell
    failure: Failure


@dataclass(frozen=True)
class Sweep:
    """What a study found.

    ``comparisons`` has one for each point of the study, None where nothing was done. Cells that
    failed are missing from them: their replications count for no interval of that strategy.
    ``ran`` cells were run this time and ``left`` are still to be run.
    """

    study: Study
    cells: tuple[Cell, ...]
    comparisons: tuple[Comparison | None, ...]
    failed: tuple[Failed, ...]
    ran: int
    left: int
    interrupted: bool = False

    @property
    def strategies(self) -> tuple[str, ...]:
        """The names of the strategies, the baseline first."""
        return tuple(self.study.strategies)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """Everything that the runs warned of, once each."""
        known = (c for c in self.comparisons if c is not None)
        return tuple(dict.fromkeys(w for comparison in known for w in comparison.warnings))

    def at(self, axis: int, position: int) -> tuple[tuple[Point, Comparison | None], ...]:
        """The points with one value on an axis, with what was found there."""
        pairs = zip(self.study.points, self.comparisons, strict=True)
        return tuple(pair for pair in pairs if pair[0].positions[axis] == position)

    def values(
        self, strategy: str, axis: int, position: int, measure: str, cohort: str
    ) -> npt.NDArray[np.float64]:
        """One value for each replication: the mean over the other axes, nan where one is missing.

        Each point of the other axes counts the same. The replications are independent; the points
        within one meet the same crowd.
        """
        found = [
            _values(comparison, strategy, measure, cohort, self.study.replications)
            for _, comparison in self.at(axis, position)
        ]
        mean: npt.NDArray[np.float64] = np.mean(found, axis=0)
        return mean

    def interval(
        self, strategy: str, axis: int, position: int, measure: str, cohort: str
    ) -> Interval:
        """The mean of `values` over the replications with its interval, cut to what is possible."""
        values = self.values(strategy, axis, position, measure, cohort)
        return t_interval(values).within(0.0, highest(measure))

    def vulnerability(
        self, strategy: str, axis: int, position: int, secret: str, attacker: str
    ) -> float:
        """How often an attacker guesses right after one probe, in per cent; nan if not measured."""
        leaks = [
            None if comparison is None else comparison.leak(strategy, secret, attacker)
            for _, comparison in self.at(axis, position)
        ]
        known = [leak.posterior_vulnerability for leak in leaks if leak is not None]
        return 100.0 * sum(known) / len(known) if known and len(known) == len(leaks) else nan

    def axis(self, path: str) -> tuple[int, Axis]:
        """The number of an axis and the axis; KeyError if the study does not vary it."""
        for number, axis in enumerate(self.study.axes):
            if axis.path == path:
                return number, axis
        raise KeyError(path)


def _values(
    comparison: Comparison | None, strategy: str, measure: str, cohort: str, replications: int
) -> npt.NDArray[np.float64]:
    try:
        if comparison is not None:
            return comparison.values(strategy, measure, cohort)
    except KeyError:
        pass
    return np.full(replications, nan)


def sweep_of(
    study: Study,
    cells: tuple[Cell, ...],
    results: Mapping[int, Result],
    *,
    ran: int,
    interrupted: bool,
) -> Sweep:
    """A study's cells and their results, by the number of the cell, as a Sweep."""
    by_point: dict[str, list[Outcome]] = {}
    failed: list[Failed] = []
    for number, result in sorted(results.items()):
        if isinstance(result.found, Failure):
            failed.append(Failed(cells[number], result.found))
        else:
            by_point.setdefault(cells[number].point, []).append(result.found)
    leaks = _Leaks(study)
    compared = tuple(_compared(study, p, by_point.get(p.key, ()), leaks) for p in study.points)
    left = len(cells) - len(results)
    return Sweep(study, cells, compared, tuple(failed), ran, left, interrupted)


class _Leaks:
    """The leakage of each strategy in front of each site, computed once."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._known: dict[str, dict[str, tuple[Leakage, ...]]] = {}

    def at(self, point: Point) -> dict[str, tuple[Leakage, ...]]:
        """By strategy."""
        scenario = point.scenario
        probes = scenario.leakage
        if probes is None:
            return {}
        key = scenario.site.model_dump_json() + probes.model_dump_json()
        if key not in self._known:
            strategies = self._study.strategies.items()
            planners = {name: one.planner(scenario.site) for name, one in strategies}
            self._known[key] = {n: leakage_of(p, probes) for n, p in planners.items()}
        return self._known[key]


def _compared(
    study: Study, point: Point, outcomes: Sequence[Outcome], leaks: _Leaks
) -> Comparison | None:
    done = {outcome.strategy for outcome in outcomes}
    names = tuple(name for name in study.strategies if name in done)
    if not names:
        return None
    leakage = leaks.at(point)
    return Comparison(
        scenario=point.scenario.name,
        seed=study.seed,
        strategies=names,
        wanted=study.replications,
        replications=study.replications,
        outcomes=tuple(sorted(outcomes, key=lambda o: o.replication)),
        leakage={name: leakage[name] for name in names if leakage},
        homes={name: study.strategies[name].path.parent for name in names},
        about={name: study.strategies[name].about for name in names},
        groups=groups_of(point.scenario),
    )
