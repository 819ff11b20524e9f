"""Where in its second a logged request may have fallen.

A log with whole seconds leaves the order inside a second open, and limits depend on it. An
ensemble of placements shows how much: each member draws one, addressed by seed, member and line,
so that a member stays the same whatever else is drawn. Two manners stand for two views of a
client: `Manner.SPREAD` puts every request at random in its second; `Manner.BURSTS` puts what a
client asked for in one second within a few tens of milliseconds, as a browser fetches a page and
its images. The truth need not lie between them: the range of an ensemble is no bound.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import numpy.typing as npt

from simkit.accesslog import Trace
from simkit.draws import Purpose, mix, stream
from simkit.many_draws import mixes, units

__all__ = ["BURST_MS", "Manner", "exact", "placed", "uniforms"]

BURST_MS = 50
"""How long a page-like burst lasts at most."""

_SPREAD, _BURST, _WITHIN = 0, 1, 2

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
UInts = npt.NDArray[np.uint64]


class Manner(StrEnum):
    """How requests are put into a second whose order is open."""

    SPREAD = "spread"
    BURSTS = "bursts"


def exact(trace: Trace) -> Int64s:
    """When each request began, in ms, as the log has it: its time less its duration."""
    assert trace.time_ms is not None
    if trace.duration_ms is None:
        return trace.time_ms
    duration_ms = np.maximum(trace.duration_ms, 0)
    # Only differences matter: nobody begins before time 0.
    return trace.time_ms - duration_ms + int(duration_ms.max(initial=0))


def placed(trace: Trace, manner: Manner, seed: int, member: int) -> Int64s:
    """When each request began, in ms, in one member of an ensemble."""
    key = stream(seed, "replay", member)
    if manner is Manner.SPREAD:
        offset = _scaled(uniforms(key, Purpose.PLACEMENT, trace.line, _SPREAD), 1000)
    else:
        offset = _bursts(trace, key)
    return exact(trace) + offset


def _bursts(trace: Trace, key: int) -> Int64s:
    """Offsets in ms: one start for each client and second, and the order of the file within."""
    assert trace.time_ms is not None
    width = int(trace.client.codes.max(initial=0)) + 1
    second = trace.time_ms // 1000
    _, first, group = np.unique(
        second * width + trace.client.codes, return_index=True, return_inverse=True
    )
    starts = uniforms(key, Purpose.PLACEMENT, trace.line[first], _BURST)
    within = _scaled(uniforms(key, Purpose.PLACEMENT, trace.line, _WITHIN), BURST_MS)
    ordered = np.empty_like(within)
    ordered[np.lexsort((trace.line, group))] = within[np.lexsort((within, group))]
    offset: Int64s = _scaled(starts, 1000 - BURST_MS)[group] + ordered
    return offset


def _scaled(u: Floats, n: int) -> Int64s:
    """What `draws.integer` gives, for many."""
    return (u * n).astype(np.int64)


def uniforms(key: int, purpose: int, first: Int64s, second: int = 0) -> Floats:
    """What `draws.uniform` gives for each of ``first``, bit for bit."""
    return units(mixes(mixes(mix(key, purpose), first.astype(np.uint64)), second))
