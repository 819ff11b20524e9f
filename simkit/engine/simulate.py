"""One run: a scenario, a policy and a seed in, a `Run` out."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from simkit import draws
from simkit.engine.agenda import SimpyAgenda
from simkit.engine.behaviours import BEHAVIOURS, Start
from simkit.engine.client import Client, World
from simkit.engine.assembly import assemble
from simkit.engine.recorder import Recorder
from simkit.engine.run import Run
from simkit.engine.stage import stage
from simkit.errors import InputError
from simkit.host import Clock, Costs, Server, load_costs
from simkit.policy import Gate, Planner, Policy
from simkit.traffic import CohortBase, Scenario, members

__all__ = ["simulate"]

ENGINE = "simpy"


def simulate(
    scenario: Scenario,
    policy: Policy,
    *,
    seed: int = 1,
    replication: int = 0,
    behaviours: Mapping[str, Start] | None = None,
    planner: Planner | None = None,
    strategy_name: str | None = None,
    engine: str = "simpy",
) -> Run:
    """Run a scenario once under a policy.

    ``behaviours`` maps names of cohorts to behaviours of your own (see `simkit.engine.client`),
    in place of what their kind does. ``planner`` may be one that has planned this policy in front
    of this site before; it saves time and changes nothing. Equal arguments give equal runs.

    Raises InputError where a behaviour is for no cohort, a custom cohort has none, or the cost
    table cannot be read.
    """
    starts = _starts(scenario, behaviours or {})
    table = load_costs(scenario.host.costs)
    ground = stage(scenario, policy, planner)
    clock = Clock(draws.stream(draws.mix(seed, replication), "the server", 0))
    name = policy.name if strategy_name is None else strategy_name
    if engine == "compiled":
        from simkit.engine.compiled.simulate import run_compiled

        return run_compiled(
            ground, table, clock, seed=seed, replication=replication, strategy=name
        )
    agenda = SimpyAgenda()
    costs = Costs(table, scenario.host.certificate)
    server = Server(agenda, policy, Gate(ground.planner), clock, scenario.host, costs)
    world = World(ground, agenda, server, Recorder())
    clients = [Client(world, member) for member in members(scenario, seed, replication)]
    for client in clients:
        agenda.process(starts[client.spec.name](client))
    with _no_collecting():
        agenda.run(until=scenario.window_ns)
    for client in clients:
        client.cut()
    requests, wishes = world.recorder.tables()
    return assemble(
        ground,
        strategy=name,
        seed=seed,
        replication=replication,
        engine=ENGINE,
        cost_table=table.name,
        requests=requests,
        wishes=wishes,
        rules=world.recorder.rules,
        load=server.load(scenario.window_ns),
        events=agenda.happened(),
    )


@contextmanager
def _no_collecting() -> Iterator[None]:
    """A run makes next to no reference cycles, and looking for them takes a tenth of its time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _starts(scenario: Scenario, given: Mapping[str, Start]) -> dict[str, Start]:
    names = [cohort.name for cohort in scenario.cohorts]
    unknown = [name for name in given if name not in names]
    if unknown:
        raise InputError(
            f"a behaviour is given for {unknown[0]!r}, which is no cohort of {scenario.name}",
            hint=f"there are {', '.join(names)}",
        )
    return {c.name: given.get(c.name) or _built_in(c) for c in scenario.cohorts}


def _built_in(cohort: CohortBase) -> Start:
    found = BEHAVIOURS.get(type(cohort))
    if found is None:
        raise InputError(
            f"cohort {cohort.name!r} is custom and no behaviour is given for it",
            hint="simulate(..., behaviours={name: generator function})",
        )
    return found
