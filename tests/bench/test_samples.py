"""Samples: each part in this process, and rounds of processes."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from simkit.bench import rounds
from simkit.bench.case import SIMPY, Case
from simkit.bench.cases import cases
from simkit.bench.rounds import measure
from simkit.bench.sample import sample

TINY = {
    "queue": Case("queue", SIMPY, 50),
    "peer": Case("queue", "SimPy, callbacks", 50, loops=3),
    "flood": Case("flood", SIMPY, 100, 10),
    "limit": Case("limit", SIMPY, 300, 20),
    "start": Case("start", SIMPY, 100, 10),
}


@pytest.mark.parametrize("name", TINY)
def test_a_sample_has_counts_and_a_check(name: str) -> None:
    case = TINY[name]
    found = sample(case)
    assert found.events >= case.requests
    assert found.check
    assert found.peak_bytes > 10_000_000
    assert found.wall_s > 0
    assert (found.later_s > 0) == (case.part == "start")
    assert sample(case).check == found.check


def test_both_queues_wait_equally() -> None:
    assert sample(TINY["queue"]).check == sample(TINY["peer"]).check


def test_a_sample_is_a_process_and_rounds_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = []
    add = rounds._add

    def noted(one: rounds.Measured, cache: str) -> None:
        turns.append(one.case.part)
        add(one, cache)

    monkeypatch.setattr(rounds, "_add", noted)
    done: list[tuple[int, int]] = []
    several = [replace(TINY["limit"], repeats=2), replace(TINY["flood"], repeats=1)]
    absent = replace(TINY["limit"], missing="not installed: x")
    found = measure([*several, absent], lambda *at: done.append(at))
    assert turns == ["limit", "flood", "limit"]
    assert done == [(1, 3), (2, 3), (3, 3)]
    assert [len(one.samples) for one in found] == [2, 1, 0]
    assert [len(one.process_s) for one in found] == [2, 1, 0]
    assert found[0].samples[0].check == found[0].samples[1].check == sample(TINY["limit"]).check


def test_a_sample_that_fails_is_said_and_ends_no_other() -> None:
    broken, good = Case("flood", SIMPY, 10, 3), replace(TINY["limit"], repeats=1)
    found = measure([broken, good], lambda *_: None)
    assert found[0].failure == "ValueError: 3 clients cannot send 10 requests, each as many"
    assert (found[0].samples, len(found[1].samples)) == ([], 1)


@pytest.mark.parametrize("cache", ["cold", "cached"])
def test_a_cache_of_compiled_code_is_a_folder_of_the_run(cache: str, tmp_path: Path) -> None:
    case = replace(TINY["start"], cache=cache)
    one, other = (rounds._environment(case, str(tmp_path)) for _ in range(2))
    assert str(one["SIMKIT_CACHE"]).startswith(str(tmp_path))
    assert (one == other) == (cache == "cached")


def test_peak_memory_is_that_of_the_process_and_not_of_its_parent() -> None:
    ballast = b"x" * 300_000_000
    code = "import json; from simkit.bench.sample import _peak_bytes; print(_peak_bytes())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len(ballast) > 4 * json.loads(done.stdout)
    assert sample(TINY["limit"]).peak_bytes > len(ballast)


@pytest.mark.parametrize("quick", [True, False])
def test_every_case_states_its_size_and_can_be_shared_out(quick: bool) -> None:
    found = cases(quick)
    assert {case.part for case in found} == {"queue", "flood", "limit", "start"}
    for case in found:
        long = case.requests >= 1_000_000 or case.cache == "cold"
        assert case.repeats == (3 if quick else 5) or (case.repeats == 1 and long)
        assert not case.size or case.requests % case.size == 0 or case.part == "limit"
    assert len({replace(case, missing="") for case in found}) == len(found)
