"""One run on the compiled engine."""

from __future__ import annotations

from typing import Any

import numpy as np

from simkit.engine.assembly import REQUEST_ORDER, WISH_ORDER, assemble, sorted_rows
from simkit.engine.compiled.crowd import Crowd
from simkit.engine.compiled.machine import Machine
from simkit.engine.compiled.tables import Tables
from simkit.engine.run import REQUESTS, WISHES, Columns, Run
from simkit.engine.stage import Stage
from simkit.host import Cause, Clock, CostTable, Costs, Upstream
from simkit.host.tally import Tally
from simkit.policy import limits
from simkit.traffic import members

__all__ = ["ENGINE", "run_compiled"]

ENGINE = "compiled"


def run_compiled(
    stage: Stage, table: CostTable, clock: Clock, *, seed: int, replication: int, strategy: str
) -> Run:
    """The run that the SimPy engine would give, row for row."""
    scenario = stage.scenario
    costs = Costs(table, scenario.host.certificate)
    crowd, tables = Crowd(stage), Tables(stage, costs)
    found = list(members(scenario, seed, replication))
    machine = Machine(stage, crowd, tables, found, clock, costs, records=True)
    machine.run()
    return assemble(
        stage,
        strategy=strategy,
        seed=seed,
        replication=replication,
        engine=ENGINE,
        cost_table=table.name,
        requests=_columns(machine.rows("request_rows"), REQUESTS, REQUEST_ORDER),
        wishes=_columns(machine.rows("wish_rows"), WISHES, WISH_ORDER),
        rules=tables.rules,
        load=_load(machine, costs, scenario.window_ns, Upstream(scenario.host.upstream)),
        events=int(machine.world[0]["happened"]),
    )


def _columns(rows: np.ndarray, schema: dict[str, str], order: tuple[str, ...]) -> Columns:
    wide = {name: rows[name] for name in schema}
    chosen = sorted_rows(wide, order)
    return {name: wide[name][chosen] for name in schema}


def _load(machine: Machine, costs: Costs, window_ns: int, upstream: Upstream) -> dict[str, float]:
    w: Any = machine.world[0]
    workers = machine.cells("workers")[: int(w["worker_count"])]
    tally = Tally()
    tally.connections = int(w["connections_open"])
    for name in Tally.__slots__:
        if name not in ("cpu_ns", "connections"):
            setattr(tally, name, int(w[name]))
    tally.cpu_ns = [int(ns) for ns in machine.cells("cpu_ns")[: len(Cause)]]
    tally.cpu_ns[Cause.WAKE_UP] = costs.wake_up * int(workers["wake_ups"].sum())
    upstream.requests = int(w["upstream_requests"])
    upstream.busy_ns = int(w["upstream_busy_ns"])
    upstream.waited_ns = int(w["upstream_wait_ns"])
    return {
        **tally.vector(window_ns, len(workers)),
        **upstream.vector(),
        "zone_evictions": int(machine.cells("zones")[limits.FORCED :: limits.ZONE].sum()),
    }
