"""`simkit.traffic.arrivals` for compiled code: when a client starts something."""

from __future__ import annotations

from typing import Any, get_args

from simkit.draws import Purpose
from simkit.engine.compiled.chances import exponential, uniform
from simkit.engine.compiled.compiler import compiled
from simkit.traffic import arrivals
from simkit.traffic.arrivals import LONGEST_NS

__all__ = ["KINDS", "first_start", "next_start"]

KINDS: tuple[str, ...] = get_args(arrivals.Kind)
"""The kinds of arrivals, in the order of their numbers."""

_UNIFORM, _PERIODIC, _AT_ONCE = (KINDS.index(kind) for kind in ("uniform", "periodic", "at once"))
_ARRIVAL = int(Purpose.ARRIVAL)


@compiled
def _outside(inside: int, cohort: Any) -> int:
    """`simkit.traffic.arrivals.Pulses.outside`."""
    if cohort.pause_ns == 0:
        return inside
    return inside // cohort.pulse_ns * cohort.pause_ns + inside


@compiled
def _inside(outside: int, cohort: Any) -> int:
    """`simkit.traffic.arrivals.Pulses.inside`."""
    if cohort.pause_ns == 0:
        return outside
    length = cohort.pulse_ns + cohort.pause_ns
    whole = outside // length
    return whole * cohort.pulse_ns + min(outside - whole * length, cohort.pulse_ns)


@compiled
def first_start(client: Any, cohort: Any) -> bool:
    """Find the client's first start; False if there is none."""
    client.start = 0
    u = uniform(client.key, _ARRIVAL, 0, 0)
    if cohort.arrivals == _AT_ONCE:
        at = 0
    elif cohort.arrivals == _UNIFORM:
        at = int(u * _length(cohort))
    elif cohort.arrivals == _PERIODIC:
        at = int(u * cohort.every_ns)
    else:
        at = int(min(exponential(cohort.every_ns, u), LONGEST_NS))
    return _starts_at(client, cohort, at)


@compiled
def _length(cohort: Any) -> int:
    """The time of arrivals without the pauses."""
    return _inside(max(0, cohort.end_ns - cohort.begin_ns), cohort)


@compiled
def _starts_at(client: Any, cohort: Any, at: int) -> bool:
    if at >= _length(cohort):
        return False
    client.start_ns = cohort.begin_ns + _outside(at, cohort)
    return True


@compiled
def next_start(client: Any, cohort: Any, now_ns: int) -> bool:
    """Find the next start of a client that is ready for it now; False if there is none."""
    if cohort.arrivals in (_UNIFORM, _AT_ONCE):
        return False
    client.start += 1
    mean_ns = cohort.every_ns * client.pace
    begin = cohort.begin_ns
    at = _inside(client.start_ns - begin, cohort)
    ready = _inside(max(0, now_ns - begin), cohort)
    if cohort.arrivals == _PERIODIC:
        gap = max(1, int(min(mean_ns, LONGEST_NS)))
        at += gap * max(1, -((at - ready) // gap))
    else:
        u = uniform(client.key, _ARRIVAL, client.start, 0)
        at = max(at, ready) + max(1, int(min(exponential(mean_ns, u), LONGEST_NS)))
    return _starts_at(client, cohort, at)
