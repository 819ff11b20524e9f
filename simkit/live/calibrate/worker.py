"""The worker of a live nginx, as Linux sees it: its CPU time, how often it slept, its core."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from simkit.errors import InputError

__all__ = [
    "Cores",
    "Reading",
    "Worker",
    "coming_first",
    "cores_apart",
    "needs_linux",
    "put_first",
    "worker_of",
]

_PROC = Path("/proc")
_START_S, _SETTLE_S, _QUIET_S = 5.0, 1.0, 0.002


def needs_linux() -> None:
    """Raise InputError where the kernel does not count what is read here."""
    if sys.platform != "linux":
        raise InputError("a worker's CPU time is read from /proc, which only Linux has")
    if not (_PROC / "self/schedstat").exists():
        raise InputError("this kernel does not count CPU time in /proc/PID/schedstat")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a process had used at some time: CPU in nanoseconds, sleeps that it went into.

    ``waited_ns`` is how long it was ready to run and others ran on its core.
    """

    cpu_ns: int
    sleeps: int
    waited_ns: int = 0

    def __sub__(self, before: Reading) -> Reading:
        return Reading(
            self.cpu_ns - before.cpu_ns,
            self.sleeps - before.sleeps,
            self.waited_ns - before.waited_ns,
        )


def put_first(pid: int) -> bool:
    """Let a process, and none that it starts, run whenever it is ready, before whoever else.

    A worker that waits for others' time slices finds more to do when it gets its turn, and wakes up
    less often than one that has the core to itself. False where this is not allowed.
    """
    try:
        os.sched_setscheduler(pid, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except OSError:
        return False
    return True


class Worker:
    """A worker process. Linux adds CPU time up when it stops running: read it while it sleeps."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._schedstat = _PROC / str(pid) / "schedstat"
        self._status = _PROC / str(pid) / "status"

    def cpu_ns(self) -> int:
        """CPU time that it has used, in nanoseconds: the first number of its schedstat."""
        return int(self._schedstat.read_bytes().split()[0])

    def settled(self) -> Reading:
        """What it has used, once it has nothing left to do."""
        until = monotonic() + _SETTLE_S
        before = -1
        while (now := self.cpu_ns()) != before and monotonic() < until:
            before = now
            sleep(_QUIET_S)
        return Reading(now, self._sleeps(), self._waited_ns())

    def now(self) -> Reading:
        """What it has used by now, to a tick of the kernel's clock if it is at work."""
        return Reading(self.cpu_ns(), self._sleeps(), self._waited_ns())

    def _waited_ns(self) -> int:
        """The second number of its schedstat (Documentation/scheduler/sched-stats.rst)."""
        return int(self._schedstat.read_bytes().split()[1])

    def _sleeps(self) -> int:
        """How often it gave up the core of its own will, which nginx does to wait for events."""
        for line in self._status.read_text(encoding="ascii", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name == "voluntary_ctxt_switches":
                return int(value)
        raise InputError("this kernel does not count context switches", file=self._status)


def worker_of(master: int) -> Worker:
    """The one worker of a master process, once it is there; InputError if it does not come."""
    until = monotonic() + _START_S
    while monotonic() < until:
        found = [pid for pid in _processes() if _parent(pid) == master]
        if found:
            return Worker(found[0])
        sleep(_QUIET_S)
    raise InputError("nginx has started no worker")


def _processes() -> Iterator[int]:
    return (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal())


def _parent(pid: int) -> int:
    """The parent of a process; 0 where it has ended."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1])


@dataclass(frozen=True, slots=True)
class Cores:
    """Who runs where; both are the same set where the machine has one core for us."""

    worker: frozenset[int]
    generator: frozenset[int]

    @property
    def apart(self) -> bool:
        """Whether worker and generator have cores of their own."""
        return not self.worker & self.generator


@contextmanager
def coming_first() -> Iterator[bool]:
    """This process is put first while the block runs, where that is allowed: whether it is."""
    policy, parameter = os.sched_getscheduler(0), os.sched_getparam(0)
    first = put_first(0)
    try:
        yield first
    finally:
        if first:
            os.sched_setscheduler(0, policy, parameter)


@contextmanager
def cores_apart() -> Iterator[Cores]:
    """This thread, and what it starts from here on, keeps off one core, which is the worker's."""
    if sys.platform != "linux":
        raise InputError("cores can be assigned on Linux only")
    before = os.sched_getaffinity(0)
    worker = frozenset({max(before)})
    generator = frozenset(before) - worker or worker
    os.sched_setaffinity(0, generator)
    try:
        yield Cores(worker, generator)
    finally:
        os.sched_setaffinity(0, before)
