"""The measures of a run phase by phase, and whether its series has a warm-up.

The server's counters are kept for the whole window, so a phase has what the tables tell: requests,
refusals, bytes, false drops, misses and how long honest clients waited.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from simkit.engine.run import Columns, Run
from simkit.measures.phases import Phase, phases, why_not_stationary
from simkit.measures.rows import need_rows
from simkit.measures.statistics.warmup import WarmUp, mser5
from simkit.measures.waiting import quantile, served_wishes, wish_latency_ms

if TYPE_CHECKING:
    from simkit.traffic import Scenario

Mask = npt.NDArray[np.bool_]

__all__ = ["PhaseNumbers", "by_phase", "latency_series_ms", "warm_up"]


@dataclass(frozen=True, slots=True)
class PhaseNumbers:
    """One phase of one run. Shares are in per cent, nan where nothing stands below the line.

    Misses are of those who ask for something: slow clients only hold connections.
    """

    phase: Phase
    requests_per_s: float
    refused_share: float
    bytes_out_per_s: float
    false_drops_per_wish: float
    misses: float
    wish_p50_ms: float
    wish_p95_ms: float
    wish_p99_ms: float


def _within(columns: Columns, name: str, phase: Phase) -> Mask:
    begin, end = phase.bounds_ns
    times = columns[name].astype(np.int64)
    return (times >= begin) & (times < end)


def _per_cent(part: Mask, whole: Mask) -> float:
    return 100.0 * float((part & whole).sum()) / float(n) if (n := int(whole.sum())) else np.nan


def by_phase(run: Run, scenario: Scenario) -> tuple[PhaseNumbers, ...]:
    """The numbers of each phase of the scenario that was run.

    Raises InputError where the run recorded totals only.
    """
    need_rows(run)
    silent = {c.name for c in scenario.cohorts if not c.wants_answers}
    asking = np.array([not c.honest and c.name not in silent for c in run.cohorts])
    return tuple(_numbers(run, phase, asking) for phase in phases(scenario))


def _numbers(run: Run, phase: Phase, asking: Mask) -> PhaseNumbers:
    requests, wishes = run.requests, run.wishes
    sent = _within(requests, "sent_ns", phase)
    ended = _within(wishes, "start_ns", phase) & ~wishes["open"].astype(np.bool_)
    served = wishes["served"].astype(np.bool_)
    honest = np.array([c.honest for c in run.cohorts])[wishes["cohort"].astype(np.int64)]
    dropped = ~served & (wishes["refusals"].astype(np.int64) > 0)
    waits_ms = wish_latency_ms(run, served_wishes(run) & ended)
    return PhaseNumbers(
        phase,
        float(sent.sum()) / phase.length_s,
        _per_cent(requests["refused"].astype(np.bool_), sent),
        float(requests["bytes"][sent].sum()) / phase.length_s,
        _per_cent(dropped, ended & honest),
        _per_cent(served, ended & asking[wishes["cohort"].astype(np.int64)]),
        *(quantile(waits_ms, share) for share in (0.5, 0.95, 0.99)),
    )


def latency_series_ms(run: Run) -> npt.NDArray[np.float64]:
    """How long the honest wishes took that were served, in the order in which they began."""
    return wish_latency_ms(run, served_wishes(run))


def warm_up(run: Run, scenario: Scenario) -> WarmUp:
    """The warm-up of a run by the latency of its honest wishes, in wishes.

    It is looked for in stationary scenarios only; for others the result says why not.
    """
    series = latency_series_ms(run)
    why = why_not_stationary(scenario)
    return WarmUp(series.size, 0, why) if why else mser5(series)
