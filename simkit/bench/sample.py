"""One sample, in a process of its own: ``python -m simkit.bench.sample CASE`` with JSON in and out.

A process of its own, so that memory is what this one measure needed and nothing is warm that the
measure does not warm itself. The last line of standard output is the sample.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from simkit.bench.case import COMPILED, Case

T = TypeVar("T")

__all__ = ["Sample", "sample"]

_SMALL = 100


@dataclass(frozen=True, slots=True)
class Sample:
    """What one process found.

    ``cpu_s`` and ``wall_s`` are those of one loop, ``events`` what happened in it (0: there are
    none to count), ``check`` what must be the same for all engines and repetitions; ``later_s`` is
    the same thing done once more, where that is measured, ``peak_bytes`` the process's own peak of
    resident memory.
    """

    cpu_s: float
    wall_s: float
    events: int
    check: str
    peak_bytes: int
    later_s: float = 0.0


def sample(case: Case) -> Sample:
    """Take one sample of a case, in this process."""
    take = {"queue": _queue, "flood": _flood, "limit": _limit, "start": _start}[case.part]
    return take(case)


def _queue(case: Case) -> Sample:
    from simkit.bench.peers import PEERS
    from simkit.bench.single_queue import arrivals_ns, simulated

    if case.engine in PEERS:
        measure = PEERS[case.engine].run
    else:

        def measure(requests: int) -> tuple[int, int]:
            return simulated(requests, case.engine)

    measure(_SMALL)
    arrivals_ns(case.requests)
    cpu_s, wall_s, (waits, events) = _timed(lambda: measure(case.requests), case.loops)
    return Sample(cpu_s, wall_s, events, str(waits), _peak_bytes())


def _flood(case: Case) -> Sample:
    from simkit.bench import engines, flood

    policy = flood.policy()
    engines.run(flood.scenario(10, _SMALL), policy, case.engine, case.record)
    scenario = flood.scenario(case.size, case.requests)
    cpu_s, wall_s, run = _timed(lambda: engines.run(scenario, policy, case.engine, case.record))
    peak_bytes = _peak_bytes()
    found = flood.counted(run, case.requests)
    return Sample(cpu_s, wall_s, found.events, found.digest, peak_bytes)


def _limit(case: Case) -> Sample:
    from simkit.bench.limit import Limiter, arrivals

    limiter = Limiter(case.size, compiled=case.engine == COMPILED)
    cpu_s, wall_s, passed = _timed(limiter.prepared(arrivals(case.size, case.requests)))
    return Sample(cpu_s, wall_s, case.requests, str(passed), _peak_bytes())


def _start(case: Case) -> Sample:
    """A tiny run: the first includes importing the engine, and compiling it or reading it."""
    from time import perf_counter

    begun = perf_counter(), time.process_time()
    from simkit.bench import engines, flood

    scenario, policy = flood.scenario(case.size, case.requests), flood.policy()
    run = engines.run(scenario, policy, case.engine)
    wall_s, cpu_s = perf_counter() - begun[0], time.process_time() - begun[1]
    later_s = _timed(lambda: engines.run(scenario, policy, case.engine))[1]
    found = flood.counted(run, case.requests)
    return Sample(cpu_s, wall_s, run.events, found.digest, _peak_bytes(), later_s)


def _timed(act: Callable[[], T], loops: int = 1) -> tuple[float, float, T]:
    """CPU and wall-clock seconds of one of some repetitions, and what the last one gave."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(loops):
        found = act()
    cpu_s, wall_s = time.process_time() - cpu, time.perf_counter() - wall
    return cpu_s / loops, wall_s / loops, found


def _peak_bytes() -> int:
    """The most resident memory that this process has had.

    Linux says it under VmHWM; its ru_maxrss can be the parent's, which a child inherits.
    """
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


if __name__ == "__main__":
    print(json.dumps(asdict(sample(Case(**json.loads(sys.argv[1]))))))
