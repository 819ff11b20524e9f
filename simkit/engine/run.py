"""A Run: one replication of one scenario under one strategy with one seed, as columns.

Five tables and a vector. `REQUESTS` has one row for each attempt on the wire, in the order (sent,
client, wish, item, attempt); `WISHES` one row for each wish that was begun within the window. A run
that records totals leaves both empty. What any run has are sums: `CLIENTS` with one row for each
client, by its number, and `ANSWERS` with one for each (cohort, rule, status, sight) that occurred,
in that order; and `SERIES`, what the server had done by certain times, work counted from when it
begins. Times are nanoseconds since the start of the run. Numbers that name something (cohort,
address, shape, rule) index into the tuples of names that the Run carries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

    from simkit.policy.plan import Rule
    from simkit.wire import Shape

Columns = dict[str, npt.NDArray[np.generic]]
Progress = Callable[[int, int], None]
"""Called now and then with (done, total)."""
Record = Literal["all", "totals"]
"""Whether a run has rows, or sums alone."""

REQUESTS: dict[str, str] = {
    "sent_ns": "int64",  # the client began this attempt (its connect, if it needed one)
    "cohort": "int16",
    "client": "int32",  # number of the client in the run
    "address": "int32",
    "wish": "int32",  # number of the wish within its client
    "item": "int16",  # part of the wish: 0 is the document, then its resources
    "attempt": "int16",  # 0 is the first
    "shape": "int32",
    "status": "int16",  # as the access log says; 0: nothing was logged
    "sight": "int8",  # a SightKind
    "seen_status": "int16",  # the status that the client saw; 0: none
    "bytes": "int64",  # sent by the server, headers and body
    "delay_ns": "int64",  # waited in a limit
    "latency_ns": "int64",  # from sent_ns to the Sight
    "rule": "int32",  # -1: no rule decided
    "refused": "bool",  # the policy turned it away
    "reused": "bool",  # sent on a connection that had served before
}

WISHES: dict[str, str] = {
    "start_ns": "int64",
    "end_ns": "int64",  # served, or given up
    "cohort": "int16",
    "client": "int32",
    "address": "int32",
    "wish": "int32",
    "session": "int32",  # the client's start that it belongs to, counted from 0
    "attempts": "int32",  # requests on the wire for this wish, all items
    "served": "bool",  # every item was served in the end
    "refusals": "int32",  # attempts that the policy turned away
    "rule": "int32",  # the rule that refused last, -1: none did
    "open": "bool",  # the window closed before the wish ended
}

CLIENTS: dict[str, str] = {
    "cohort": "int16",
    "address": "int32",
    "requests": "int64",
    "refused": "int64",  # attempts that the policy turned away
    "wishes": "int64",
    "served": "int64",  # wishes
    "open": "int64",  # wishes
}

ANSWERS: dict[str, str] = {
    "cohort": "int16",
    "rule": "int32",
    "status": "int16",
    "sight": "int8",
    "refused": "bool",
    "requests": "int64",
    "bytes": "int64",
    "delay_ns": "int64",
    "latency_ns": "int64",
}


SERIES: dict[str, str] = {
    "time_ns": "int64",
    "cpu_ns": "int64",
    "slots": "int64",  # taken at that time
    "connections": "int64",  # open at that time
    "accepts": "int64",
    "handshakes": "int64",
    "bytes_out": "int64",
    "upstream_requests": "int64",
    "refused_connections": "int64",
    "zone_evictions": "int64",
}

MARKS = 120
"""How many times a run looks at its server, at equal distances; the last at the window's end."""


def marks_ns(window_ns: int) -> list[int]:
    """The times of `SERIES`."""
    return [window_ns * mark // MARKS for mark in range(1, MARKS + 1)]


@dataclass(frozen=True, slots=True)
class CohortName:
    """What measures need to know of a cohort: its name, its side, its size."""

    name: str
    honest: bool
    clients: int


@dataclass(slots=True)
class Run:
    """One replication. ``load`` maps names with units (``cpu_s``, ``peak_slots`` …) to numbers."""

    scenario: str
    strategy: str
    seed: int
    replication: int
    window_ns: int
    engine: str
    cost_table: str
    cohorts: tuple[CohortName, ...]
    addresses: Sequence[str]
    shapes: tuple[Shape, ...]
    rules: tuple[Rule, ...]
    requests: Columns
    wishes: Columns
    clients: Columns
    answers: Columns
    series: Columns
    load: dict[str, float]
    warnings: tuple[str, ...] = ()
    events: int = 0

    def to_frame(self, table: str = "requests") -> pd.DataFrame:
        """One of the five tables, by its name, with names in place of numbers."""
        import pandas as pd

        columns = getattr(self, table)
        frame = pd.DataFrame(dict(columns))
        names = [c.name for c in self.cohorts]
        if "cohort" not in frame:
            return frame
        frame["cohort"] = pd.Categorical.from_codes(columns["cohort"], categories=pd.Index(names))
        labels = {-1: ""} | {i: str(r.decisive) for i, r in enumerate(self.rules)}
        if "rule" in frame:
            frame["rule"] = frame["rule"].map(labels)
        return frame


def table(rows: dict[str, list[int]], schema: dict[str, str]) -> Columns:
    """Columns of the schema's types from lists of equal length."""
    return {name: np.asarray(rows[name], dtype=kind) for name, kind in schema.items()}


def as_columns(rows: Sequence[Mapping[str, int]], schema: dict[str, str]) -> Columns:
    """The same from rows that name their cells."""
    return table({name: [row[name] for row in rows] for name in schema}, schema)
