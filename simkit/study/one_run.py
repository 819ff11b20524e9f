"""One run to look at: simulated once, with the server's counters read on the way.

The readings are taken by an observer that does nothing to the run: its tables are those of a run
without one. They need the SimPy engine, whose server can be asked; a run of the compiled engine has
none, and what they would have said is derived from its rows (`simkit.measures.timeline`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from simkit.engine import Run, simulate
from simkit.engine.behaviours import Start
from simkit.engine.choice import Engine, chosen
from simkit.engine.client import Behaviour, Client, World
from simkit.engine.run import Record
from simkit.engine.simpy_engine import starts_of
from simkit.measures.timeline import BINS, READINGS_PER_BIN, Readings, Timeline, timeline
from simkit.policy import Policy
from simkit.traffic import Scenario

__all__ = ["OneRun", "Progress", "run_once"]

_NS_PER_S = 1e9

Progress = Callable[[int, int], None]
"""Called now and then with (done, total)."""


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
    observer = None
    if record == "all" and chosen(engine, scenario, ()) == "simpy":
        observer = _Observer(BINS * READINGS_PER_BIN, scenario.window_ns, progress)
    run = simulate(
        scenario,
        policy,
        seed=seed,
        engine=engine if observer is None else "simpy",
        record=record,
        behaviours=None if observer is None else observer.behaviours(scenario),
    )
    readings = None
    if observer is not None:
        run = replace(run, events=run.events - observer.count)
        readings = observer.readings(run)
    told = timeline(run, _workers(scenario, policy), readings)
    return OneRun(run, scenario, policy, record, told)


def _workers(scenario: Scenario, policy: Policy) -> int:
    return policy.worker_processes or scenario.host.cpus


_FIRST = 2  # after what SimPy does by itself, before everything else of that time


@dataclass(slots=True)
class _Observer:
    """Reads the counters of a server at ``count`` moments, the first when the run begins."""

    count: int
    window_ns: int
    progress: Progress | None = None
    _rows: list[tuple[int, int, float]] = field(default_factory=list)
    _has_begun: bool = False

    def behaviours(self, scenario: Scenario) -> dict[str, Start]:
        """The behaviour of the first cohort, whose first client brings the observer along."""
        name = scenario.cohorts[0].name
        start = starts_of(scenario, {})[name]

        def begin(client: Client) -> Behaviour:
            if not self._has_begun:
                self._has_begun = True
                self._read_next(client.world)
            return start(client)

        return {name: begin}

    def _read_next(self, world: World) -> None:
        number = len(self._rows)
        if number < self.count:
            world.agenda.at(self.window_ns * number // self.count, _FIRST, self._read, world)

    def _read(self, world: World) -> None:
        server = world.server
        cpu_s = server.load(self.window_ns)["cpu_s"]
        self._rows.append((server.tally.slots, server.tally.connections, cpu_s))
        if self.progress is not None:
            self.progress(len(self._rows), self.count)
        self._read_next(world)

    def readings(self, run: Run) -> Readings:
        """What was read; at the end of the window stands what the run has come to."""
        slots, connections, _ = self._rows[-1]
        rows = np.array([*self._rows, (slots, connections, run.load["cpu_s"])], np.float64)
        times_s = np.linspace(0.0, self.window_ns / _NS_PER_S, self.count + 1)
        return Readings(times_s, rows[:, 0], rows[:, 1], rows[:, 2])
