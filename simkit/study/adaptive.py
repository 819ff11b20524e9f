"""A comparison with as many replications as it takes: until it is precise enough, or a budget ends.

Replications are added in steps (`simkit.measures.statistics.sequential`, which also says what
waiting for a narrow interval costs in coverage). They are those that a comparison of that many
would have done: the same crowds, the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from simkit.errors import InputError
from simkit.measures.statistics import Precision, Step, next_step, single_level
from simkit.measures.statistics.sequential import COVERAGE
from simkit.study.compare import Comparison, Progress, compare, complete, tasks
from simkit.study.detail import run_detailed
from simkit.study.outcome import ALL_HONEST, Engine, Simulate
from simkit.study.parallel import gather

if TYPE_CHECKING:
    from simkit.strategy import AnyStrategy
    from simkit.traffic import Scenario

_WAITED = "Intervals that were waited for cover less often than they say: read 95 % as {:.0f} %."

__all__ = ["Adaptive", "Goal", "compare_until"]


@dataclass(frozen=True, slots=True)
class Goal:
    """A number, and how precise it is to be: its differences from the baseline, all together.

    Where there is one strategy only, it is the number itself.
    """

    precision: Precision
    measure: str = "false_drops_per_wish"
    cohort: str = ALL_HONEST


@dataclass(frozen=True, slots=True)
class Adaptive:
    """The comparison, and for each goal how it ended."""

    comparison: Comparison
    steps: Mapping[Goal, Step]

    @property
    def reached(self) -> bool:
        """Whether every goal was."""
        return all(step.reached for step in self.steps.values())

    @property
    def noted(self) -> Comparison:
        """The comparison with a note of how it ended, and of what its intervals are worth."""
        said = f"{self.text}. {_WAITED.format(100 * COVERAGE)}"
        return replace(self.comparison, notes=(*self.comparison.notes, said))

    @property
    def text(self) -> str:
        """How it ended, goal by goal."""
        return "; ".join(f"{g.measure} of {g.cohort}: {s.text}" for g, s in self.steps.items())


def compare_until(
    scenario: Scenario,
    strategies: Mapping[str, AnyStrategy],
    goals: Sequence[Goal],
    *,
    seed: int = 1,
    workers: int | Executor | None = None,
    progress: Progress | None = None,
    simulate: Simulate | None = None,
    engine: Engine = "auto",
) -> Adaptive:
    """Compare as `simkit.compare` does, until each goal is reached or its budget has ended.

    ``progress(done, total)`` counts the runs of the step under way. Ctrl-C ends the work: what is
    done is returned. ``engine`` is that of `simkit.simulate`; ``auto`` decides once for each step.
    Raises InputError where there is no goal, or one that nothing answers.
    """
    if not goals:
        raise InputError("no goal: what is to be precise, and how precise?")
    fewest = max(goal.precision.fewest for goal in goals)
    found = compare(
        scenario,
        strategies,
        replications=fewest,
        seed=seed,
        workers=workers,
        progress=progress,
        simulate=simulate,
        engine=engine,
    )
    while True:
        steps = {goal: _step(found, goal) for goal in goals}
        more = max(step.more for step in steps.values())
        if not more or found.interrupted:
            return Adaptive(found, steps)
        numbers = range(found.replications, found.replications + more)
        work = tasks(scenario, strategies, numbers, seed=seed, simulate=simulate, engine=engine)
        done = gather(run_detailed, work, workers=workers, progress=progress)
        added = complete(done.results, len(strategies))
        found = replace(
            found,
            outcomes=(*found.outcomes, *added),
            wanted=numbers.stop,
            replications=found.replications + len(added) // len(strategies),
            notes=tuple(dict.fromkeys((*found.notes, *done.notes))),
        )


def _step(found: Comparison, goal: Goal) -> Step:
    """Where a goal stands. Its budget may have ended while another still asks for more."""
    series = _series(found, goal)
    level = single_level(goal.precision.level, len(series))
    step = next_step(series, replace(goal.precision, level=level))
    return replace(step, more=0) if found.replications >= goal.precision.most else step


def _series(found: Comparison, goal: Goal) -> list[npt.NDArray[np.float64]]:
    try:
        values = [found.values(s, goal.measure, goal.cohort) for s in found.strategies]
    except KeyError:
        raise InputError(
            f"there is no {goal.measure} of {goal.cohort} that could be made precise"
        ) from None
    base, *others = values
    return [other - base for other in others] or [base]
