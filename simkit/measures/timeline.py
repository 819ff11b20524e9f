"""A run over time: who came, who was refused, what the server held and worked, how long it took.

Requests and wishes are counted from the rows. What the server held and worked is what it counted
itself, by the marks of `simkit.engine.run.SERIES`: a bin lies between two of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simkit.engine.run import Run
from simkit.measures.over_time import over_time

Array = npt.NDArray[np.float64]

SLOTS, CONNECTIONS = "connection slots", "connections"
"""What a server holds: the names in `Timeline.held`."""

_NS_PER_S = 1_000_000_000

__all__ = ["CONNECTIONS", "SLOTS", "Timeline", "timeline"]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Bins of equal length, and in each of them one number for each of these.

    ``starts_s`` is where they begin. ``arrivals_per_s[i]`` and ``refused_percent[i]`` are of the
    i-th cohort of the run: requests sent, and the share of them that the policy turned away, nan
    where none was sent. ``cpu_percent`` is the share of the time of all ``workers``. ``held`` is
    what the server held, by name, at ``held_s``, the bounds of the bins. The latency is that of
    honest wishes begun in a bin and served, nan where there is none.
    """

    starts_s: Array
    bin_s: float
    arrivals_per_s: Array
    refused_percent: Array
    held_s: Array
    held: dict[str, Array]
    cpu_percent: Array
    workers: int
    wish_p50_ms: Array
    wish_p95_ms: Array


def timeline(run: Run, workers: int) -> Timeline | None:
    """The run between its marks; None where it recorded totals and has no rows."""
    if not len(run.requests["sent_ns"]):
        return None
    bins = len(run.series["time_ns"])
    bin_s = run.window_ns / _NS_PER_S / bins
    times = over_time(run, bin_s)
    sent, refused = _by_cohort(run, bins)
    with np.errstate(invalid="ignore"):
        share = 100.0 * refused / sent
    return Timeline(
        starts_s=times.starts_s[:bins],
        bin_s=bin_s,
        arrivals_per_s=sent / bin_s,
        refused_percent=share,
        held_s=_from_start(run, "time_ns") / _NS_PER_S,
        held={SLOTS: _from_start(run, "slots"), CONNECTIONS: _from_start(run, "connections")},
        cpu_percent=100.0 * np.diff(_from_start(run, "cpu_ns")) / _NS_PER_S / (bin_s * workers),
        workers=workers,
        wish_p50_ms=times.wish_p50_ms[:bins],
        wish_p95_ms=times.wish_p95_ms[:bins],
    )


def _from_start(run: Run, name: str) -> Array:
    """A column of the series, after the zero with which every run begins."""
    return np.concatenate([[0.0], run.series[name].astype(np.float64)])


def _bin_of(times_ns: npt.NDArray[np.generic], window_ns: int, bins: int) -> npt.NDArray[np.int64]:
    return np.minimum(times_ns.astype(np.int64) * bins // window_ns, bins - 1)


def _by_cohort(run: Run, bins: int) -> tuple[Array, Array]:
    """Requests sent and refused, by cohort and bin."""
    columns = run.requests
    cell = columns["cohort"].astype(np.int64) * bins
    cell += _bin_of(columns["sent_ns"], run.window_ns, bins)
    refused = columns["refused"].astype(np.bool_)
    sums = (np.bincount(c, minlength=len(run.cohorts) * bins) for c in (cell, cell[refused]))
    sent, turned = (s.reshape(len(run.cohorts), bins).astype(np.float64) for s in sums)
    return sent, turned
