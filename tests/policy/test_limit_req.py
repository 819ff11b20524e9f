"""`limit_req`: the measured checks, and its arithmetic written a second time as an oracle."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit.policy import Gate, Planner, load_policy, slab
from simkit.policy import limits as kernel
from simkit.wire import Shape, address

BOOT_MS = 10_000_000
SHAPE = Shape(headers=(("Host", "a.example"),))


def gate(folder: Path, rate: str, limit: str, size: str = "1m") -> tuple[Gate, Planner]:
    file = folder / "limit.conf"
    file.write_text(
        f"events {{}}\nhttp {{ limit_req_zone $binary_remote_addr zone=z:{size} rate={rate};\n"
        f"server {{ listen 80; limit_req zone=z {limit}; limit_req_status 429; }} }}\n"
    )
    planner = Planner(load_policy(file))
    return Gate(planner), planner


def statuses(folder: Path, rate: str, limit: str, times_ms: list[float]) -> list[int]:
    state, planner = gate(folder, rate, limit)
    bound = planner.bind(SHAPE, address("192.0.2.1"))
    found = []
    for time in times_ms:
        now = BOOT_MS + int(time)
        step = state.admit(bound, now)
        if step.decision is None:
            step = state.resume(step, now + step.wait_ms)
        assert step.decision is not None
        found.append(step.decision.status)
    return found


def test_twelve_requests_at_once_under_burst_5_pass_6(tmp_path: Path) -> None:
    assert statuses(tmp_path, "10r/s", "burst=5", [0.0] * 12) == [200] * 6 + [429] * 6


def test_300_requests_at_100_per_second_under_10_per_second_pass_35(tmp_path: Path) -> None:
    found = statuses(tmp_path, "10r/s", "burst=5 nodelay", [10.0 * i for i in range(300)])
    assert found.count(200) == 35


def test_six_quick_requests_under_burst_2_nodelay(tmp_path: Path) -> None:
    found = statuses(tmp_path, "5r/s", "burst=2 nodelay", [0.0] * 6)
    assert found == [200] * 3 + [429] * 3


def test_one_per_minute_is_sixteen_thousandths_per_second(tmp_path: Path) -> None:
    _, planner = gate(tmp_path, "1r/m", "nodelay")
    assert planner.policy.http.zones[0].rate == 16
    late = [0.0, 62_499.0, 62_500.0]
    assert statuses(tmp_path, "1r/m", "nodelay", late) == [200, 429, 200]


def test_the_delay_is_the_excess_at_the_rate(tmp_path: Path) -> None:
    state, planner = gate(tmp_path, "10r/s", "burst=5 delay=2")
    bound = planner.bind(SHAPE, address("192.0.2.1"))
    waits = [state.admit(bound, BOOT_MS).wait_ms for _ in range(6)]
    assert waits == [0, 0, 0, 100, 200, 300]


def test_a_megabyte_holds_8095_addresses() -> None:
    assert slab.capacity(1 << 20, slab.LIMIT_REQ_NODE, 4, "z") == 8_095


class Reference:
    """ngx_http_limit_req_module for one limit, from its description: a dict in order of use."""

    def __init__(self, rate: int, burst: int, capacity: int) -> None:
        self.rate, self.burst, self.capacity = rate, burst, capacity
        self.entries: OrderedDict[int, tuple[int, int]] = OrderedDict()  # the newest last

    def rejects(self, key: int, now: int) -> bool:
        if key in self.entries:
            self.entries.move_to_end(key)
            excess, last = self.entries[key]
            ms = now - last
            ms = 1 if ms < -60_000 else max(ms, 0)
            excess = max(0, excess - self.rate * ms // 1000 + 1000)
            if excess > self.burst:
                return True
            self.entries[key] = (excess, now if ms else last)
            return False
        self.drop_idle(2, now)
        if len(self.entries) >= self.capacity:
            self.entries.popitem(last=False)
            self.drop_idle(2, now)
        self.entries[key] = (0, now)
        return False

    def drop_idle(self, most: int, now: int) -> None:
        for _ in range(most):
            if not self.entries:
                return
            key, (excess, last) = next(iter(self.entries.items()))
            ms = abs(now - last)
            if ms < 60_000 or excess - self.rate * ms // 1000 > 0:
                return
            del self.entries[key]


def kernel_state(rate: int, capacity: int, keys: int) -> tuple[array[int], array[int]]:
    zones = kernel.new_zones([rate])
    zones[kernel.CAPACITY] = capacity
    return zones, array("q", [0] * (keys * kernel.ENTRY))


def cells(entries: array[int], key: int) -> tuple[int, int]:
    """The excess and the time of an entry."""
    at = key * kernel.ENTRY
    return entries[at + kernel.EXCESS], entries[at + kernel.LAST]


def present(entries: array[int], key: int) -> bool:
    return bool(entries[key * kernel.ENTRY + kernel.PRESENT])


STEPS = st.lists(
    st.tuples(
        st.integers(0, 9),
        st.one_of(st.integers(-5, 400), st.sampled_from([60_000, 90_000, -70_000])),
    ),
    max_size=120,
)


@given(STEPS, st.integers(1, 20_000), st.integers(0, 5), st.integers(1, 6))
def test_the_kernel_agrees_with_a_second_implementation(
    steps: list[tuple[int, int]], rate: int, burst: int, capacity: int
) -> None:
    zones, entries = kernel_state(rate, capacity, 10)
    reference = Reference(rate, 1000 * burst, capacity)
    now = BOOT_MS
    for key, gap in steps:
        now += gap
        verdict, _ = kernel.look_up(zones, entries, 0, key, 1000 * burst, now, True)
        assert (verdict == kernel.BUSY) == reference.rejects(key, now)
        kept = {k: cells(entries, k) for k in range(10) if present(entries, k)}
        assert kept == dict(reference.entries)
        assert zones[kernel.USED] == len(kept)


@given(STEPS, st.integers(1, 5_000), st.integers(0, 3))
def test_a_refused_request_changes_neither_excess_nor_time(
    steps: list[tuple[int, int]], rate: int, burst: int
) -> None:
    zones, entries = kernel_state(rate, 100, 10)
    now = BOOT_MS
    for key, gap in steps:
        now += gap
        before = cells(entries, key)
        verdict, _ = kernel.look_up(zones, entries, 0, key, 1000 * burst, now, True)
        if verdict == kernel.BUSY:
            assert cells(entries, key) == before
            assert zones[kernel.NEWEST] == key


def test_a_full_zone_forces_the_oldest_key_out(tmp_path: Path) -> None:
    state, planner = gate(tmp_path, "1r/s", "burst=1 nodelay", size="32k")
    room = slab.capacity(32 << 10, slab.LIMIT_REQ_NODE, 4, "z")
    assert 0 < room < 300
    for number in range(room + 3):
        bound = planner.bind(SHAPE, address(f"10.0.{number // 256}.{number % 256}"))
        state.admit(bound, BOOT_MS)
    assert state.evictions == 3
    assert state.used() == {"z": room}


@pytest.mark.parametrize("limit", ["burst=3", "burst=3 nodelay"])
def test_a_dry_run_turns_nobody_away_and_says_what_it_would_have_done(
    tmp_path: Path, limit: str
) -> None:
    state, planner = gate(tmp_path, "1r/s", f"{limit}; limit_req_dry_run on")
    bound = planner.bind(SHAPE, address("192.0.2.1"))
    steps = [state.admit(bound, BOOT_MS) for _ in range(6)]
    assert all(s.decision is not None and s.decision.status == 200 for s in steps)
    delayed = "PASSED" if "nodelay" in limit else "DELAYED_DRY_RUN"
    expected = ["PASSED", *[delayed] * 3, *["REJECTED_DRY_RUN"] * 2]
    assert [s.status for s in steps] == expected
