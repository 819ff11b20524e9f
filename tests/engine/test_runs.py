"""Runs as a whole: the same from the same seed, sound as tables, and right about the queue."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit.engine import REQUESTS, WISHES, Run, simulate
from simkit.engine.rows import REQUEST_ORDER, first_seen, renumber, sorted_rows
from simkit.engine.run import Columns
from simkit.engine.stage import stage
from simkit.measures.intervals import t_interval
from simkit.policy import Planner, load_policy
from simkit.strategy import strategy_of
from simkit.traffic import load_scenario
from simkit.wire import SightKind
from tests.engine.crowds import MS, S, caller, cohort, column, policy, run, world

ROOT = Path(__file__).parents[2]
POLICIES = sorted((ROOT / "data" / "policies").glob("*.conf"))

PEOPLE: dict[str, Any] = {
    "pages": '["/", "/plain"]',
    "pages_mean": 3,
    "arrivals": '{ kind = "poisson", every_s = 9 }',
}


def digest(found: Run) -> str:
    """Everything that a run says, as one word."""
    state = hashlib.sha256()
    for name, values in [*found.requests.items(), *found.wishes.items()]:
        state.update(name.encode() + values.tobytes())
    for part in (found.shapes, found.addresses, found.load, found.events):
        state.update(repr(part).encode())
    state.update(repr([rule.decisive.line for rule in found.rules]).encode())
    return state.hexdigest()


SCRIPT = """
from simkit.engine import simulate
from simkit.policy import load_policy
from simkit.traffic import load_scenario
from tests.engine.test_runs import digest
found = simulate(load_scenario("small_shop"), load_policy("data/policies/silent.conf"), seed=4)
print(digest(found))
"""


def test_the_same_seed_gives_the_same_bytes_in_another_process() -> None:
    said = set()
    for salt in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": salt},
            capture_output=True,
            text=True,
            check=True,
        )
        said.add(done.stdout.strip())
    silent = load_policy(ROOT / "data" / "policies" / "silent.conf")
    assert said == {digest(simulate(load_scenario("small_shop"), silent, seed=4))}


def test_seeds_and_replications_differ_and_a_stage_that_was_used_changes_nothing(
    tmp_path: Path,
) -> None:
    crowd, under = world(tmp_path, cohort("visitor", count=4, **PEOPLE)), policy(tmp_path)
    first = digest(run(crowd, under))
    words = {first, digest(run(crowd, under, seed=2)), digest(run(crowd, under, replication=1))}
    assert len(words) == 3
    assert digest(run(crowd, under)) == first
    assert digest(run(crowd, under, planner=Planner(under, crowd.site))) == first
    assert stage(crowd, strategy_of(under)) is stage(crowd.model_copy(), strategy_of(under))


def test_another_cohort_leaves_the_rows_of_the_others_as_they_were(tmp_path: Path) -> None:
    people = cohort("visitor", "people", count=5, **PEOPLE)
    others = caller("others", count=3, arrivals='{ kind = "poisson", every_s = 2 }')
    under = policy(tmp_path)
    alone = run(world(tmp_path, people), under)
    with_others = run(world(tmp_path, others, people, wake_up=0), under)
    same = set(REQUESTS) - {"cohort", "client", "address", "shape"}
    for name in same:
        assert column(alone, name) == column(with_others, name, "people"), name
    assert [c - 3 for c in column(with_others, "client", "people")] == column(alone, "client")
    shown = [[r.shapes[n] for n in column(r, "shape", "people")] for r in (alone, with_others)]
    assert shown[0] == shown[1]


def test_two_policies_meet_the_same_crowd(tmp_path: Path) -> None:
    calls = caller(count=5, arrivals='{ kind = "periodic", every_s = 3 }')
    crowd = world(tmp_path, calls)
    open_, shut = policy(tmp_path), policy(tmp_path, server="return 403;", name="shut.conf")
    assert column(run(crowd, open_), "sent_ns") == column(run(crowd, shut), "sent_ns")


@pytest.mark.parametrize("file", POLICIES, ids=lambda file: str(file.stem))
def test_tables_are_sound_under_every_shipped_policy(file: Path) -> None:
    found = simulate(load_scenario("small_shop"), load_policy(file))
    requests: dict[str, Any] = dict(found.requests)
    wishes: dict[str, Any] = dict(found.wishes)
    assert {n: str(v.dtype) for n, v in requests.items()} == REQUESTS
    assert {n: str(v.dtype) for n, v in wishes.items()} == WISHES
    order = [requests[n].tolist() for n in ("sent_ns", "client", "wish", "item", "attempt")]
    assert list(zip(*order, strict=True)) == sorted(set(zip(*order, strict=True)))
    assert int(wishes["attempts"].sum()) == len(requests["sent_ns"])
    assert int(wishes["refusals"].sum()) == int(requests["refused"].sum())
    assert requests["sent_ns"].max() < found.window_ns
    assert (requests["sent_ns"] + requests["latency_ns"]).max() <= found.window_ns
    assert wishes["end_ns"].max() <= found.window_ns
    assert not (wishes["served"] & wishes["open"]).any()
    http = requests["sight"] == SightKind.HTTP
    assert ((requests["seen_status"] > 0) == http).all()
    assert ((requests["rule"] >= 0) | ~requests["refused"]).all()
    assert set(requests["rule"].tolist()) - {-1} == set(range(len(found.rules)))
    assert set(requests["shape"].tolist()) == set(range(len(found.shapes)))
    parts = sum(v for n, v in found.load.items() if n.startswith("cpu_") and n != "cpu_s")
    assert parts == pytest.approx(found.load["cpu_s"])
    assert len(found.to_frame()) == len(requests["sent_ns"])


def test_what_is_under_way_at_the_end_of_the_window_is_cut(tmp_path: Path) -> None:
    waiting = policy(tmp_path, location="proxy_pass http://127.0.0.1:1;")
    found = run(world(tmp_path, caller(), upstream_ms=90_000, timeout_s=95), waiting)
    assert column(found, "sight") == [SightKind.NO_ANSWER]
    late = run(world(tmp_path, caller(patience_s=99), upstream_ms=90_000, timeout_s=95), waiting)
    assert column(late, "sight") == [SightKind.NO_ANSWER]
    assert column(late, "status") == [0]
    assert column(late, "latency_ns") == [60 * S]
    assert late.wishes["open"].tolist() == [True]
    assert late.wishes["end_ns"].tolist() == [60 * S]


def test_numbers_are_in_the_order_of_their_first_appearance() -> None:
    column_ = np.array([7, -1, 2, 7, 5, -1, 2])
    assert first_seen(column_) == [7, 2, 5]
    assert first_seen(np.array([-1, -1])) == []
    columns = {"rule": column_, "none": np.array([-1, -1])}
    renumber(columns, "rule", {7: 0, 2: 1, 5: 2})
    assert columns["rule"].tolist() == [0, -1, 1, 0, 2, -1, 1]
    renumber(columns, "none", {})
    assert columns["none"].tolist() == [-1, -1]


@given(st.lists(st.tuples(*[st.integers(0, 3)] * len(REQUEST_ORDER)), max_size=40))
def test_rows_are_sorted_by_time_and_then_by_who(rows: list[tuple[int, ...]]) -> None:
    cells = np.array(rows, np.int64).reshape(len(rows), len(REQUEST_ORDER))
    columns: Columns = dict(zip(REQUEST_ORDER, cells.T, strict=True))
    assert [rows[i] for i in sorted_rows(columns, REQUEST_ORDER)] == sorted(rows)


# Queues, all the way from the client and back


FLOOD = """
[[cohort]]
name = "flood"
kind = "flood"
honest = false
count = 1
addresses = ["198.51.100.1"]
keeps_connections = false
arrivals = {{ kind = "poisson", every_s = {every_s} }}
calls = [{{ path = "/plain" }}]
"""


def test_the_whole_way_through_a_flood_meets_m_d_1(tmp_path: Path) -> None:
    """1 ms of work for each new connection, 500 of them a second: Pollaczek and Khinchine's."""
    load, number = 0.5, 7000
    crowd = world(
        tmp_path,
        FLOOD.format(every_s=0.001 / load),
        length_s=number * 0.001 / load,
        rtt_ms=0,
        new=1000,
    )
    under = policy(tmp_path)
    waits = []
    for replication in range(34):
        latency = np.array(column(run(crowd, under, replication=replication), "latency_ns"))
        waits.append(float(latency.mean()) / MS - 1)
    found = t_interval(waits)
    assert (found.high - found.low) / 2 / found.mean <= 0.02
    error = float(np.std(waits, ddof=1)) / sqrt(len(waits))
    assert abs(found.mean - load / (2 * (1 - load))) / error <= 3.5


def test_littles_law_holds_for_connections(tmp_path: Path) -> None:
    """Each connection lasts for its answer and then 5 s: an M/G/infinity queue of them."""
    rate, rest_s = 20.0, 5.0
    calls = cohort(
        "probe", count=6000, arrivals='{ kind = "uniform" }', addresses='["198.18.0.0/16"]'
    )
    under = policy(tmp_path, http="keepalive_timeout 5s;", slots=4096)
    found = run(world(tmp_path, calls, length_s=6000 / rate, new=1000), under)
    held = [s / S for s in column(found, "latency_ns")]
    assert found.load["accepts"] == pytest.approx(6000, abs=3)
    # From accept to close: the work, and the rest. Those open at the end are cut.
    work_s = sum(held) / len(held) - 2 * 0.02
    expected = rate * (work_s + rest_s) * (300 - rest_s / 2)
    assert found.load["connection_s"] == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(
    ("connections", "open_per_s", "slots", "expected"),
    [
        (50, 50, 512, 50),  # as many as the attacker wants to hold
        (400, 10, 512, 100),  # 10 a second, closed after 10 s
        (400, 100, 64, 64),  # all slots that there are
    ],
)
def test_slowloris_holds_the_least_of_its_connections_its_pace_and_the_slots(
    tmp_path: Path, connections: int, open_per_s: int, slots: int, expected: int
) -> None:
    slow = cohort(
        "slow", honest=False, connections=connections, open_per_s=open_per_s, line_every_s=4
    )
    under = policy(tmp_path, http="client_header_timeout 10s;", slots=slots)
    found = run(world(tmp_path, slow, length_s=200), under)
    assert found.load["peak_connections"] == pytest.approx(expected, rel=0.02)
    ramp_s = min(10.0, expected / open_per_s)
    full_s = found.load["connection_s"] / expected
    assert full_s == pytest.approx(200 - ramp_s / 2, rel=0.02)
    assert (found.load["refused_connections"] > 0) == (slots == 64)


def test_a_worker_that_is_seldom_asked_pays_for_waking_each_time(tmp_path: Path) -> None:
    rare = caller(arrivals='{ kind = "periodic", every_s = 1 }')
    found = run(world(tmp_path, rare, wake_up=100, new=40, kept=10), policy(tmp_path))
    assert found.load["cpu_s"] == pytest.approx((60 * 110 + 30) * 1e-6)
    assert found.load["utilisation"] == pytest.approx(found.load["cpu_s"] / 60)
