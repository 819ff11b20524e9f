"""Made-up samples, for what is done with samples."""

from __future__ import annotations

from simkit.bench.case import COMPILED, SIMPY, Case
from simkit.bench.rounds import Measured
from simkit.bench.sample import Sample
from simkit.bench.single_queue import events_of

ABSENT = "there is none"


def samples(case: Case, *cpu_s: float, check: str = "same", events: int = 40) -> Measured:
    """A case with a sample for each of these times; without any, it could not be measured."""
    found = [Sample(s, 2 * s, events, check, 1_000_000, s / 2) for s in cpu_s]
    return Measured(case, found, [3 * s for s in cpu_s])


def flood(engine: str, clients: int, *cpu_s: float, record: str = "all", requests: int = 10,
          check: str = "same") -> Measured:  # fmt: skip
    missing = "" if cpu_s else ABSENT
    case = Case("flood", engine, requests, clients, record=record, missing=missing)
    return samples(case, *cpu_s, check=check if record == "all" else "")


def limit(engine: str, keys: int, *cpu_s: float, check: str = "7") -> Measured:
    case = Case("limit", engine, 20, keys, missing="" if cpu_s else ABSENT)
    return samples(case, *cpu_s, check=check)


def without_compiled() -> list[Measured]:
    """A run in which there is no compiled engine."""
    reference = samples(
        Case("queue", "SimPy, a process for each request", 10), 1.0, 2.0, check="5", events=62
    )
    ours = samples(Case("queue", SIMPY, 10), 4.0, 4.0, check="5", events=events_of(10))
    absent = samples(Case("queue", "Ciw", 10, missing="not installed: ciw"))
    start = samples(Case("start", SIMPY, 10, 5), 0.5)
    sizes = (1_000, 100_000, 1_000_000)
    floods = [flood(SIMPY, n, 1.0, 2.0, 4.0) for n in sizes]
    missing = [flood(COMPILED, n) for n in sizes]
    missing += [flood(COMPILED, n, record="totals", requests=1_000) for n in sizes]
    limits = [limit(SIMPY, 8_000, 2.0), limit(COMPILED, 8_000)]
    return [reference, ours, absent, start, *floods, *missing, *limits]


def with_compiled() -> list[Measured]:
    """A run in which the compiled engine is ten times as fast, and more so on long floods."""
    sizes = (1_000, 100_000, 1_000_000)
    floods = [flood(SIMPY, n, 1.0, 2.0, 4.0) for n in sizes]
    floods += [flood(COMPILED, n, 0.1, 0.2, 0.4) for n in sizes]
    floods += [flood(COMPILED, n, 5.0, record="totals", requests=1_000) for n in sizes]
    most = flood(COMPILED, 1_000, 60.0, record="totals", requests=100_000_000)
    return [*floods, most, limit(SIMPY, 8_000, 2.0), limit(COMPILED, 8_000, 0.5)]
