"""limit_req on a live nginx, beside a second, independent account of its arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import sleep

import pytest

from simkit.live import Connection, LiveNginx, Record, exchange
from tests.live.raw import CONFIGS, REFUSED, SERVED, clock_ms, expected, get


@pytest.fixture(scope="module")
def nginx() -> Iterator[LiveNginx]:
    with LiveNginx(CONFIGS / "limits.conf") as running:
        yield running


def at_once(nginx: LiveNginx, port: int, requests: Sequence[bytes]) -> list[Record]:
    """Send the requests in one piece on one connection, and return nginx's lines about them."""
    seen = exchange(nginx.endpoint(port), b"".join(requests), heads=(False,) * len(requests))
    return nginx.log.take(seen.port, len(requests))


def test_twelve_at_once_with_burst_5_pass_six(nginx: LiveNginx) -> None:
    records = at_once(nginx, 9001, [get()] * 12)
    assert [r.limit_req for r in records] == [SERVED] * 6 + [REFUSED] * 6
    assert [r.status for r in records] == [200] * 6 + [503] * 6


def test_three_hundred_at_100_per_second_pass_as_the_arithmetic_says(nginx: LiveNginx) -> None:
    with Connection(nginx.endpoint(9002)) as client:
        for _ in range(300):
            client.send(get())
            assert client.answer() is not None
            sleep(0.0095)
        records = nginx.log.take(client.port, 300)
    times_ms = clock_ms(records)
    said = [r.limit_req for r in records]
    assert said == expected(times_ms, rate_milli=10_000, burst=5)
    # A burst of 6, then one each 100 ms: 35 in three seconds.
    assert abs(said.count(SERVED) - (6 + (times_ms[-1] - times_ms[0]) // 100)) <= 1


def test_six_at_once_at_5_per_second_and_burst_2(nginx: LiveNginx) -> None:
    records = at_once(nginx, 9003, [get()] * 6)
    said = [r.limit_req for r in records]
    assert said == expected(clock_ms(records), rate_milli=5_000, burst=2)
    assert said[:3] == [SERVED] * 3
    assert [r.status for r in records] == [200 if word == SERVED else 429 for word in said]


def test_a_dry_run_says_what_it_would_do_and_does_nothing(nginx: LiveNginx) -> None:
    records = at_once(nginx, 9004, [get()] * 3)
    assert [r.limit_req for r in records] == [SERVED, "DELAYED_DRY_RUN", "REJECTED_DRY_RUN"]
    assert [r.status for r in records] == [200] * 3


def test_delay_lets_that_many_through_at_once_and_delays_the_next(nginx: LiveNginx) -> None:
    end = nginx.endpoint(9005)
    with Connection(end) as first, Connection(end) as second, Connection(end) as third:
        for client in (first, second, third):
            client.send(get())
        answers = [client.answer() for client in (first, second, third)]
        records = [nginx.log.take(client.port)[0] for client in (first, second, third)]
    assert [a.status for a in answers if a is not None] == [200] * 3
    assert sorted(r.limit_req for r in records) == ["DELAYED", SERVED, SERVED]
    [delayed] = [r for r in records if r.limit_req == "DELAYED"]
    # The third has an excess of 2, of which 1 is free: a second less what has leaked meanwhile.
    assert delayed.request_s > max(r.request_s for r in records if r is not delayed)


def test_a_limit_that_refuses_leaves_the_limits_before_it_unspent(nginx: LiveNginx) -> None:
    targets = ["/both", "/both", "/both", "/wide", "/wide"]
    records = at_once(nginx, 9006, [get(target) for target in targets])
    assert [r.status for r in records] == [200, 429, 429, 200, 429]


def test_an_empty_key_is_not_limited_and_each_key_has_its_own_account(nginx: LiveNginx) -> None:
    def keyed(key: str) -> bytes:
        return get(headers=(("X-Key", key),))

    records = at_once(nginx, 9007, [get(), get(), keyed("a"), keyed("a"), keyed("b"), get()])
    assert [r.limit_req for r in records] == ["", "", SERVED, REFUSED, SERVED, ""]
