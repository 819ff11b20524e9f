"""One run on the SimPy engine."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np

from simkit import draws
from simkit.engine.agenda import SimpyAgenda
from simkit.engine.assembly import Recorded, Setup
from simkit.engine.behaviours import BEHAVIOURS, Start
from simkit.engine.client import Client, World
from simkit.engine.edge import edges
from simkit.engine.recorder import Recorder
from simkit.engine.run import SERIES, Columns, as_columns, marks_ns
from simkit.engine.sums import answer_sums, client_sums
from simkit.errors import InputError
from simkit.host import Costs, Doorkeeper, Server
from simkit.policy import Gate
from simkit.traffic import CohortBase, Scenario, members
from simkit.traffic.machine import ns_per_byte

__all__ = ["NAME", "no_collecting", "recorded", "run", "starts_of"]

NAME = "simpy"


def run(setup: Setup, starts: Mapping[str, Start]) -> Recorded:
    """Let the window pass; ``starts`` are the behaviours of the cohorts by name."""
    ground = setup.stage
    scenario = ground.scenario
    agenda = SimpyAgenda()
    costs = Costs(setup.cost_table, scenario.host.certificate)
    server = Server(
        agenda,
        ground.planner.policy,
        Gate(ground.planner),
        setup.clock,
        scenario.host,
        costs,
        uplink_ns_per_byte=ns_per_byte(scenario.network.uplink_mbit_per_s),
        doorkeeper=Doorkeeper(ground.strategy.firewall, ground.address_at),
    )
    world = World(ground, agenda, server, Recorder())
    world.edges += edges(world, draws.mix(setup.seed, setup.replication))
    crowd = members(scenario, setup.seed, setup.replication)
    clients = [Client(world, member) for member in crowd]
    for client in clients:
        agenda.process(starts[client.spec.name](client))
    seen: list[dict[str, int]] = []
    with no_collecting():
        for mark_ns in marks_ns(scenario.window_ns):
            agenda.run(until=mark_ns)
            seen.append({"time_ns": mark_ns, **server.counters()})
            setup.tell(len(seen))
    for client in clients:
        client.cut()
    load = server.load(scenario.window_ns)
    return recorded(world, clients, setup, as_columns(seen, SERIES), load)


def recorded(
    world: World,
    clients: Sequence[Client],
    setup: Setup,
    series: Columns,
    load: dict[str, float],
    engine: str = NAME,
) -> Recorded:
    """What the clients of a world have recorded, and what its server counted."""
    requests, wishes = world.recorder.tables()
    cohort = np.array([client.cohort for client in clients])
    address = np.array([client.address_number for client in clients])
    found = Recorded(
        engine=engine,
        requests=requests,
        wishes=wishes,
        clients=client_sums(cohort, address, requests, wishes),
        answers=answer_sums(requests),
        series=series,
        rules=world.recorder.rules.known,
        load=load,
        events=world.agenda.happened(),
    )
    return found if setup.has_rows else found.without_rows()


@contextmanager
def no_collecting() -> Iterator[None]:
    """A run makes next to no reference cycles, and looking for them takes a tenth of its time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def starts_of(scenario: Scenario, given: Mapping[str, Start]) -> dict[str, Start]:
    """The behaviour of each cohort by its name. Raises InputError as `simkit.engine.simulate`."""
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
