"""Whole runs of the shipped scenario: equal to the byte, undisturbed by others, complete."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from simkit.engine import Run, simulate
from simkit.engine.run import Columns
from simkit.policy import load_policy
from simkit.shipped import shipped_files
from simkit.traffic import Scenario, load_scenario

ROOT = Path(__file__).resolve().parents[2]
POLICIES = shipped_files("policies")

DIGEST = """
import hashlib
from simkit.engine import simulate
from simkit.policy import load_policy
from simkit.shipped import shipped_files
from simkit.traffic import load_scenario
policy = load_policy(shipped_files("policies")["silent"])
run = simulate(load_scenario("small_shop"), policy, seed=3)
digest = hashlib.sha256()
for table in (run.requests, run.wishes):
    for name, column in table.items():
        digest.update(name.encode() + column.tobytes())
print(digest.hexdigest(), sorted(run.load.items()))
"""


def small(scenario: Scenario, *names: str) -> Scenario:
    """The scenario with these cohorts only, for two minutes."""
    kept = tuple(c for c in scenario.cohorts if c.name in names)
    return scenario.model_copy(update={"cohorts": kept, "length_s": 120.0})


@pytest.fixture(scope="module")
def shop() -> Scenario:
    return load_scenario("small_shop")


def numbers(column: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    return column.astype(np.int64)


def rows(run: Run, cohort: str) -> Columns:
    number = [c.name for c in run.cohorts].index(cohort)
    mine = run.requests["cohort"] == number
    by_run = ("cohort", "client", "address", "shape", "rule")  # numbers that the run gives
    return {name: column[mine] for name, column in run.requests.items() if name not in by_run}


def test_equal_seeds_give_equal_bytes_in_other_processes() -> None:
    def digest(hash_seed: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", DIGEST],
            env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    assert digest("1") == digest("2")


def test_another_cohort_leaves_the_draws_of_the_others_alone(shop: Scenario) -> None:
    policy = load_policy(POLICIES["open"])
    alone = simulate(small(shop, "feed reader"), policy, seed=5)
    among = simulate(small(shop, "background scan", "feed reader", "crawler"), policy, seed=5)
    first, second = rows(alone, "feed reader"), rows(among, "feed reader")
    assert len(first["sent_ns"]) > 10
    for name in ("sent_ns", "wish", "item", "attempt", "status", "bytes", "refused", "reused"):
        assert np.array_equal(first[name], second[name]), name


def test_policies_meet_the_same_crowd(shop: Scenario) -> None:
    """The first wish of every client starts at the same time, whatever is answered."""
    starts = []
    for name in ("open", "silent", "polite"):
        run = simulate(shop, load_policy(POLICIES[name]), seed=2)
        first = run.wishes["wish"] == 0
        order = np.argsort(run.wishes["client"][first])
        starts.append(run.wishes["start_ns"][first][order])
    assert np.array_equal(starts[0], starts[1])
    assert np.array_equal(starts[0], starts[2])


@pytest.mark.parametrize("name", list(POLICIES))
def test_what_a_run_records_fits_together(shop: Scenario, name: str) -> None:
    run = simulate(shop, load_policy(POLICIES[name]), seed=4)
    requests, wishes = run.requests, run.wishes
    keys = np.stack([requests[k] for k in ("sent_ns", "client", "wish", "item", "attempt")])
    assert np.array_equal(np.lexsort(keys[::-1]), np.arange(keys.shape[1]))
    assert int(wishes["attempts"].sum()) == len(requests["sent_ns"])
    assert (numbers(requests["latency_ns"]) >= 0).all()
    ends_ns = numbers(requests["sent_ns"]) + numbers(requests["latency_ns"])
    assert (ends_ns <= run.window_ns).all()
    assert not (numbers(wishes["served"]) & numbers(wishes["open"])).any()
    assert (numbers(requests["rule"])[numbers(requests["refused"]) == 1] >= 0).all()
    sent = int(requests["bytes"].sum())
    assert sent == pytest.approx(run.load["bytes_out"], rel=0.01)


def test_connection_seconds_obey_little(shop: Scenario) -> None:
    """L = lambda W for connections: their time, summed, is what the slots were taken for."""
    run = simulate(small(shop, "uptime monitor"), load_policy(POLICIES["open"]), seed=1)
    rtt_s = 0.04
    answered = len(run.requests["sent_ns"])
    mean_s = run.load["connection_s"] / run.load["accepts"]
    latency_s = float(np.mean(numbers(run.requests["latency_ns"]))) / 1e9
    # HTTP/1.0 without keep-alive: accepted when the handshake's last packet comes, closed with the
    # answer, so two round trips less than the client sees
    assert run.load["accepts"] == answered
    assert mean_s == pytest.approx(latency_s - 2 * rtt_s, abs=1e-3)


@pytest.mark.parametrize(("connections", "timeout_s"), [(50, 10), (20, 10)])
def test_slowloris_holds_what_it_can_reopen(
    shop: Scenario, connections: int, timeout_s: int
) -> None:
    """Occupancy is min(its connections, reopen rate x timeout, slots); here the first."""
    scenario = small(shop, "slowloris")
    (slow,) = scenario.cohorts
    slow = slow.model_copy(update={"connections": connections})
    scenario = scenario.model_copy(update={"cohorts": (slow,)})
    policy = load_policy(POLICIES["silent"])
    assert policy.settings_for(80).client_header_timeout_ns == timeout_s * 10**9
    run = simulate(scenario, policy, seed=1)
    active_s = 120 - 30
    assert run.load["connection_s"] / active_s == pytest.approx(connections, rel=0.05)
    assert run.load["peak_slots"] == connections
