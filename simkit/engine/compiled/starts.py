"""`simkit.traffic.arrivals` for compiled code: when a client starts something."""

from __future__ import annotations

from typing import Any, get_args

from simkit.draws import Purpose
from simkit.engine.compiled.chances import exponential, uniform
from simkit.engine.compiled.compiler import compiled
from simkit.traffic import arrivals

__all__ = ["KINDS", "first_start", "next_start"]

KINDS: tuple[str, ...] = get_args(arrivals.Kind)
"""The kinds of arrivals, in the order of their numbers."""

_UNIFORM, _PERIODIC, _AT_ONCE = (KINDS.index(kind) for kind in ("uniform", "periodic", "at once"))
_ARRIVAL = int(Purpose.ARRIVAL)


@compiled
def first_start(client: Any, cohort: Any) -> bool:
    """Find the client's first start; False if there is none."""
    client.start = 0
    u = uniform(client.key, _ARRIVAL, 0, 0)
    begin, end = cohort.begin_ns, cohort.end_ns
    if cohort.arrivals == _AT_ONCE:
        client.start_ns = begin
    elif cohort.arrivals == _UNIFORM:
        client.start_ns = begin + int(u * (end - begin))
    elif cohort.arrivals == _PERIODIC:
        client.start_ns = begin + int(u * cohort.every_ns)
    else:
        client.start_ns = begin + int(exponential(cohort.every_ns, u))
    return client.start_ns < end


@compiled
def next_start(client: Any, cohort: Any, now_ns: int) -> bool:
    """Find the next start of a client that is ready for it now; False if there is none."""
    if cohort.arrivals in (_UNIFORM, _AT_ONCE):
        return False
    client.start += 1
    mean_ns = cohort.every_ns * client.pace
    at = client.start_ns
    if cohort.arrivals == _PERIODIC:
        gap = max(1, int(mean_ns))
        client.start_ns = at + gap * max(1, -((at - now_ns) // gap))
    else:
        u = uniform(client.key, _ARRIVAL, client.start, 0)
        client.start_ns = max(at, now_ns) + max(1, int(exponential(mean_ns, u)))
    return client.start_ns < cohort.end_ns
