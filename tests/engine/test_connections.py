"""What happens on connections, to the nanosecond where nothing else is going on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from simkit.engine import Behaviour, Client
from simkit.wire import Shape, SightKind, Version
from tests.engine.crowds import MS, S, caller, cohort, column, policy, run, world

RTT = 20 * MS
HELLO = 200_000
"""What a client takes for its hello, in nanoseconds."""
TLS = {"tls": True}
CUSTOM = cohort("custom")


def test_a_plain_request_takes_two_round_trips_and_the_next_one_takes_one(tmp_path: Path) -> None:
    twice = caller(arrivals='{ kind = "periodic", every_s = 30 }')
    found = run(world(tmp_path, twice, new=300, kept=100, wake_up=50), policy(tmp_path))
    assert column(found, "latency_ns") == [2 * RTT + 350_000, RTT + 150_000]
    assert column(found, "reused") == [0, 1]
    assert column(found, "status") == [200, 200]
    assert found.load["cpu_s"] == pytest.approx(500e-6)
    assert found.load["accepts"] == 1


def test_a_handshake_takes_one_more_round_trip(tmp_path: Path) -> None:
    costs = {"accept": 10, "handshake": 300, "kept": 20, "new": 10}
    found = run(world(tmp_path, caller(tls=True), **costs), policy(tmp_path))
    # the connection is accepted while the client makes its hello
    assert column(found, "latency_ns") == [3 * RTT + HELLO + 320_000]
    assert found.load["handshakes"] == 1
    assert found.load["cpu_tls_s"] == pytest.approx(300e-6)


@pytest.mark.parametrize(("version", "expected"), [("HTTP/2.0", 1), ("HTTP/1.1", 3)])
def test_a_page_takes_one_connection_over_http2_and_parallel_ones_over_http1(
    tmp_path: Path, version: str, expected: int
) -> None:
    page = cohort("visitor", protocol=f'"{version}"', tls=True, pages='["/"]', pages_mean=1)
    found = run(world(tmp_path, page, length_s=30), policy(tmp_path))
    assert found.load["accepts"] == expected
    assert column(found, "item") == [0, 1, 2, 3]
    assert len(set(column(found, "sent_ns")[1:])) == 1
    assert {s.version for s in found.shapes} == {Version(version)}


def test_http2_falls_back_where_the_server_does_not_offer_it(tmp_path: Path) -> None:
    page = cohort("visitor", protocol='"HTTP/2.0"', tls=True, port=444, pages='["/"]', pages_mean=1)
    found = run(world(tmp_path, page, length_s=30), policy(tmp_path))
    assert {s.version for s in found.shapes} == {Version.HTTP_1_1}
    assert found.load["accepts"] == 3


def test_nobody_listens_there(tmp_path: Path) -> None:
    found = run(world(tmp_path, caller(port=81)), policy(tmp_path))
    assert column(found, "sight") == [SightKind.REFUSED]
    assert column(found, "latency_ns") == [RTT]
    assert column(found, "status") == [0]


def test_silence_over_http1_closes_and_over_http2_resets_the_stream(tmp_path: Path) -> None:
    silent = policy(tmp_path, server="return 444;")
    for version, sight, accepts in (
        ("HTTP/1.1", SightKind.EMPTY, 2),
        ("HTTP/2.0", SightKind.STREAM_RESET, 1),
    ):
        twice = caller(
            protocol=f'"{version}"', tls=True, arrivals='{ kind = "periodic", every_s = 30 }'
        )
        found = run(world(tmp_path, twice), silent)
        assert column(found, "sight") == [sight, sight]
        assert column(found, "status") == [444, 444]
        assert column(found, "bytes") == [0, 0]
        assert found.load["accepts"] == accepts


def test_a_refused_handshake_is_an_alert_and_nothing_is_logged(tmp_path: Path) -> None:
    deaf = policy(tmp_path, server="ssl_reject_handshake on;")
    found = run(world(tmp_path, caller(tls=True)), deaf)
    assert column(found, "sight") == [SightKind.TLS_ALERT]
    assert column(found, "status") == [0]
    assert column(found, "latency_ns") == [2 * RTT + HELLO]
    assert found.load["handshakes"] == 0


def test_the_server_closes_an_idle_connection_and_the_client_knows(tmp_path: Path) -> None:
    twice = caller(arrivals='{ kind = "periodic", every_s = 20, until_s = 41 }')
    found = run(world(tmp_path, twice), policy(tmp_path, http="keepalive_timeout 5s;"))
    calls = len(column(found, "reused"))
    assert column(found, "reused") == [0] * calls
    assert found.load["accepts"] == calls
    held = calls * (5 * S)
    assert found.load["connection_s"] == pytest.approx(held / S, abs=1e-6)


def meets_the_closing(gap_ns: int) -> object:
    """A client that asks again just before it can know that its connection was closed."""

    def behaviour(me: Client) -> Behaviour:
        yield me.get("/plain")
        yield me.until(me.env.now + gap_ns)
        yield me.get("/plain")

    return behaviour


@pytest.mark.parametrize(
    ("after_ns", "sight", "reused"),
    [
        (-RTT - 1, SightKind.HTTP, 1),  # arrives before the time is up
        (-1, SightKind.RESET, 1),  # on its way when the server closes
        (0, SightKind.HTTP, 0),  # the client has learnt of it, and opens another
    ],
)
def test_a_request_that_meets_a_closed_connection_is_reset(
    tmp_path: Path, after_ns: int, sight: SightKind, reused: int
) -> None:
    # The server's time begins to run half a round trip before the client has its answer, and the
    # news of its end takes as long: both are 5 s after the answer for the client.
    behaviours = {"clients": meets_the_closing(5 * S + after_ns)}
    short = policy(tmp_path, http="keepalive_timeout 5s;")
    found = run(world(tmp_path, CUSTOM), short, behaviours=behaviours)
    assert column(found, "sight")[1] == sight
    assert column(found, "reused")[1] == reused
    assert column(found, "status")[1] == (200 if sight is SightKind.HTTP else 0)


def test_a_connection_serves_so_many_requests_and_no_more(tmp_path: Path) -> None:
    often = caller(arrivals='{ kind = "periodic", every_s = 5 }')
    found = run(world(tmp_path, often), policy(tmp_path, http="keepalive_requests 3;"))
    assert column(found, "reused") == [0, 1, 1] * 4
    assert found.load["accepts"] == 4


def test_the_connection_that_was_freed_last_is_used_first(tmp_path: Path) -> None:
    def behaviour(me: Client) -> Behaviour:
        slow, quick = me.get("/plain"), me.get("/a.css")
        yield slow
        yield quick
        for _ in range(3):
            yield me.sleep(4)
            yield me.get("/plain")

    # Two connections of 5 s: one is used every 4 s and lives, the other dies after 5 s.
    found = run(
        world(tmp_path, CUSTOM),
        policy(tmp_path, http="keepalive_timeout 5s;"),
        behaviours={"clients": behaviour},
    )
    assert column(found, "reused") == [0, 0, 1, 1, 1]
    assert found.load["accepts"] == 2


def test_a_client_that_keeps_nothing_frees_its_slot_half_a_round_trip_later(
    tmp_path: Path,
) -> None:
    found = run(world(tmp_path, caller(keeps_connections=False)), policy(tmp_path))
    assert found.load["connection_s"] == pytest.approx(RTT / S)


def test_a_full_backlog_loses_syns_which_come_again_after_1_3_and_7_s(tmp_path: Path) -> None:
    """One worker is busy for 5 s with each; one connection may wait."""
    flood = caller(count=4, patience_s=30, keeps_connections=False)
    found = run(world(tmp_path, flood, backlog=0, new=5 * S // 1000), policy(tmp_path))
    latencies = sorted(round(ns / S, 2) for ns in column(found, "latency_ns"))
    # Begun at once; waiting; lost at 0, 1 and 3 s, in at 7 s; the last gets in at 15 s.
    assert latencies == [5.04, 10.04, 15.04, 20.04]
    assert found.load["syn_retransmits"] == 3 + 4


def test_a_client_loses_patience_and_nginx_logs_499(tmp_path: Path) -> None:
    waiting = policy(tmp_path, location="proxy_pass http://127.0.0.1:1;")
    found = run(world(tmp_path, caller(patience_s=2), upstream_ms=9000), waiting)
    assert column(found, "sight") == [SightKind.NO_ANSWER]
    assert column(found, "status") == [499]
    assert column(found, "latency_ns") == [2 * S]
    assert found.load["client_timeouts"] == 1
    assert found.load["connection_s"] == pytest.approx(2 - 1.5 * RTT / S)
    assert found.load["upstream_busy_s"] == 9


def test_an_upstream_that_takes_too_long_is_a_504(tmp_path: Path) -> None:
    waiting = policy(tmp_path, location="proxy_pass http://127.0.0.1:1;")
    found = run(world(tmp_path, caller(), upstream_ms=9000, timeout_s=4), waiting)
    assert column(found, "status") == [504]
    assert column(found, "seen_status") == [504]
    assert column(found, "latency_ns") == [2 * RTT + 4 * S]
    assert found.wishes["served"].tolist() == [False]
    assert found.wishes["refusals"].tolist() == [0]


def test_a_proxied_request_holds_two_slots(tmp_path: Path) -> None:
    waiting = policy(tmp_path, location="proxy_pass http://127.0.0.1:1;", slots=3)
    found = run(world(tmp_path, caller(count=2), upstream_ms=100), waiting)
    # Two clients take a slot each, the first its second one; the other finds none: a 500.
    assert sorted(column(found, "status")) == [200, 500]
    assert found.load["peak_slots"] == 3
    assert found.load["peak_connections"] == 2


def test_without_a_slot_a_connection_is_accepted_and_reset(tmp_path: Path) -> None:
    slow = cohort("slow", "slow", connections=4, open_per_s=1000, honest=False)
    late = caller("late", arrivals='{ kind = "at once", from_s = 5 }')
    found = run(world(tmp_path, slow, late, length_s=9), policy(tmp_path, slots=4))
    assert column(found, "sight", "late") == [SightKind.RESET]
    assert column(found, "latency_ns", "late") == [2 * RTT]
    assert found.load["refused_connections"] == 1


def test_an_idle_connection_gives_way_to_a_new_one(tmp_path: Path) -> None:
    early = caller("early", count=4)
    late = caller("late", arrivals='{ kind = "at once", from_s = 5 }')
    found = run(world(tmp_path, early, late, length_s=9), policy(tmp_path, slots=4))
    assert column(found, "status") == [200] * 5
    assert found.load["reused_slots"] == 1
    assert found.load["peak_connections"] == 4


def delayed_by(limit: str, count: int, folder: Path) -> Iterator[tuple[int, int]]:
    zone = "limit_req_zone $server_name zone=z:1m rate=10r/s;"
    found = run(
        world(folder, caller(count=count)), policy(folder, http=zone, server=f"limit_req {limit};")
    )
    return zip(column(found, "delay_ns"), column(found, "latency_ns"), strict=True)


def test_a_limit_delays_and_holds_the_answer_back_for_as_long(tmp_path: Path) -> None:
    rows = list(delayed_by("zone=z burst=5", 4, tmp_path))
    assert [delay for delay, _ in rows] == [0, 100 * MS, 200 * MS, 300 * MS]
    for delay, latency in rows:
        # nginx waits until its clock shows the time: up to a millisecond less than the delay.
        assert 2 * RTT + delay - MS < latency <= 2 * RTT + delay


def test_limit_conn_lets_go_when_the_request_ends(tmp_path: Path) -> None:
    zone = "limit_conn_zone $server_name zone=c:1m;"
    one = policy(
        tmp_path,
        http=zone,
        server="limit_conn c 1; limit_conn_status 429;",
        location="proxy_pass http://127.0.0.1:1;",
    )
    first = caller("first")
    during = caller("during", arrivals='{ kind = "at once", from_s = 1 }')
    after = caller("after", arrivals='{ kind = "at once", from_s = 4 }')
    found = run(world(tmp_path, first, during, after, upstream_ms=3000), one)
    assert column(found, "status") == [200, 429, 200]


def test_a_slow_header_times_out_as_408_and_looks_like_silence(tmp_path: Path) -> None:
    slow = cohort("slow", connections=1, arrivals='{ kind = "at once", until_s = 1 }')
    for extra, sight in (
        ("", SightKind.EMPTY),
        ("reset_timedout_connection on;", SightKind.RESET),
    ):
        under = policy(tmp_path, http=f"client_header_timeout 10s; {extra}")
        found = run(world(tmp_path, slow), under)
        assert column(found, "sight") == [sight]
        assert column(found, "status") == [408]
        assert column(found, "bytes") == [0]
        assert column(found, "latency_ns") == [10 * S + 2 * RTT]
        assert found.load["header_timeouts"] == 1


def test_a_shape_of_ones_own_can_be_sent(tmp_path: Path) -> None:
    def behaviour(me: Client) -> Behaviour:
        sight = yield me.get(Shape(version=Version.HTTP_1_1))
        assert sight.status == 400  # no Host

    found = run(world(tmp_path, CUSTOM), policy(tmp_path), behaviours={"clients": behaviour})
    assert column(found, "status") == [400]
    assert found.shapes == (Shape(version=Version.HTTP_1_1),)
