"""A `Run` from what an engine has recorded: rows in order, names in place of numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simkit.engine.run import CohortName, Columns, Run
from simkit.engine.stage import Stage
from simkit.policy.plan import Rule

__all__ = ["REQUEST_ORDER", "WISH_ORDER", "assemble", "sorted_rows"]

REQUEST_ORDER = ("sent_ns", "client", "wish", "item", "attempt")
WISH_ORDER = ("start_ns", "client", "wish")


def sorted_rows(columns: Columns, order: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """The numbers of the rows in that order.

    Engines write rows nearly in order, and few share their time: so by time first, then ties.
    """
    first = columns[order[0]]
    rows = np.argsort(first, kind="stable")
    ordered = first[rows]
    tied = np.zeros(len(rows) + 1, bool)
    tied[1:-1] = ordered[1:] == ordered[:-1]
    places = np.flatnonzero(tied[1:] | tied[:-1])
    among = rows[places]
    keys = [columns[name][among] for name in reversed(order)]
    rows[places] = among[np.lexsort(keys)]
    return rows


def assemble(
    stage: Stage,
    *,
    strategy: str,
    seed: int,
    replication: int,
    engine: str,
    cost_table: str,
    requests: Columns,
    wishes: Columns,
    rules: list[Rule],
    load: dict[str, float],
    events: int,
) -> Run:
    """The Run of columns whose shapes and rules have the numbers of the engine."""
    scenario = stage.scenario
    shapes = _first_seen(requests["shape"])
    ruling = _first_seen(requests["rule"])
    requests["shape"] = _renumbered(requests["shape"], shapes)
    requests["rule"] = _renumbered(requests["rule"], ruling)
    wishes["rule"] = _renumbered(wishes["rule"], ruling)
    return Run(
        scenario=scenario.name,
        strategy=strategy,
        seed=seed,
        replication=replication,
        window_ns=scenario.window_ns,
        engine=engine,
        cost_table=cost_table,
        cohorts=tuple(CohortName(c.name, c.honest, c.count) for c in scenario.cohorts),
        addresses=tuple(str(address) for address in stage.addresses),
        shapes=tuple(stage.shapes.known[number] for number in shapes),
        rules=tuple(rules[number] for number in ruling),
        requests=requests,
        wishes=wishes,
        load=load,
        warnings=(*stage.planner.policy.warnings, *stage.planner.warnings),
        events=events,
    )


def _first_seen(column: npt.NDArray[np.generic]) -> list[int]:
    """The numbers of a column in the order of their first appearance, without negative ones."""
    known, first = np.unique(column, return_index=True)
    order = known[np.argsort(first)].astype(np.int64)
    return [int(number) for number in order if number >= 0]


def _renumbered(column: npt.NDArray[np.generic], order: list[int]) -> npt.NDArray[np.generic]:
    """The column with each number's place in ``order`` in its place; -1 stays."""
    table = np.full(max(order, default=0) + 2, -1, dtype=np.int64)  # -1 finds the last cell
    table[order] = np.arange(len(order))
    return table[column.astype(np.int64)].astype(column.dtype)
