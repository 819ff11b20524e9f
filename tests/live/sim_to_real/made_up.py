"""Trials as they might have gone, without having been run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from simkit.live.sim_to_real import Report, Setting
from simkit.live.sim_to_real.lived import Facts
from simkit.live.sim_to_real.outcomes import Count

__all__ = ["count", "report"]


def count(
    requests: int = 500, refused: int = 100, wishes: int = 400, *, honest: bool = True
) -> Count:
    """A cohort some of whose requests were refused with a 403."""
    served = requests - refused
    sights = Counter({"200": served, "403": refused})
    return Count(honest, requests, refused, wishes, served, requests, sights)


def facts(counts: dict[str, Count], cpu_s: float) -> Facts:
    """A live run."""
    return Facts(
        counts=counts,
        cpu_s=cpu_s,
        utilisation=cpu_s / 60,
        wake_ups=1000,
        waited_s=0.1,
        driver_cpu_s=20.0,
        late_ms=(0.1, 0.6),
        strangers=1,
        unlogged=2,
        otherwise=0,
        requests=sum(one.requests for one in counts.values()),
    )


def report(
    simulated: Mapping[str, Count] | None = None,
    *,
    cpu_s: float = 6.0,
    simulated_cpu_s: float = 6.3,
    repeats: int = 3,
    policies: tuple[str, ...] = ("open", "silent"),
) -> Report:
    """A trial of some policies at one level."""
    live = {"people": count(), "bots": count(600, 300, 100, honest=False), "few": count(5, 0, 5)}
    settings = [Setting(policy, "10%") for policy in policies]
    load = {"cpu_s": simulated_cpu_s, "wake_ups": 1100.0}
    return Report(
        scenario="crowd",
        clients={"10%": 640},
        length_s=60.0,
        seed=1,
        rtt_ms=0.02,
        nginx="1.22.1",
        date="2026-01-31",
        processor="a processor",
        costs="costs.toml",
        apart=True,
        left_out=(),
        floods={"10%": {"flood": 1, "leech": 2}},
        lived={one: [facts(live, cpu_s) for _ in range(repeats)] for one in settings},
        simulated={
            one: [(dict(simulated or live), load) for _ in range(repeats)] for one in settings
        },
    )
