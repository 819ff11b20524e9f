"""One run: a scenario, a policy and a seed in, a `Run` out."""

from __future__ import annotations

from collections.abc import Mapping

from simkit import draws
from simkit.engine import simpy_engine
from simkit.engine.assembly import Setup, assemble
from simkit.engine.behaviours import Start
from simkit.engine.choice import Engine, chosen
from simkit.engine.run import Progress, Record, Run
from simkit.engine.stage import stage
from simkit.host import Clock, load_costs
from simkit.policy import Planner
from simkit.strategy import AnyStrategy, strategy_of
from simkit.traffic import Scenario

__all__ = ["simulate"]


def simulate(  # noqa: PLR0913
    scenario: Scenario,
    strategy: AnyStrategy,
    *,
    seed: int = 1,
    replication: int = 0,
    behaviours: Mapping[str, Start] | None = None,
    planner: Planner | None = None,
    strategy_name: str | None = None,
    engine: Engine = "auto",
    record: Record = "all",
    progress: Progress | None = None,
) -> Run:
    """Run a scenario once under a strategy, or a policy with nothing in front of it.

    ``behaviours`` maps names of cohorts to behaviours of your own (see `simkit.engine.client`),
    in place of what their kind does. ``planner`` may be one that has planned this policy in front
    of this site before; it saves time and changes nothing. ``engine`` is ``simpy``, ``compiled``
    or ``auto`` (see `simkit.engine.choice`); both engines give the same tables. With ``record``
    ``totals`` there are no rows of requests and wishes, only sums: memory grows with clients.
    ``progress`` is told how many marks of the window have gone by.
    Equal arguments give equal runs.

    Raises InputError where a behaviour is for no cohort, a custom cohort has none, the compiled
    engine is wanted for behaviours written in Python, or the cost table cannot be read.
    """
    starts = simpy_engine.starts_of(scenario, behaviours or {})
    table = load_costs(scenario.host.costs)
    clock = Clock(draws.stream(draws.mix(seed, replication), "the server", 0))
    under = strategy_of(strategy)
    ground = stage(scenario, under, planner)
    setup = Setup(ground, table, clock, seed, replication, record, progress)
    if chosen(engine, scenario, behaviours or ()) == "compiled":
        from simkit.engine.compiled import engine as compiled_engine

        found = compiled_engine.run(setup)
    else:
        found = simpy_engine.run(setup, starts)
    return assemble(setup, found, under.name if strategy_name is None else strategy_name)
