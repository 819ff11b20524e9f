"""What a trial found: live and simulated side by side, and whether they agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite, isnan, nan
from statistics import median
from typing import Any

from simkit.live.sim_to_real.lived import Facts
from simkit.live.sim_to_real.outcomes import Count, added

__all__ = ["FEWEST", "MEASURED", "Allowed", "Cohort", "Cpu", "Report", "Setting"]

FEWEST = 1000
"""Requests that a cohort must have made, over all repeats, to be judged."""

MEASURED = "costs.toml"
"""The cost table that a trial measures itself, beside its report."""

Simulated = tuple[dict[str, Count], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Allowed:
    """How far live and simulated may lie apart.

    ``points`` for shares, in percentage points; the others relative to what was live.
    """

    points: float = 3.0
    attempts: float = 0.05
    cpu: float = 0.2


@dataclass(frozen=True, slots=True)
class Setting:
    """A policy at a level."""

    policy: str
    level: str

    def __str__(self) -> str:
        return f"{self.policy} at {self.level}"


@dataclass(frozen=True, slots=True)
class Cohort:
    """A cohort in one setting, all repeats together."""

    setting: Setting
    name: str
    live: Count
    simulated: Count

    @property
    def judged(self) -> bool:
        """Whether there are enough outcomes."""
        return self.live.requests >= FEWEST

    def points(self) -> dict[str, float]:
        """Simulated less live in percentage points, for every share that either has."""
        live, simulated = self.live.shares(), self.simulated.shares()
        found: dict[str, float] = {}
        for name in sorted({*live, *simulated}):
            missing = nan if name in ("served", "refused") else 0.0
            found[name] = 100 * (simulated.get(name, missing) - live.get(name, missing))
        return {name: points for name, points in found.items() if not isnan(points)}

    @property
    def farthest(self) -> tuple[str, float]:
        """The share that lies farthest apart, and by how many points."""
        return max(self.points().items(), key=lambda item: abs(item[1]), default=("", 0.0))

    @property
    def attempts_off(self) -> float:
        """Attempts per wish: simulated over live, less one.

        It is nan where no wish ended in either, infinite where wishes ended in one of them alone.
        """
        live, simulated = self.live.attempts_per_wish, self.simulated.attempts_per_wish
        if isnan(live) or isnan(simulated):
            return nan if isnan(live) and isnan(simulated) else inf
        return simulated / live - 1


@dataclass(frozen=True, slots=True)
class Cpu:
    """The worker's CPU time in one setting, by repeat."""

    setting: Setting
    live_s: Sequence[float]
    simulated_s: Sequence[float]
    utilisation: float
    wake_ups: tuple[float, float]
    waited: float
    driver: float
    late_ms: tuple[float, float]

    @property
    def off(self) -> float:
        """Simulated over live, less one: of the medians."""
        return median(self.simulated_s) / median(self.live_s) - 1


@dataclass(frozen=True, slots=True)
class Report:
    """Everything about a trial. ``floods`` are the strengths that the levels came to need.

    ``costs`` names the cost table, ``apart`` says whether the worker had a core of its own,
    ``left_out`` names cohorts that were there without their addresses of IPv6.
    """

    scenario: str
    clients: Mapping[str, int]
    length_s: float
    seed: int
    rtt_ms: float
    nginx: str
    date: str
    processor: str
    costs: str
    apart: bool
    left_out: Sequence[str]
    floods: Mapping[str, Mapping[str, int]]
    lived: Mapping[Setting, Sequence[Facts]]
    simulated: Mapping[Setting, Sequence[Simulated]]
    allowed: Allowed = field(default_factory=Allowed)

    @property
    def repeats(self) -> int:
        """How many of each."""
        return max(len(runs) for runs in self.lived.values())

    @property
    def policies(self) -> list[str]:
        """Their names, in order."""
        return list(dict.fromkeys(setting.policy for setting in self.lived))

    def cohorts(self) -> list[Cohort]:
        """Every cohort in every setting."""
        return list(self._cohorts())

    def _cohorts(self) -> Iterator[Cohort]:
        for setting, runs in self.lived.items():
            live = added(facts.counts for facts in runs)
            simulated = added(counts for counts, _ in self.simulated[setting])
            for name, count in live.items():
                yield Cohort(setting, name, count, simulated.get(name, Count(count.honest)))

    def cpu(self) -> list[Cpu]:
        """CPU in every setting."""
        return [self._cpu(setting, runs) for setting, runs in self.lived.items()]

    def _cpu(self, setting: Setting, runs: Sequence[Facts]) -> Cpu:
        loads = [load for _, load in self.simulated[setting]]
        return Cpu(
            setting=setting,
            live_s=[one.cpu_s for one in runs],
            simulated_s=[load["cpu_s"] for load in loads],
            utilisation=median(one.utilisation for one in runs),
            wake_ups=(
                median(one.wake_ups for one in runs),
                median(load["wake_ups"] for load in loads),
            ),
            waited=median(one.waited_s for one in runs) / self.length_s,
            driver=median(one.driver_cpu_s for one in runs) / self.length_s,
            late_ms=(
                median(one.late_ms[0] for one in runs),
                median(one.late_ms[1] for one in runs),
            ),
        )

    def failures(self) -> list[str]:
        """What lies farther apart than is allowed, in words."""
        return [*self._outcome_failures(), *self._cpu_failures()]

    def _outcome_failures(self) -> Iterator[str]:
        allowed = self.allowed
        for one in self.cohorts():
            if not one.judged:
                continue
            share, points = one.farthest
            if abs(points) > allowed.points:
                yield (
                    f"{one.setting}, {one.name}: {share} is {points:+.1f} points off "
                    f"(allowed {allowed.points:g})"
                )
            if abs(one.attempts_off) > allowed.attempts:
                yield (
                    f"{one.setting}, {one.name}: attempts per wish are {one.attempts_off:+.1%} off "
                    f"(allowed {allowed.attempts:.0%})"
                )

    def _cpu_failures(self) -> Iterator[str]:
        for one in self.cpu():
            if abs(one.off) > self.allowed.cpu:
                yield f"{one.setting}: CPU is {one.off:+.0%} off (allowed {self.allowed.cpu:.0%})"

    @property
    def holds(self) -> bool:
        """Whether simulation and reality agree."""
        return not self.failures()

    def to_json(self) -> dict[str, Any]:
        """The document: conditions, what was compared, and the single runs."""
        return {
            "scenario": self.scenario,
            "clients": dict(self.clients),
            "length_s": self.length_s,
            "repeats": self.repeats,
            "seed": self.seed,
            "rtt_ms": self.rtt_ms,
            "nginx": self.nginx,
            "date": self.date,
            "processor": self.processor,
            "costs": self.costs,
            "apart": self.apart,
            "left_out": list(self.left_out),
            "floods": {name: dict(counts) for name, counts in self.floods.items()},
            "allowed": {
                "points": self.allowed.points,
                "attempts": self.allowed.attempts,
                "cpu": self.allowed.cpu,
                "fewest_outcomes": FEWEST,
            },
            "holds": self.holds,
            "failures": self.failures(),
            "cpu": [_cpu_json(one) for one in self.cpu()],
            "cohorts": [_cohort_json(one) for one in self.cohorts()],
            "live": {
                str(setting): [one.to_json() for one in runs]
                for setting, runs in self.lived.items()
            },
            "simulated": {
                str(setting): [
                    {"load": dict(load), "counts": {n: c.to_json() for n, c in counts.items()}}
                    for counts, load in runs
                ]
                for setting, runs in self.simulated.items()
            },
        }


def _cpu_json(one: Cpu) -> dict[str, Any]:
    return {
        "policy": one.setting.policy,
        "level": one.setting.level,
        "live_s": list(one.live_s),
        "simulated_s": list(one.simulated_s),
        "off": one.off,
        "utilisation": one.utilisation,
        "wake_ups_live": one.wake_ups[0],
        "wake_ups_simulated": one.wake_ups[1],
        "waited_share": one.waited,
        "driver_share": one.driver,
        "late_ms": list(one.late_ms),
    }


def _cohort_json(one: Cohort) -> dict[str, Any]:
    def number(value: float) -> float | None:
        return value if isfinite(value) else None

    return {
        "policy": one.setting.policy,
        "level": one.setting.level,
        "cohort": one.name,
        "honest": one.live.honest,
        "judged": one.judged,
        "requests_live": one.live.requests,
        "requests_simulated": one.simulated.requests,
        "points": one.points(),
        "attempts_per_wish_live": number(one.live.attempts_per_wish),
        "attempts_per_wish_simulated": number(one.simulated.attempts_per_wish),
        "attempts_off": number(one.attempts_off),
    }
