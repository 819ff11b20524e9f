"""One run to look at: simulated once, with what happened in time."""

from __future__ import annotations

from dataclasses import dataclass

from simkit.engine import Run, simulate
from simkit.engine.choice import Engine
from simkit.engine.run import Progress, Record
from simkit.host import worker_count
from simkit.measures.timeline import Timeline, timeline
from simkit.strategy import AnyStrategy, Strategy, strategy_of
from simkit.traffic import Scenario

__all__ = ["OneRun", "run_once"]


@dataclass(frozen=True, slots=True)
class OneRun:
    """A run, what it was made of, and what happened in time (None: no rows were recorded)."""

    run: Run
    scenario: Scenario
    strategy: Strategy
    record: Record
    timeline: Timeline | None

    @property
    def workers(self) -> int:
        """Worker processes of the server."""
        return worker_count(self.strategy.policy, self.scenario.host)

    @property
    def slots(self) -> int:
        """Connection slots of all workers together."""
        return self.workers * self.strategy.policy.worker_connections


def run_once(
    scenario: Scenario,
    strategy: AnyStrategy,
    *,
    seed: int = 1,
    engine: Engine = "auto",
    record: Record = "all",
    progress: Progress | None = None,
) -> OneRun:
    """Run a scenario once under a strategy. Raises InputError as `simkit.engine.simulate`."""
    under = strategy_of(strategy)
    run = simulate(scenario, under, seed=seed, engine=engine, record=record, progress=progress)
    told = timeline(run, worker_count(under.policy, scenario.host))
    return OneRun(run, scenario, under, record, told)
