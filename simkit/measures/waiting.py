"""How long clients wait: for what they wished for, and for a second chance after a refusal.

The latency of a *request* says little about people: most requests of a page are small files, and
half of those take the round trip and a fixed cost, under every policy. What a person waits for is
the **wish**: from the first request until everything has come, retries and pauses included. It
is taken of wishes that were served; those that were not are false drops or failures, and counted
there.

A policy that drops the slow wishes looks fast. Where that could matter, compare on `both_served`:
the wishes that two strategies both serve, which are the same wishes of the same clients.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import nan

import numpy as np
import numpy.typing as npt

from simkit.engine.run import Columns, Run
from simkit.measures.rows import need_rows

Mask = npt.NDArray[np.bool_]
Array = npt.NDArray[np.float64]

_NS_PER_MS = 1e6
_NS_PER_S = 1e9

__all__ = [
    "Recovery",
    "both_served",
    "honest_cohorts",
    "quantile",
    "recoveries",
    "served_wishes",
    "wish_keys",
    "wish_latency_ms",
]


def quantile(values: Array, share: float) -> float:
    """Interpolated between order statistics (Hyndman and Fan 1996, type 7); nan if none."""
    return float(np.quantile(values, share)) if values.size else nan


def honest_cohorts(run: Run) -> tuple[str, ...]:
    """The names of the honest cohorts."""
    return tuple(c.name for c in run.cohorts if c.honest)


def _of(run: Run, columns: Columns, cohorts: Collection[str]) -> Mask:
    """The rows of these cohorts."""
    wanted = np.array([c.name in cohorts for c in run.cohorts], dtype=np.bool_)
    result: Mask = wanted[columns["cohort"].astype(np.int64)]
    return result


def served_wishes(run: Run, cohorts: Collection[str] | None = None) -> Mask:
    """Which wishes were served before the window closed, of these cohorts (None: the honest).

    Raises InputError where the run recorded totals only.
    """
    need_rows(run)
    wishes = run.wishes
    names = honest_cohorts(run) if cohorts is None else cohorts
    mask = wishes["served"].astype(np.bool_) & ~wishes["open"].astype(np.bool_)
    return mask & _of(run, wishes, names)


def wish_latency_ms(run: Run, mask: Mask) -> Array:
    """From the beginning to the end of the wishes that a mask picks."""
    wishes = run.wishes
    spans = wishes["end_ns"][mask].astype(np.int64) - wishes["start_ns"][mask].astype(np.int64)
    return spans / _NS_PER_MS


def wish_keys(columns: Columns) -> npt.NDArray[np.int64]:
    """One number for each pair of client and wish: the same in both tables and in every run."""
    return columns["client"].astype(np.int64) << 32 | columns["wish"].astype(np.int64)


def both_served(
    first: Run, second: Run, cohorts: Collection[str] | None = None
) -> tuple[Mask, Mask]:
    """Which wishes of either run were served in both: masks of equally many rows.

    The two are runs of one crowd: one scenario, seed and replication, under two strategies. The
    wish of a client is the same in both as long as its number is, for all that is drawn for it is
    addressed by that number.
    """
    masks = served_wishes(first, cohorts), served_wishes(second, cohorts)
    keys = wish_keys(first.wishes), wish_keys(second.wishes)
    common = np.intersect1d(keys[0][masks[0]], keys[1][masks[1]])
    return masks[0] & np.isin(keys[0], common), masks[1] & np.isin(keys[1], common)


@dataclass(frozen=True, slots=True)
class Recovery:
    """What became of the wishes of a cohort that were refused on the way, and when.

    ``served_p50_s`` and ``served_p95_s``: from the first refusal until the wish was served.
    ``lost_p50_s``: from the first refusal until those that never were had been given up.
    """

    cohort: str
    honest: bool
    refused: int
    recovered: int
    served_p50_s: float
    served_p95_s: float
    lost_p50_s: float


def recoveries(run: Run) -> tuple[Recovery, ...]:
    """Each cohort's, in the order of the scenario.

    Raises InputError where the run recorded totals only.
    """
    need_rows(run)
    wishes = run.wishes
    first_ns = _first_refusal_ns(run)
    met = (first_ns >= 0) & ~wishes["open"].astype(np.bool_)
    waits_s = (wishes["end_ns"].astype(np.int64) - first_ns) / _NS_PER_S
    served = wishes["served"].astype(np.bool_)
    found = []
    for name in run.cohorts:
        mine = met & _of(run, wishes, (name.name,))
        again, lost = waits_s[mine & served], waits_s[mine & ~served]
        shares = quantile(again, 0.5), quantile(again, 0.95), quantile(lost, 0.5)
        found.append(Recovery(name.name, name.honest, int(mine.sum()), again.size, *shares))
    return tuple(found)


def _first_refusal_ns(run: Run) -> npt.NDArray[np.int64]:
    """When the client saw the first refusal of each wish; -1 where there was none."""
    requests = run.requests
    refused = requests["refused"].astype(np.bool_)
    sent_ns, took_ns = (requests[n][refused].astype(np.int64) for n in ("sent_ns", "latency_ns"))
    seen_ns = sent_ns + took_ns
    keys = wish_keys(requests)[refused]
    order = np.lexsort((seen_ns, keys))
    known, first = np.unique(keys[order], return_index=True)
    wanted = wish_keys(run.wishes)
    if not known.size:
        return np.full(wanted.size, -1, dtype=np.int64)
    place = np.minimum(np.searchsorted(known, wanted), known.size - 1)
    return np.where(known[place] == wanted, seen_ns[order][first][place], -1)
