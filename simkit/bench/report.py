"""What a benchmark found, as one document: the headline numbers, then everything behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from simkit.bench.case import COMPILED, SIMPY, Case
from simkit.bench.cases import MOST
from simkit.bench.checks import Check, checks
from simkit.bench.machine import Machine, machine
from simkit.bench.rounds import Measured
from simkit.bench.rows import Row, ratio, rows, throughput

__all__ = ["Benchmark", "benchmark"]

CLIENTS = (1_000, 100_000, 1_000_000)
"""The numbers of clients of the headline."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The headline, and what it rests on.

    A headline number that could not be measured is None, and ``not_measured`` says why, by its
    name. ``requests_per_s`` is by number of clients, ``limit_req_decisions_per_s`` by number of
    keys, both of ``engine``: the fastest one of this project that is there.
    """

    compiled_over_simpy: float | None
    requests_per_s: dict[str, float | None]
    limit_req_decisions_per_s: dict[str, float | None]
    peak_bytes_1e8_requests: int | None
    engine: str
    not_measured: dict[str, str]
    quick: bool
    machine: Machine
    checks: list[Check]
    queue: list[Row]
    flood: list[Row]
    limit: list[Row]
    start: list[Row]

    @property
    def passed(self) -> bool:
        """Whether all checks did."""
        return all(check.passed for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """The document of ``simkit bench --json``."""
        return asdict(self)


def benchmark(
    measured: Sequence[Measured], *, quick: bool, first: Sequence[Check] = ()
) -> Benchmark:
    """What the samples come to; ``first`` are checks that stand before those of the samples."""
    headline = _Headline(measured)
    return Benchmark(
        compiled_over_simpy=headline.compiled_over_simpy(),
        requests_per_s=headline.requests_per_s(),
        limit_req_decisions_per_s=headline.limit_req_decisions_per_s(),
        peak_bytes_1e8_requests=headline.peak_bytes(),
        engine=headline.engine,
        not_measured=headline.why,
        quick=quick,
        machine=machine(),
        checks=[*first, *checks(measured)],
        queue=rows(measured, "queue"),
        flood=rows(measured, "flood"),
        limit=rows(measured, "limit"),
        start=rows(measured, "start"),
    )


class _Headline:
    """The few numbers that stand first, and why one is not there."""

    def __init__(self, measured: Sequence[Measured]) -> None:
        self._floods = {_key(m.case): m for m in measured if m.case.part == "flood"}
        self._limits = {(m.case.engine, m.case.size): m for m in measured if m.case.part == "limit"}
        self.why: dict[str, str] = {}
        compiled = [m for m in measured if m.case.engine == COMPILED and m.samples]
        self.engine = COMPILED if compiled else SIMPY

    def compiled_over_simpy(self) -> float | None:
        """How many times faster on the same flood, that of the fewest clients, round by round."""
        name = "compiled_over_simpy"
        same = [m for k, m in self._floods.items() if k[1] == CLIENTS[0] and k[3] == "all"]
        pair = {m.case.engine: m for m in same if self._is_known(m, name)}
        return ratio(pair[COMPILED], pair[SIMPY]) if len(pair) == len(same) else None

    def requests_per_s(self) -> dict[str, float | None]:
        """By number of clients; of the compiled engine, on its longer floods."""
        record = "totals" if self.engine == COMPILED else "all"
        mine = {k: m for k, m in self._floods.items() if (k[0], k[3]) == (self.engine, record)}
        found = {k[1]: m for k, m in sorted(mine.items(), reverse=True)}  # the shorter one stays
        return {str(n): self._per_s(found[n], f"requests_per_s {n}") for n in CLIENTS}

    def limit_req_decisions_per_s(self) -> dict[str, float | None]:
        """By number of keys."""
        mine = {size: m for (engine, size), m in self._limits.items() if engine == self.engine}
        return {
            str(size): self._per_s(m, f"limit_req_decisions_per_s {size}")
            for size, m in mine.items()
        }

    def peak_bytes(self) -> int | None:
        """The peak of resident memory in the longest run."""
        name = "peak_bytes_1e8_requests"
        for key, one in self._floods.items():
            if key[2] == MOST:
                return one.samples[0].peak_bytes if self._is_known(one, name) else None
        self.why[name] = "left out of a quick run"
        return None

    def _per_s(self, one: Measured, name: str) -> float | None:
        return throughput(one) if self._is_known(one, name) else None

    def _is_known(self, one: Measured, name: str) -> bool:
        """Whether there are samples; if not, the reason is noted under that name."""
        if one.samples and not one.failure:
            return True
        self.why[name] = one.case.missing or one.failure
        return False


def _key(case: Case) -> tuple[str, int, int, str]:
    return case.engine, case.size, case.requests, case.record
