"""What is read of a process, and which core it runs on."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

import pytest

from simkit.errors import InputError
from simkit.live.calibrate import calibrate, worker
from simkit.live.calibrate.worker import Worker, cores_apart, worker_of

# Sleeps a hundred times, then works for about 0.2 s of CPU, then waits to be told to end.
BUSY = """
import os, sys, time
for _ in range(100):
    time.sleep(0.001)
while sum(os.times()[:2]) < 0.2:
    pass
print(sum(os.times()[:2]), flush=True)
sys.stdin.read()
"""


def test_a_process_is_read_as_it_says_itself() -> None:
    command = [sys.executable, "-S", "-c", BUSY]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said_s = float(process.stdout.readline())
        read = Worker(process.pid).settled()
        process.communicate()
    assert read.cpu_ns / 1e9 == pytest.approx(said_s, abs=0.05)  # times() counts by the tick
    assert read.sleeps >= 100
    assert (read - read).cpu_ns == 0


def test_cores_are_given_back_whatever_happens() -> None:
    before = os.sched_getaffinity(0)
    with contextlib.suppress(RuntimeError), cores_apart() as cores:
        assert os.sched_getaffinity(0) == cores.generator
        assert cores.worker | cores.generator == before
        assert cores.apart == (len(before) > 1)
        raise RuntimeError
    assert os.sched_getaffinity(0) == before


def test_one_core_is_shared() -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        with cores_apart() as cores:
            assert not cores.apart
            assert cores.worker == cores.generator == {min(before)}
    finally:
        os.sched_setaffinity(0, before)


def test_a_child_is_found_by_its_parent() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        assert worker_of(os.getpid()).pid == process.pid
        process.communicate()


def test_a_master_without_a_worker_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_START_S", 0.01)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        with pytest.raises(InputError, match="no worker"):
            worker_of(process.pid)
        process.communicate()


def test_elsewhere_than_on_linux_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(InputError, match="only Linux"):
        calibrate(date="2026-01-31", processor="")
