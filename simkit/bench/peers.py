"""The queue of `simkit.bench.single_queue` in other simulators, in the style of their manuals.

Each function takes the number of requests and gives the sum of all waits in nanoseconds and the
number of events, and is timed from building its model to the last result. Styles and libraries:

- SimPy, a process for each request, as in its bank example
- SimPy, callbacks on time-outs: what is left when no generator is used
- Ciw and salabim, which are optional: ``pip install "simkit[bench]"``
- Lindley's recursion (1952): no events, only W' = max(0, W + S - A). Nothing that follows each
  request can be faster than a compiled loop over it, so it stands for the limit of the machine.
"""

from __future__ import annotations

import importlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from simkit.bench.single_queue import SERVICE_NS, arrivals_ns

__all__ = ["PEERS", "Measured", "Peer", "lindley"]

Measured = tuple[int, int]
"""The sum of all waits in nanoseconds, and the number of events (0: none, or none counted)."""


def _gaps(requests: int) -> list[int]:
    times = arrivals_ns(requests)
    return [b - a for a, b in zip((0, *times), times, strict=False)]


# SimPy


def simpy_processes(requests: int) -> Measured:
    """SimPy, a process for each request."""
    import simpy

    env = simpy.Environment()
    server = simpy.Resource(env)
    waits: list[float] = []

    def customer() -> Iterator[simpy.Event]:
        arrived = env.now
        with server.request() as turn:
            yield turn
            waits.append(env.now - arrived)
            yield env.timeout(SERVICE_NS)

    def source() -> Iterator[simpy.Event]:
        for gap in _gaps(requests):
            yield env.timeout(gap)
            env.process(customer())  # type: ignore[arg-type]

    env.process(source())  # type: ignore[arg-type]
    env.run()
    return int(sum(waits)), next(env._eid)


class _CallbackQueue:
    """A queue without a process: what a time-out calls sets the next one."""

    def __init__(self, env: Any, gaps: Iterable[int]) -> None:
        self.env = env
        self.gaps = iter(gaps)
        self.waiting: deque[int] = deque()
        self.busy = False
        self.wait = 0
        self._after_gap()

    def _after_gap(self) -> None:
        gap = next(self.gaps, None)
        if gap is not None:
            self.env.timeout(gap).callbacks.append(self._arrives)

    def _arrives(self, _: object) -> None:
        self._after_gap()
        if self.busy:
            self.waiting.append(self.env.now)
        else:
            self._begin(self.env.now)

    def _begin(self, arrived: int) -> None:
        self.busy = True
        self.wait += self.env.now - arrived
        self.env.timeout(SERVICE_NS).callbacks.append(self._ends)

    def _ends(self, _: object) -> None:
        self.busy = False
        if self.waiting:
            self._begin(self.waiting.popleft())


def simpy_callbacks(requests: int) -> Measured:
    """SimPy, callbacks on time-outs."""
    import simpy

    env = simpy.Environment()
    queue = _CallbackQueue(env, _gaps(requests))
    env.run()
    return queue.wait, next(env._eid)


# Ciw and salabim


def ciw(requests: int) -> Measured:
    """Ciw: a network of one node. It does not count its events."""
    library = importlib.import_module("ciw")
    network = library.create_network(
        arrival_distributions=[library.dists.Sequential(_gaps(requests))],
        service_distributions=[library.dists.Deterministic(SERVICE_NS)],
        number_of_servers=[1],
    )
    simulation = library.Simulation(network)
    simulation.simulate_until_max_customers(requests, method="Finish")
    waits = [record.waiting_time for record in simulation.get_all_records()]
    if len(waits) != requests:
        raise AssertionError(f"{len(waits)} requests, not {requests}")
    return int(sum(waits)), 0


def salabim(requests: int) -> Measured:
    """salabim: a component for each request, in the style with ``yield``. No count of events."""
    library: Any = importlib.import_module("salabim")
    library.yieldless(False)
    env = library.Environment(trace=False)
    server = library.Resource(capacity=1)
    waits: list[float] = []

    class Customer(library.Component):  # type: ignore[misc]
        def process(self) -> Iterator[Any]:
            arrived = env.now()
            yield self.request(server)
            waits.append(env.now() - arrived)
            yield self.hold(SERVICE_NS)
            self.release()

    class Source(library.Component):  # type: ignore[misc]
        def process(self) -> Iterator[Any]:
            for gap in _gaps(requests):
                yield self.hold(gap)
                Customer()

    Source()
    env.run()
    return int(sum(waits)), 0


# Lindley's recursion


def lindley(times: Iterable[int]) -> int:
    """The sum of all waits by Lindley's recursion, in nanoseconds."""
    wait = total = before = 0
    for now in times:
        wait = max(0, wait - (now - before))
        total += wait
        wait += SERVICE_NS
        before = now
    return total


def recursion(requests: int) -> Measured:
    """Lindley's recursion in Python."""
    return lindley(arrivals_ns(requests)), 0


def recursion_numpy(requests: int) -> Measured:
    """Lindley's recursion as a running maximum of an array."""
    times = _times(requests)
    served = np.arange(requests, dtype=np.int64) * SERVICE_NS
    return int((np.maximum.accumulate(times - served) + served - times).sum()), 0


def recursion_compiled(requests: int) -> Measured:
    """Lindley's recursion, compiled."""
    return int(_compiled_lindley()(_times(requests))), 0


@cache
def _compiled_lindley() -> Any:
    return importlib.import_module("numba").njit(lindley)


@lru_cache(maxsize=2)
def _times(requests: int) -> npt.NDArray[np.int64]:
    return np.array(arrivals_ns(requests), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Peer:
    """Another engine: the library that it needs, what runs it, and its events per n requests."""

    library: str
    run: Callable[[int], Measured]
    events_of: Callable[[int], int]


def _none(_: int) -> int:
    return 0


PEERS: dict[str, Peer] = {
    # to begin and to end each process, a gap, a turn, a service, a release
    "SimPy, a process for each request": Peer("simpy", simpy_processes, lambda n: 6 * n + 2),
    "SimPy, callbacks": Peer("simpy", simpy_callbacks, lambda n: 2 * n),
    "Ciw": Peer("ciw", ciw, _none),
    "salabim": Peer("salabim", salabim, _none),
    "Lindley's recursion, Python": Peer("numpy", recursion, _none),
    "Lindley's recursion, NumPy": Peer("numpy", recursion_numpy, _none),
    "Lindley's recursion, compiled": Peer("numba", recursion_compiled, _none),
}
"""The other engines, by what is shown."""
