"""The workload that all engines share: M/D/1.

Requests arrive by a Poisson process of 700/s at one server that serves each for exactly 1 ms, first
come, first served. The mean wait of a long run is, by Pollaczek and Khinchine,

    W = rho S / (2 (1 - rho)),   rho = 0.7, S = 1 ms:   W = 1.1667 ms.

Times are integer nanoseconds, which floating point holds exactly too (below 2**53), and all engines
are given the arrivals that this project's scenario draws: the sum of all waits is one number.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import islice
from pathlib import Path

from simkit import draws
from simkit.bench import engines
from simkit.engine import Run
from simkit.engine.run import MARKS
from simkit.policy import load_policy
from simkit.traffic import Scenario, load_scenario
from simkit.traffic.part import NS_PER_S

__all__ = [
    "RHO",
    "SERVICE_NS",
    "arrivals_ns",
    "events_of",
    "mean_wait_ns",
    "scenario",
    "simulated",
    "waits_ns",
]

SERVICE_NS = 1_000_000
RHO = 0.7

_HERE = Path(__file__).resolve().parent
_SEED, _REPLICATION = 1, 0


def mean_wait_ns() -> float:
    """The mean wait of a run without end, in nanoseconds (Pollaczek and Khinchine)."""
    return RHO * SERVICE_NS / (2 * (1 - RHO))


@lru_cache(maxsize=2)
def arrivals_ns(requests: int) -> tuple[int, ...]:
    """The times of that many arrivals, in nanoseconds: those of the scenario's one client."""
    return _drawn(load_scenario(_HERE / "queue.toml"), requests)


def _drawn(base: Scenario, requests: int) -> tuple[int, ...]:
    cohort = base.cohorts[0]
    key = draws.stream(draws.mix(_SEED, _REPLICATION), cohort.name, 0)
    return tuple(islice(cohort.arrivals.starts_ns(key, 1 << 62), requests))


def scenario(requests: int) -> Scenario:
    """The queue as a scenario in which exactly that many requests arrive, and are served."""
    base = load_scenario(_HERE / "queue.toml")
    cohort = base.cohorts[0]
    last, beyond = _drawn(base, requests + 1)[-2:]
    until_s = (last + beyond) / 2 / NS_PER_S
    arrivals = cohort.arrivals.model_copy(update={"until_s": until_s})
    costs = str(_HERE / "queue_costs.toml")
    served_s = requests * SERVICE_NS / NS_PER_S
    return base.model_copy(
        update={
            "length_s": until_s + served_s + 1,
            "host": base.host.model_copy(update={"costs": costs}),
            "cohorts": (cohort.model_copy(update={"arrivals": arrivals}),),
        }
    )


def simulated(requests: int, engine: str) -> tuple[int, int]:
    """The queue on an engine of this project: the sum of all waits in nanoseconds, and events."""
    run = engines.run(scenario(requests), load_policy(_HERE / "queue.conf"), engine)
    return waits_ns(run, requests), run.events


def events_of(requests: int) -> int:
    """The events of that many requests on the SimPy engine.

    Four each: the client wakes, the request arrives, the worker has finished, the answer is seen.
    Two once: the client's process begins and ends; its connection arrives with the first request.
    And at each of its marks the run stops to look at its server: two events, but one at the last.
    """
    return 4 * requests + 2 + 2 * MARKS - 1


def waits_ns(run: Run, requests: int) -> int:
    """The sum of all waits of a run, in nanoseconds; it must have had that many requests."""
    latency = run.requests["latency_ns"]
    if len(latency) != requests:
        raise AssertionError(f"{len(latency)} requests, not {requests}")
    return int(latency.sum()) - requests * SERVICE_NS
