"""One run to look at: simulated once, with what happened in time."""

from __future__ import annotations

from dataclasses import dataclass

from simkit.engine import Run, simulate
from simkit.engine.choice import Engine
from simkit.engine.run import Progress, Record
from simkit.measures.timeline import Timeline, timeline
from simkit.policy import Policy
from simkit.traffic import Scenario

__all__ = ["OneRun", "run_once"]


@dataclass(frozen=True, slots=True)
class OneRun:
    """A run, what it was made of, and what happened in time (None: no rows were recorded)."""

    run: Run
    scenario: Scenario
    policy: Policy
    record: Record
    timeline: Timeline | None

    @property
    def workers(self) -> int:
        """Worker processes of the server."""
        return _workers(self.scenario, self.policy)

    @property
    def slots(self) -> int:
        """Connection slots of all workers together."""
        return self.workers * self.policy.worker_connections


def run_once(
    scenario: Scenario,
    policy: Policy,
    *,
    seed: int = 1,
    engine: Engine = "auto",
    record: Record = "all",
    progress: Progress | None = None,
) -> OneRun:
    """Run a scenario once under a policy. Raises InputError as `simkit.engine.simulate`."""
    run = simulate(scenario, policy, seed=seed, engine=engine, record=record, progress=progress)
    return OneRun(run, scenario, policy, record, timeline(run, _workers(scenario, policy)))


def _workers(scenario: Scenario, policy: Policy) -> int:
    return policy.worker_processes or scenario.host.cpus
