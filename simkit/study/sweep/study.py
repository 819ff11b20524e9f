"""A study: strategies × points of a grid of scenarios × replications, each of them one cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from simkit import shipped
from simkit.errors import InputError
from simkit.strategy import Strategy
from simkit.study import fingerprints
from simkit.study.outcome import Engine, Task
from simkit.study.shared import Shared
from simkit.study.sweep.cells import Cell
from simkit.study.sweep.grid import Axis, Point, points_of
from simkit.traffic.scenario import Scenario

__all__ = ["Study"]


@dataclass(frozen=True, eq=False)
class Study:
    """What is to be run. The first strategy is the one that the others are held against.

    ``measures`` are those that the results are to hold, all if there are none. Raises InputError
    where there is nothing to run.
    """

    name: str
    strategies: Mapping[str, Strategy]
    axes: tuple[Axis, ...]
    points: tuple[Point, ...]
    replications: int = 10
    seed: int = 1
    engine: Engine = "auto"
    measures: tuple[str, ...] = ()
    title: str = ""

    def __post_init__(self) -> None:
        if not self.strategies:
            raise InputError("there is no strategy to run")
        if self.replications < 1:
            raise InputError(f"{self.replications} replications are too few: at least 1")

    @classmethod
    def of(
        cls,
        name: str,
        scenario: Scenario,
        strategies: Mapping[str, Strategy],
        axes: Sequence[Axis] = (),
        **settings: object,
    ) -> Study:
        """A study of a scenario varied along axes. Raises InputError where a value does not fit."""
        found = tuple(axes)
        return cls(name, strategies, found, points_of(scenario, found), **settings)  # type: ignore[arg-type]

    @property
    def size(self) -> int:
        """The number of cells."""
        return len(self.strategies) * len(self.points) * self.replications

    def cells(self) -> tuple[Cell, ...]:
        """Every cell: by strategy, then point, then replication."""
        return tuple(self._cells())

    def _cells(self) -> Iterator[Cell]:
        mark_of_simkit = {"simkit": fingerprints.of_simkit()}
        crowds = [(p, *_with_marks(_anchored(p.scenario))) for p in self.points]
        for name, strategy in self.strategies.items():
            shared, mark = fingerprints.share_strategy(strategy), fingerprints.of_strategy(strategy)
            for point, crowd, marks in crowds:
                inputs = {"strategy": mark, **marks, **mark_of_simkit}
                for replication in range(self.replications):
                    task = Task(name, shared, crowd, self.seed, replication, engine=self.engine)
                    yield Cell(task, point.key, inputs, self.engine)


def _with_marks(scenario: Scenario) -> tuple[Shared[Scenario], dict[str, str]]:
    costs = fingerprints.of_costs(scenario.host.costs)
    return Shared(scenario), {"scenario": fingerprints.of_scenario(scenario), "costs": costs}


def _anchored(scenario: Scenario) -> Scenario:
    """The scenario with the whole path of its cost table, for processes that run elsewhere."""
    name = scenario.host.costs
    if name in shipped.shipped_files("costs"):
        return scenario
    host = scenario.host.model_copy(update={"costs": str(Path(name).resolve())})
    return scenario.model_copy(update={"host": host})
