"""A run over time: who came, who was refused, what the server held and worked, how long it took.

Requests and wishes are counted from the rows. What the server held is not in them. An engine whose
server can be asked while it runs gives `Readings`, and then connection slots, connections and CPU
time are what the server itself counted. Without readings (the compiled engine has none) they are
**derived**, and `Timeline.derived` says so:

- held are the requests under way, from when they were sent until their end was seen. Connections
  that are kept and idle are not among them.
- the CPU time of the whole run, which is counted for each cause, is spread evenly over the requests
  that have that cause, at the time at which they were sent. Its sum is right, its place in time
  about right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simkit.engine.run import Run
from simkit.measures.over_time import over_time
from simkit.wire import SightKind

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

BINS = 120
"""Bins of a timeline, unless said otherwise."""

READINGS_PER_BIN = 4
"""How often in each bin what a server holds is looked at."""

SLOTS, CONNECTIONS = "connection slots", "connections"
UNDER_WAY = "requests under way"
"""What a server holds: the names in `Timeline.held`."""

_NS_PER_S = 1_000_000_000

__all__ = [
    "BINS",
    "CONNECTIONS",
    "READINGS_PER_BIN",
    "SLOTS",
    "UNDER_WAY",
    "Readings",
    "Timeline",
    "timeline",
]


@dataclass(frozen=True, slots=True)
class Readings:
    """The server's own counters, read at equal distances from the beginning to the end of a run.

    ``slots`` and ``connections`` are in use at that moment, ``cpu_s`` was used until then. Of
    workers that are busy at that moment the job in hand counts as a whole.
    """

    times_s: Array
    slots: Array
    connections: Array
    cpu_s: Array


@dataclass(frozen=True, slots=True)
class Timeline:
    """Bins of equal length, and in each of them one number for each of these.

    ``starts_s`` is where they begin. ``arrivals_per_s[i]`` and ``refused_percent[i]`` are of the
    i-th cohort of the run: requests sent, and the share of them that the policy turned away, nan
    where none was sent. ``cpu_percent`` is the share of the time of all ``workers``. ``held`` is
    what the server held, by name, at ``held_s``. The latency is that of honest wishes begun in a
    bin and served, nan where there is none. ``derived`` tells whether ``held`` and ``cpu_percent``
    are the server's own numbers or derived from the rows.
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
    derived: bool


def timeline(
    run: Run, workers: int, readings: Readings | None = None, bins: int = BINS
) -> Timeline | None:
    """The run over so many bins of time; None where it recorded totals and has no rows.

    ``readings`` are to be at the bounds of the bins, or at more times in each.
    """
    if not len(run.requests["sent_ns"]):
        return None
    bin_s = run.window_ns / _NS_PER_S / bins
    times = over_time(run, bin_s)
    sent, refused = _by_cohort(run, bins)
    with np.errstate(invalid="ignore"):
        share = 100.0 * refused / sent
    held_s, held = _under_way(run, bins) if readings is None else _held(readings)
    cpu_s = _spread_cpu(run, bins) if readings is None else _read_cpu(readings, bins)
    return Timeline(
        starts_s=times.starts_s[:bins],
        bin_s=bin_s,
        arrivals_per_s=sent / bin_s,
        refused_percent=share,
        held_s=held_s,
        held=held,
        cpu_percent=100.0 * cpu_s / (bin_s * workers),
        workers=workers,
        wish_p50_ms=times.wish_p50_ms[:bins],
        wish_p95_ms=times.wish_p95_ms[:bins],
        derived=readings is None,
    )


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


# From the server's own counters


def _held(readings: Readings) -> tuple[Array, dict[str, Array]]:
    return readings.times_s, {SLOTS: readings.slots, CONNECTIONS: readings.connections}


def _read_cpu(readings: Readings, bins: int) -> Array:
    end_s = readings.times_s[-1]
    bounds = np.interp(np.linspace(0.0, end_s, bins + 1), readings.times_s, readings.cpu_s)
    used: Array = np.diff(bounds)
    return used


# From the rows


def _under_way(run: Run, bins: int) -> tuple[Array, dict[str, Array]]:
    """How many requests are under way, at the bounds of the bins and between them."""
    columns = run.requests
    begun = np.sort(columns["sent_ns"].astype(np.int64))
    ended = np.sort(columns["sent_ns"].astype(np.int64) + columns["latency_ns"].astype(np.int64))
    times_ns = np.linspace(0, run.window_ns, bins * READINGS_PER_BIN + 1).astype(np.int64)
    count = np.searchsorted(begun, times_ns, "left") - np.searchsorted(ended, times_ns, "left")
    return times_ns / _NS_PER_S, {UNDER_WAY: count.astype(np.float64)}


def _spread_cpu(run: Run, bins: int) -> Array:
    """The CPU time of each cause over the requests that have it."""
    place = _bin_of(run.requests["sent_ns"], run.window_ns, bins)
    masks = _causes(run)
    total = np.zeros(bins)
    counted = 0.0
    for cause, mask in masks.items():
        cpu_s = run.load.get(f"cpu_{cause}_s", 0.0)
        if cpu_s and mask.any():
            total += cpu_s * np.bincount(place[mask], minlength=bins) / mask.sum()
            counted += cpu_s
    rest = run.load.get("cpu_s", 0.0) - counted
    return total + rest * np.bincount(place, minlength=bins) / place.size


def _causes(run: Run) -> dict[str, Mask]:
    """The requests that have each cause; those of no single request are not among them."""
    columns = run.requests
    fresh = ~columns["reused"].astype(np.bool_)
    refused = columns["refused"].astype(np.bool_)
    answered = np.asarray(columns["sight"] == int(SightKind.HTTP))
    shape = columns["shape"].astype(np.int64)
    tls = np.array([s.tls for s in run.shapes], np.bool_)[shape]
    return {
        "accept": fresh,
        "tls": fresh & tls,
        "silent": refused & ~answered,
        "page": refused & answered,
        "static": ~refused & answered,
        "proxy": ~refused & answered,
    }
