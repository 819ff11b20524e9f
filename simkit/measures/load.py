"""Load: what a run cost the server and its honest clients. It stays a vector.

The server's part is counted by the engine over the scenario's window (``Run.load``, units in the
names). The clients' part is how long honest clients waited, over the same window, taken twice:

=====================  ======================================================================
``honest_latency_…``   of *requests* that the policy let through and that an HTTP answer came
                       to. A refusal is quick, so counting it would make a server that refuses
                       look fast. The median is that of small files, the same under every policy
``honest_wish_…``      of *wishes* that were served, from the first request until everything had
                       come, retries and pauses included: what a person waits for
                       (`simkit.measures.waiting`)
=====================  ======================================================================

Quantiles interpolate linearly between order statistics (Hyndman and Fan 1996, type 7).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import nan

import numpy as np
import numpy.typing as npt

from simkit.engine.run import Run
from simkit.measures.rows import need_rows
from simkit.measures.waiting import honest_cohorts, quantile, served_wishes, wish_latency_ms
from simkit.wire import SightKind

__all__ = ["LATENCIES", "WISH_LATENCIES", "Load", "answered_requests_ms", "load_of"]

LATENCIES = {
    "honest_latency_p50_ms": 0.5,
    "honest_latency_p95_ms": 0.95,
    "honest_latency_p99_ms": 0.99,
}
WISH_LATENCIES = {
    "honest_wish_p50_ms": 0.5,
    "honest_wish_p95_ms": 0.95,
    "honest_wish_p99_ms": 0.99,
}
_NS_PER_MS = 1e6
_NS_PER_S = 1e9


@dataclass(frozen=True, slots=True)
class Load:
    """The load of one run: ``server`` by name with unit, honest latency in ms (nan if none)."""

    window_s: float
    server: Mapping[str, float] = field(default_factory=dict)
    latency_ms: Mapping[str, float] = field(default_factory=dict)
    answered: int = 0

    @property
    def cpu_share(self) -> float:
        """CPU time of all workers as a share of one core over the window; nan if not counted."""
        return self.server.get("cpu_s", nan) / self.window_s

    def vector(self) -> dict[str, float]:
        """Every component by its name, the server's first."""
        return {**self.server, "cpu_share": self.cpu_share, **self.latency_ms}


def answered_requests_ms(
    run: Run, cohorts: Collection[str] | None = None
) -> npt.NDArray[np.float64]:
    """The latency of requests that were let through and answered, of these cohorts.

    None takes the honest ones. Raises InputError where the run recorded totals only.
    """
    need_rows(run)
    columns = run.requests
    names = honest_cohorts(run) if cohorts is None else cohorts
    wanted = np.array([c.name in names for c in run.cohorts], dtype=np.bool_)
    mask = wanted[columns["cohort"].astype(np.int64)] & ~columns["refused"].astype(np.bool_)
    mask &= np.asarray(columns["sight"] == int(SightKind.HTTP))
    result: npt.NDArray[np.float64] = columns["latency_ns"][mask].astype(np.float64) / _NS_PER_MS
    return result


def load_of(run: Run) -> Load:
    """The load of a run as a vector of named numbers.

    Raises InputError where the run recorded totals only: it has the server's part in ``Run.load``.
    """
    answered = answered_requests_ms(run)
    waits = wish_latency_ms(run, served_wishes(run))
    quantiles = {name: quantile(answered, share) for name, share in LATENCIES.items()}
    quantiles |= {name: quantile(waits, share) for name, share in WISH_LATENCIES.items()}
    return Load(run.window_ns / _NS_PER_S, dict(run.load), quantiles, int(answered.size))
