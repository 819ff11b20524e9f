"""The trace as it is laid out: what is asked for, how fast, and from whom."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from simkit.live.timed.callers import client_address, is_limited, limited_targets
from simkit.live.timed.schedule import Call, Pace, calls
from simkit.policy import Gate, Planner, load_policy
from simkit.wire import address
from tests.live.raw import CONFIGS

TIMED = CONFIGS / "timed.conf"
PACE = Pace(50.0, 500.0, wait_s=2.0, in_turn=False, all_waits_s=float("inf"))
CLIENTS = partial(client_address, by_header=True, alone=False)


def laid_out(path: Path, *, requests: int = 2000, seed: int = 3, pace: Pace = PACE) -> list[Call]:
    policy = load_policy(path)
    planner = Planner(policy)
    targets = limited_targets(policy, planner)
    return calls(planner, targets, CLIENTS, requests=requests, seed=seed, pace=pace)


def policy(folder: Path, http: str) -> Path:
    path = folder / "policy.conf"
    path.write_text(
        "events {} http { limit_req_zone $binary_remote_addr zone=a:1m rate=1r/s;"
        f" limit_req_zone $http_x_key zone=k:1m rate=1r/s; {http} }}",
        encoding="utf-8",
    )
    return path


def targets(path: Path) -> list[str]:
    found = load_policy(path)
    return [t.shape.target for t in limited_targets(found, Planner(found))]


def test_the_same_seed_gives_the_same_trace_and_another_one_another() -> None:
    assert laid_out(TIMED, requests=200) == laid_out(TIMED, requests=200)
    assert laid_out(TIMED, requests=200) != laid_out(TIMED, requests=200, seed=4)


def test_a_longer_trace_begins_as_a_shorter_one() -> None:
    assert laid_out(TIMED, requests=300)[:200] == laid_out(TIMED, requests=200)


def test_rates_lie_where_they_were_asked_for() -> None:
    found = laid_out(TIMED)
    assert len(found) == 2000
    per_s = len(found) / found[-1].at_s
    assert 50 < per_s < 500
    gaps = [b.at_s - a.at_s for a, b in pairwise(found)]
    assert min(gaps) == 0.0  # bursts
    assert max(gaps) > 0.4  # pauses


def test_every_limited_location_is_asked_for() -> None:
    asked = {call.shape.target.split("?")[0] for call in laid_out(TIMED)}
    names = "inherits nodelay compound minute slow two three plan dry bare".split()
    assert {f"/{name}" for name in names} <= asked


def test_nobody_is_asked_to_wait_longer_than_there_is_time_for(tmp_path: Path) -> None:
    path = policy(tmp_path, "server { listen 80; location / { limit_req zone=a burst=9; } }")
    found = laid_out(path, requests=500)
    planner = Planner(load_policy(path))
    gate = Gate(planner)
    steps = [gate.admit(planner.bind(c.shape, c.client), int(1000 * c.at_s)) for c in found]
    assert len(found) == 500
    assert 0 < max(step.wait_ms for step in steps) <= 2000


@pytest.mark.parametrize(
    ("http", "expected"),
    [
        ("server { listen 80; limit_req zone=a; return 444; }", []),
        ("server { listen 80; limit_req zone=a; location / { return 200; } }", []),
        ("server { listen 80; limit_req zone=a; location / { deny all; } }", []),
        ("server { listen 80; location / { root html; } }", []),
        ("server { listen 80; location /x { root html; limit_req zone=a; } }", ["/x"]),
        ("server { listen 80; location = /x { limit_req zone=k; } }", ["/x"]),
        ("server { listen 80; location ~ \\.css$ { limit_req zone=a; } }", ["/a.css"]),
    ],
)
def test_only_what_would_be_served_is_a_target(
    tmp_path: Path, http: str, expected: list[str]
) -> None:
    assert targets(policy(tmp_path, http)) == expected


def test_a_target_can_be_told_apart_by_what_the_limit_is_keyed_by(tmp_path: Path) -> None:
    path = policy(tmp_path, "server { listen 80; location / { limit_req zone=k; } }")
    found = load_policy(path)
    planner = Planner(found)
    target = limited_targets(found, planner)[0]
    somebody = address("192.0.2.1")
    keys = [
        planner.bind(target.keyed(value), somebody).entries.values() for value in ("k1", "k2", "k1")
    ]
    entries = [tuple(next(iter(key))) for key in keys]
    assert entries[0] == entries[2] != entries[1]
    assert not is_limited(planner.plan(target.keyed(None), somebody))
