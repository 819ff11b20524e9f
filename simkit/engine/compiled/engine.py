"""One run on the compiled engine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simkit.engine.assembly import Recorded, Setup
from simkit.engine.compiled import loop
from simkit.engine.compiled.crowd import Crowd
from simkit.engine.compiled.machine import Machine
from simkit.engine.compiled.tables import Tables
from simkit.engine.rows import REQUEST_ORDER, WISH_ORDER, sorted_rows
from simkit.engine.run import REQUESTS, SERIES, WISHES, Columns, as_columns
from simkit.engine.stage import Stage
from simkit.engine.sums import answer_sums, client_sums
from simkit.host import Costs, CostTable, Upstream
from simkit.host.tally import Tally

__all__ = ["NAME", "run"]

NAME = "compiled"


def run(setup: Setup) -> Recorded:
    """Let the window pass: what the SimPy engine would record, row for row."""
    loop.prepare()
    stage = setup.stage
    costs = Costs(setup.cost_table, stage.scenario.host.certificate)
    ground = _ground(stage, setup.cost_table, costs)
    machine = Machine(ground.crowd, ground.tables, setup, costs)
    machine.run()
    requests = _columns(machine.rows("request_rows"), REQUESTS, REQUEST_ORDER)
    wishes = _columns(machine.rows("wish_rows"), WISHES, WISH_ORDER)
    cohort, address = machine.cohorts, machine.addresses
    rows = setup.has_rows
    return Recorded(
        engine=NAME,
        requests=requests,
        wishes=wishes,
        clients=client_sums(cohort, address, requests, wishes) if rows else machine.client_sums(),
        answers=answer_sums(requests) if rows else machine.answer_sums(),
        rules=ground.tables.rules.known,
        series=as_columns(machine.seen, SERIES),
        load=_load(machine, stage),
        events=int(machine.world["happened"]),
    )


@dataclass(frozen=True, slots=True)
class _Ground:
    """What runs on one stage share, at these prices."""

    priced: CostTable
    crowd: Crowd
    tables: Tables


def _ground(stage: Stage, table: CostTable, costs: Costs) -> _Ground:
    """That of an earlier run, or a new one where there is none at these prices."""
    found = stage.grounds.get(NAME)
    if not isinstance(found, _Ground) or found.priced != table:
        found = stage.grounds[NAME] = _Ground(table, Crowd(stage), Tables(stage, costs))
    return found


def _columns(rows: npt.NDArray[np.void], schema: dict[str, str], order: tuple[str, ...]) -> Columns:
    wide: Columns = {name: rows[name] for name in schema}
    chosen = sorted_rows(wide, order)
    return {name: wide[name][chosen] for name in schema}


def _load(machine: Machine, stage: Stage) -> dict[str, float]:
    scenario, w = stage.scenario, machine.world
    tally, upstream = Tally(), Upstream(scenario.host.upstream)
    tally.connections = int(w["connections_open"])
    for name in Tally.__slots__:
        if name not in ("cpu_ns", "connections"):
            setattr(tally, name, int(w[name]))
    tally.cpu_ns = machine.cpu_ns().tolist()
    upstream.requests = int(w["upstream_requests"])
    upstream.busy_ns = int(w["upstream_busy_ns"])
    upstream.waited_ns = int(w["upstream_wait_ns"])
    return {
        **tally.vector(scenario.window_ns, int(w["worker_count"])),
        "wake_ups": machine.wake_ups(),
        **upstream.vector(),
        "zone_evictions": machine.counters()["zone_evictions"],
    }
