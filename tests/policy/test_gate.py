"""Configured limits, through planner and gate, beside a second implementation of `limit_req`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit.policy import Gate, Planner, Policy, limits, slab
from simkit.wire import address
from tests.policy.making import ask, load_http

# -- the second implementation --------------------------------------------------------------------


@dataclass
class Limited:
    """One `limit_req` on its zone; a key's state is [excess, last], the oldest key comes first."""

    rate_milli: int
    burst: int
    capacity: int
    undelayed: int | None = 0  # requests of the excess that wait for nobody; None: all
    keys: OrderedDict[str, list[int]] = field(default_factory=OrderedDict)

    def excess_now(self, state: list[int], now: int) -> tuple[int, int]:
        ms = now - state[1]
        ms = 1 if ms < -60_000 else max(ms, 0)
        return max(0, state[0] - self.rate_milli * ms // 1000 + 1000), ms

    def free(self, now: int, most: int) -> None:
        for _ in range(most):
            if not self.keys:
                return
            oldest = next(iter(self.keys))
            state = self.keys[oldest]
            idle = abs(now - state[1])
            if idle < 60_000 or state[0] > self.rate_milli * idle // 1000:
                return
            del self.keys[oldest]

    def make_room(self, now: int) -> bool:
        self.free(now, 2)
        if len(self.keys) >= self.capacity and self.keys:
            self.keys.popitem(last=False)
            self.free(now, 2)
        return len(self.keys) < self.capacity

    def wait_ms(self, excess: int) -> int:
        if self.undelayed is None or excess <= self.undelayed * 1000:
            return 0
        return (excess - self.undelayed * 1000) * 1000 // self.rate_milli


def consult(limits: Sequence[Limited], keys: Sequence[str], now: int) -> tuple[str, int]:
    """What nginx says about one request (empty: no limit was asked), and how long it waits."""
    asked = [(limit, key) for limit, key in zip(limits, keys, strict=True) if key]
    if not asked:
        return "", 0
    for limit, key in asked:
        if key in limit.keys:
            limit.keys.move_to_end(key)
            if limit.excess_now(limit.keys[key], now)[0] > limit.burst * 1000:
                return "REJECTED", 0
        elif limit.make_room(now):
            # so long ago that nothing of it counts any more
            limit.keys[key] = [0, now - 10**9]
            limit.keys.move_to_end(key)
        else:
            return "REJECTED", 0
    waits = []
    for limit, key in asked:
        state = limit.keys[key]
        excess, ms = limit.excess_now(state, now)
        state[0] = excess
        state[1] = now if ms else state[1]
        waits.append(limit.wait_ms(excess))
    return ("DELAYED", max(waits)) if max(waits) else ("PASSED", 0)


# -- the same in a configuration ------------------------------------------------------------------


def policy_of(folder: Path, limits: Sequence[str], *, more: str = "") -> Policy:
    """Zones z0, z1 … keyed by the arguments k0, k1 …; each limit: its rate, then its use."""
    zones = [
        f"limit_req_zone $arg_k{i} zone=z{i}:32k rate={words.split()[0]};"
        for i, words in enumerate(limits)
    ]
    uses = [f"limit_req zone=z{i} {' '.join(words.split()[1:])};" for i, words in enumerate(limits)]
    server = f"server {{ limit_req_status 429; {more} {' '.join(uses)} }}"
    return load_http(folder, "\n".join([*zones, server]))


@dataclass
class Trial:
    """A gate that is asked about keys at times."""

    policy: Policy

    def __post_init__(self) -> None:
        self.planner = Planner(self.policy)
        self.gate = Gate(self.planner)

    def __call__(self, keys: Sequence[str], now: int) -> tuple[str, int]:
        target = "/?" + "&".join(f"k{i}={key}" for i, key in enumerate(keys))
        bound = self.planner.bind(ask(target), address("192.0.2.1"))
        step = self.gate.admit(bound, now)
        assert (step.decision is None) == (step.wait_ms > 0)
        if step.decision is not None and step.status == "REJECTED":
            assert step.decision.status == 429
        return step.status, step.wait_ms


# -- one thing each -------------------------------------------------------------------------------


def test_one_a_minute_is_16_thousandths_a_second(tmp_path: Path) -> None:
    policy = policy_of(tmp_path, ["1r/m"])
    assert policy.http.zones[0].rate == 16
    trial = Trial(policy)
    assert trial(("a",), 0)[0] == "PASSED"
    # 16 thousandths a second: a whole request is back after 62.5 s and not a millisecond before
    assert trial(("a",), 62_437)[0] == "REJECTED"
    assert trial(("a",), 62_500)[0] == "PASSED"


def test_a_new_key_starts_with_no_excess(tmp_path: Path) -> None:
    trial = Trial(policy_of(tmp_path, ["1r/s burst=1 nodelay"]))
    assert [trial(("a",), 5000)[0] for _ in range(3)] == ["PASSED", "PASSED", "REJECTED"]


def test_delays(tmp_path: Path) -> None:
    trial = Trial(policy_of(tmp_path, ["4r/s burst=5 delay=2"]))
    assert [trial(("a",), 0) for _ in range(7)] == [
        ("PASSED", 0), ("PASSED", 0), ("PASSED", 0), ("DELAYED", 250), ("DELAYED", 500),
        ("DELAYED", 750), ("REJECTED", 0),
    ]  # fmt: skip


def test_without_nodelay_the_second_waits(tmp_path: Path) -> None:
    trial = Trial(policy_of(tmp_path, ["3r/s burst=5"]))
    assert [trial(("a",), 0) for _ in range(3)] == [
        ("PASSED", 0),
        ("DELAYED", 333),
        ("DELAYED", 666),
    ]


def test_the_longest_of_several_delays_counts(tmp_path: Path) -> None:
    trial = Trial(policy_of(tmp_path, ["1r/s burst=5", "10r/s burst=5", "2r/s burst=5"]))
    keys = ("a", "b", "c")
    assert [trial(keys, 0)[1] for _ in range(2)] == [0, 1000]


def test_several_limits_are_charged_only_when_all_agree(tmp_path: Path) -> None:
    trial = Trial(policy_of(tmp_path, ["1r/m burst=3 nodelay", "1r/m"]))
    said = [trial(keys, 0)[0] for keys in [("a", "x")] * 3 + [("a", "")] * 4]
    assert said == ["PASSED", "REJECTED", "REJECTED", "PASSED", "PASSED", "PASSED", "REJECTED"]


def test_an_empty_key_skips_the_limit(tmp_path: Path) -> None:
    trial = Trial(policy_of(tmp_path, ["1r/m"]))
    assert [trial(("",), 0)[0] for _ in range(3)] == ["", "", ""]


def test_a_clock_that_goes_back(tmp_path: Path) -> None:
    trial = Trial(policy_of(tmp_path, ["1r/s burst=1 nodelay"]))
    assert trial(("a",), 100_000)[0] == "PASSED"
    assert trial(("a",), 99_000)[0] == "PASSED"  # a second back counts as no time
    assert trial(("a",), 99_999)[0] == "REJECTED"
    assert trial(("a",), 39_999)[0] == "REJECTED"  # far back counts as a millisecond
    assert trial(("a",), 101_000)[0] == "PASSED"  # a second after the first


def test_a_dry_run_only_says_so(tmp_path: Path) -> None:
    planner = Planner(policy_of(tmp_path, ["2r/s burst=1"], more="limit_req_dry_run on;"))
    gate = Gate(planner)
    bound = planner.bind(ask("/?k0=a"), address("192.0.2.1"))
    steps = [gate.admit(bound, 0) for _ in range(3)]
    assert [s.status for s in steps] == ["PASSED", "DELAYED_DRY_RUN", "REJECTED_DRY_RUN"]
    assert [s.decision.status if s.decision else 0 for s in steps] == [200] * 3


def test_the_oldest_key_is_forced_out_of_a_full_zone(tmp_path: Path) -> None:
    policy = policy_of(tmp_path, ["1r/m"])
    room = slab.capacity(32 << 10, slab.LIMIT_REQ_NODE, 4, "z0")
    trial = Trial(policy)
    keys = [f"{i:04}" for i in range(room + 1)]
    assert {trial((key,), 0)[0] for key in keys} == {"PASSED"}
    assert trial.gate.evictions == 1
    assert trial.gate.used() == {"z0": room}
    assert trial((keys[1],), 0)[0] == "REJECTED"
    assert trial((keys[0],), 0)[0] == "PASSED"  # it was forgotten


# -- the property tests ---------------------------------------------------------------------------

USES = (
    ("1r/s burst=2 nodelay", 1000, 2, None),
    ("7r/m burst=1", 116, 1, 0),
    ("3r/s burst=4 delay=2", 3000, 4, 2),
    ("50r/s", 50_000, 0, 0),
)
GAPS = st.sampled_from([0, 0, 1, 3, 40, 999, 1000, 8000, 59_999, 60_000, 61_000, -1, -500, -70_000])
REQUESTS = st.lists(
    st.tuples(GAPS, st.lists(st.sampled_from(["", "a", "b", "c", "d"]), min_size=3, max_size=3)),
    min_size=1,
    max_size=60,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("limits")


@given(st.lists(st.sampled_from(USES), min_size=1, max_size=3), REQUESTS, st.integers(0, 4))
def test_random_traces_agree_with_the_second_implementation(
    folder: Path,
    uses: list[tuple[str, int, int, int | None]],
    requests: list[tuple[int, list[str]]],
    capacity: int,
) -> None:
    trial = Trial(policy_of(folder, [use[0] for use in uses]))
    others = [Limited(rate, burst, capacity, undelayed) for _, rate, burst, undelayed in uses]
    now = 10**6
    for gap, keys in requests:
        now += gap
        mine = keys[: len(uses)]
        with_capacity(trial, capacity)
        assert trial(mine, now) == consult(others, mine, now)


def with_capacity(trial: Trial, entries: int) -> None:
    """Zones that hold so few entries: no real zone is that small."""
    zones = trial.gate._zones
    for zone in range(len(zones) // limits.ZONE):
        zones[zone * limits.ZONE + limits.CAPACITY] = entries


@given(st.integers(1, 30), st.lists(st.integers(0, 700), max_size=40))
def test_a_refused_request_changes_neither_excess_nor_time(
    folder: Path, refused: int, gaps: list[int]
) -> None:
    """A flood does not lengthen its own penalty, but its key stays the most recently used."""
    policy = policy_of(folder, ["1r/s burst=1 nodelay"])
    flooded, quiet = Trial(policy), Trial(policy)
    for trial in (flooded, quiet):
        assert [trial((key,), 0)[0] for key in ("b", "a", "a", "b")] == ["PASSED"] * 4
    zones, entries = flooded.gate._zones, flooded.gate._entries
    entry = flooded.planner._entries[0, b"a"]
    row = slice(entry * limits.ENTRY, entry * limits.ENTRY + limits.PRESENT)
    before = entries[row]
    for i in range(refused):
        assert flooded(("a",), i % 900)[0] == "REJECTED"
    assert entries[row] == before
    assert zones[limits.NEWEST] == entry
    now = 0
    for gap in gaps:
        now += gap
        assert flooded(("a",), now) == quiet(("a",), now)


# -- limit_conn -----------------------------------------------------------------------------------


def conn_policy(folder: Path, uses: str, *, more: str = "") -> Policy:
    zones = "limit_conn_zone $arg_k0 zone=c0:32k; limit_conn_zone $arg_k1 zone=c1:32k;"
    return load_http(folder, f"{zones} {more} server {{ limit_conn_status 420; {uses} }}")


def test_limit_conn_counts_requests_until_they_end(tmp_path: Path) -> None:
    planner = Planner(conn_policy(tmp_path, "limit_conn c0 2;"))
    gate = Gate(planner)
    bound = planner.bind(ask("/?k0=a"), address("192.0.2.1"))
    steps = [gate.admit(bound, 0) for _ in range(3)]
    assert [s.decision.status if s.decision else 0 for s in steps] == [200, 200, 420]
    gate.release(steps[2])
    gate.release(steps[0])
    gate.release(steps[0])  # letting go twice is once
    assert [d.status for d in (gate.admit(bound, 0).decision,) if d] == [200]
    assert [d.status for d in (gate.admit(bound, 0).decision,) if d] == [420]
    assert gate.used()["c0"] == 1


def test_a_refusal_by_the_second_lets_go_of_the_first(tmp_path: Path) -> None:
    planner = Planner(conn_policy(tmp_path, "limit_conn c0 5; limit_conn c1 1;"))
    gate = Gate(planner)
    first = gate.admit(planner.bind(ask("/?k0=a&k1=x"), address("192.0.2.1")), 0)
    assert first.decision is not None
    refused = gate.admit(planner.bind(ask("/?k0=b&k1=x"), address("192.0.2.1")), 0)
    assert refused.decision is not None
    assert refused.decision.status == 420
    assert gate.used() == {"c0": 1, "c1": 1}
    gate.release(first)
    assert gate.used() == {"c0": 0, "c1": 0}


def test_a_full_zone_of_connections_refuses(tmp_path: Path) -> None:
    planner = Planner(conn_policy(tmp_path, "limit_conn c0 1;"))
    gate = Gate(planner)
    room = slab.capacity(32 << 10, slab.LIMIT_CONN_NODE, 4, "c0")
    statuses = []
    for i in range(room + 1):
        step = gate.admit(planner.bind(ask(f"/?k0={i:04}"), address("192.0.2.1")), 0)
        assert step.decision is not None
        statuses.append(step.decision.status)
    assert statuses == [200] * room + [420]
    assert gate.evictions == 0


def test_limit_conn_comes_after_the_delay_of_limit_req(tmp_path: Path) -> None:
    zone = "limit_req_zone $arg_k0 zone=r:1m rate=1r/s;"
    planner = Planner(
        conn_policy(tmp_path, "limit_req zone=r burst=5; limit_conn c0 1;", more=zone)
    )
    gate = Gate(planner)
    bound = planner.bind(ask("/?k0=a"), address("192.0.2.1"))
    first, second = gate.admit(bound, 0), gate.admit(bound, 0)
    assert first.decision is not None
    assert (second.decision, second.wait_ms, second.held) == (None, 1000, ())
    gate.release(first)
    later = gate.resume(second, 1000)
    assert later.decision is not None
    assert (later.decision.status, later.status) == (200, "DELAYED")
    assert len(later.held) == 1


def test_a_key_that_is_too_long_for_limit_conn_is_passed_over(tmp_path: Path) -> None:
    planner = Planner(conn_policy(tmp_path, "limit_conn c0 1;"))
    gate = Gate(planner)
    statuses = []
    for size in (255, 255, 256, 256):
        step = gate.admit(planner.bind(ask(f"/?k0={'a' * size}"), address("192.0.2.1")), 0)
        assert step.decision is not None
        statuses.append(step.decision.status)
    assert statuses == [200, 420, 200, 200]
