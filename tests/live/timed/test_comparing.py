"""Comparing with made-up captures: a limiter that is wrong is found, a doubtful clock is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from simkit.draws import Purpose, exponential, stream, uniform
from simkit.live.timed.comparing import Compared, End, Taken, compare
from simkit.policy import Planner, load_policy
from simkit.wire import Shape, address
from tests.live.raw import expected

CLIENT = address("192.0.2.1")
SHAPE = Shape(headers=(("Host", "site.example"),))
POLICY = """
events {}
http {
    limit_req_zone $binary_remote_addr zone=one:1m rate=RATE;
    limit_req_zone $binary_remote_addr zone=two:1m rate=20r/s;
    limit_conn_zone $binary_remote_addr zone=together:1m;
    server {
        listen 80;
        location / {
            limit_req zone=one LIMIT;
            MORE
        }
    }
}
"""


def planner(
    folder: Path, rate: str = "10r/s", limit: str = "burst=5 nodelay", more: str = ""
) -> Planner:
    path = folder / "policy.conf"
    path.write_text(
        POLICY.replace("RATE", rate).replace("LIMIT", limit).replace("MORE", more),
        encoding="utf-8",
    )
    return Planner(load_policy(path))


def times_ms(count: int, mean_ms: float) -> list[int]:
    """Made-up times of that many requests."""
    key, now, found = stream(7, "made-up capture", 0), 0.0, list[int]()
    for number in range(count):
        now += exponential(mean_ms, uniform(key, Purpose.ARRIVAL, number))
        found.append(int(now))
    return found


def captured(plans: Planner, times: list[int], said: list[str]) -> list[Taken]:
    """What nginx would log that says this at these times."""
    bound = plans.bind(SHAPE, CLIENT)
    return [
        Taken(number, bound, at, 503 if word == "REJECTED" else 200, word)
        for number, (at, word) in enumerate(zip(times, said, strict=True))
    ]


def compared(folder: Path, rate_milli: int, burst: int, rate: str = "10r/s") -> Compared:
    """A limiter with that rate and burst, beside a policy with a rate and burst=5."""
    plans, times = planner(folder, rate), times_ms(500, 60.0)
    return compare(plans, captured(plans, times, expected(times, rate_milli, burst)))


def test_the_same_arithmetic_done_twice_agrees(tmp_path: Path) -> None:
    found = compared(tmp_path, 10_000, 5)
    assert (found.requests, found.misses) == (500, [])


@pytest.mark.parametrize(("rate_milli", "burst"), [(10_000, 4), (10_000, 6), (9_000, 5)])
def test_a_limiter_that_is_wrong_is_found(tmp_path: Path, rate_milli: int, burst: int) -> None:
    found = compared(tmp_path, rate_milli, burst)
    assert [miss for miss in found.misses if miss.flips_by_ms is None]


def test_a_limiter_that_rounds_a_rate_per_minute_the_other_way_is_found(tmp_path: Path) -> None:
    # 100r/m is 1666 thousandths of a request per second; 1667 would be the nearer number.
    plans = planner(tmp_path, "100r/m")
    # Six at once, then each time as much later as 1667 takes to drain whole requests.
    times = [0] * 6 + [-(-1_000_000 * n // 1667) for n in range(1, 40)]
    wrong = compare(plans, captured(plans, times, expected(times, 1667, 5)))
    right = compare(plans, captured(plans, times, expected(times, 1666, 5)))
    assert wrong.misses
    assert not right.misses


@pytest.mark.parametrize(("moved_ms", "seen"), [(1, 200), (-1, 503)])
def test_a_request_that_was_captured_a_millisecond_off_flips(
    tmp_path: Path, moved_ms: int, seen: int
) -> None:
    plans = planner(tmp_path)
    times = [0] * 6 + [100, 150, 200]
    true_ms = list(times)
    # At 100 ms a whole request has drained: one millisecond earlier it has not.
    times[6] += -1 if moved_ms == 1 else 0
    true_ms[6] = times[6] + moved_ms
    events = captured(plans, times, expected(true_ms, 10_000, 5))
    found = compare(plans, events)
    [miss] = found.misses
    assert (miss.number, miss.at_ms, miss.seen_status) == (6, times[6], seen)
    assert miss.flips_by_ms == moved_ms
    assert miss.expected_status == {200: 503, 503: 200}[seen]


def test_after_a_miss_that_flips_the_others_agree(tmp_path: Path) -> None:
    plans, true_ms = planner(tmp_path), [0] * 6 + [100 * n for n in range(1, 50)]
    times = list(true_ms)
    times[6] -= 1
    found = compare(plans, captured(plans, times, expected(true_ms, 10_000, 5)))
    assert [(miss.number, miss.flips_by_ms) for miss in found.misses] == [(6, 1)]


def test_a_status_that_differs_is_a_miss_that_no_time_explains(tmp_path: Path) -> None:
    plans = planner(tmp_path)
    [one] = captured(plans, [0], ["PASSED"])
    [miss] = compare(plans, [replace(one, status=404)]).misses
    assert (miss.expected_status, miss.seen_status, miss.flips_by_ms) == (200, 404, None)


def test_the_excess_is_compared_to_the_thousandth(tmp_path: Path) -> None:
    plans = planner(tmp_path, limit="burst=5")
    times = [0, 10, 20]
    taken = captured(plans, times, ["PASSED", "DELAYED", "DELAYED"])
    excesses = (None, 900, 1799)  # 0 - 100 + 1000, then 900 - 100 + 1000 = 1800
    found = compare(plans, [replace(t, excess=e) for t, e in zip(taken, excesses, strict=True)])
    assert (found.misses, found.counted, found.counted_alike) == ([], 2, 1)


def test_of_several_limits_the_one_with_the_longest_delay_tells_its_excess(tmp_path: Path) -> None:
    plans = planner(tmp_path, limit="burst=5", more="limit_req zone=two burst=5;")
    first, second = captured(plans, [0, 10], ["PASSED", "DELAYED"])
    # 0 - 100 + 1000 at 10r/s waits for 90 ms, 0 - 200 + 1000 at 20r/s only for 40.
    found = compare(plans, [first, replace(second, excess=900)])
    assert (found.misses, found.counted, found.counted_alike) == ([], 1, 1)


def test_limit_conn_lets_go_where_a_request_ends_and_not_before(tmp_path: Path) -> None:
    plans = planner(tmp_path, limit="burst=50 nodelay", more="limit_conn together 1;")
    first, second, third = captured(plans, [0, 5, 5], ["PASSED"] * 3)
    first, third = (replace(one, connections="PASSED") for one in (first, third))
    second = replace(second, connections="REJECTED", status=503)
    assert compare(plans, [first, second, End(1, 5), End(0, 5), third]).misses == []
    [miss] = compare(plans, [first, End(0, 5), second, End(1, 5), third]).misses
    assert (miss.number, miss.expected_status, miss.flips_by_ms) == (1, 200, None)


def test_who_goes_away_during_a_delay_is_not_expected_back(tmp_path: Path) -> None:
    plans = planner(tmp_path, limit="burst=5", more="limit_conn together 1;")
    passed, delayed, later = captured(plans, [0, 0, 500], ["PASSED", "DELAYED", "PASSED"])
    passed, later = (replace(one, connections="PASSED") for one in (passed, later))
    gone = replace(delayed, status=499)
    events: list[Taken | End] = [passed, End(0, 0), gone, End(1, 50), later, End(2, 500)]
    assert [miss.number for miss in compare(plans, events).misses] == [1]
    events[2] = replace(gone, gave_up=True)
    assert compare(plans, events).misses == []


def test_limit_conn_comes_after_the_delay(tmp_path: Path) -> None:
    plans = planner(tmp_path, limit="burst=50", more="limit_conn together 1;")
    passed, delayed, later = captured(plans, [0, 0, 150], ["PASSED", "DELAYED", "DELAYED"])
    # The second waits for 100 ms. The first is still there by then, so it is turned away.
    passed = replace(passed, connections="PASSED")
    delayed = replace(delayed, connections="REJECTED", status=503)
    # The third waits from 150 to 200 ms, and finds the place empty.
    later = replace(later, connections="PASSED")
    events: list[Taken | End] = [passed, delayed, End(1, 100), later, End(0, 160), End(2, 201)]
    assert compare(plans, events).misses == []
    early: list[Taken | End] = [passed, delayed, End(0, 90), End(1, 100), later, End(2, 201)]
    [miss] = compare(plans, early).misses
    assert (miss.number, miss.expected_status, miss.seen_status) == (1, 200, 503)
