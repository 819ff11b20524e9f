"""A run against a live nginx, as little of it as is compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from simkit.live.crowd import Lived
from simkit.live.sim_to_real.outcomes import Count, counted

__all__ = ["Facts", "facts_of"]


@dataclass(frozen=True, slots=True)
class Facts:
    """One live run: what became of whom, and what it took.

    ``waited_s`` is how long the worker was ready while others ran on its core, ``late_ms`` how late
    clients acted (median and 99th percentile). ``strangers`` are answers that no decision of their
    plan looks like; ``unlogged`` requests that are not in nginx's log, ``otherwise`` those whose
    logged status is not that of the decision.
    """

    counts: dict[str, Count]
    cpu_s: float
    utilisation: float
    wake_ups: int
    waited_s: float
    driver_cpu_s: float
    late_ms: tuple[float, float]
    strangers: int
    unlogged: int
    otherwise: int
    requests: int

    def to_json(self) -> dict[str, Any]:
        """As a document."""
        return {**asdict(self), "counts": {n: c.to_json() for n, c in self.counts.items()}}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Facts:
        """What `to_json` gave."""
        counts = {name: Count.from_json(count) for name, count in found["counts"].items()}
        late = found["late_ms"]
        return cls(**{**found, "counts": counts, "late_ms": (late[0], late[1])})


def facts_of(lived: Lived) -> Facts:
    """The facts of a run."""
    return Facts(
        counts=counted(lived.run),
        cpu_s=lived.worker.cpu_ns / 1e9,
        utilisation=lived.utilisation,
        wake_ups=lived.worker.sleeps,
        waited_s=lived.worker.waited_ns / 1e9,
        driver_cpu_s=lived.driver_cpu_s,
        late_ms=lived.late_ms,
        strangers=lived.strangers,
        unlogged=lived.log.missing,
        otherwise=lived.log.other_status,
        requests=len(lived.run.requests["client"]),
    )
