"""What a client sees of nginx's answers: each row of the table, on a live server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simkit.live import Connection, Ending, Http2, LiveNginx, Record, Tls, check, exchange
from simkit.wire import Sight, SightKind
from tests.live.raw import CONFIGS, HTTP_1_0, get

EMPTY, RESET = Sight(SightKind.EMPTY), Sight(SightKind.RESET)
PROTOCOL_ERROR = 1  # RFC 9113, section 7
UNRECOGNIZED_NAME = 112  # RFC 6066, section 3
BIG = "x" * 9000


@pytest.fixture(scope="module")
def nginx() -> Iterator[LiveNginx]:
    with LiveNginx(CONFIGS / "facts.conf") as running:
        yield running


def sight_of(nginx: LiveNginx, port: int, payload: bytes) -> tuple[Sight, Record]:
    """What the client saw, and the line that nginx logged about it."""
    seen = exchange(nginx.endpoint(port), payload)
    [record] = nginx.log.take(seen.port)
    return seen.sight, record


@pytest.mark.parametrize("family", [4, 6])
def test_444_is_an_orderly_close_without_a_byte(nginx: LiveNginx, family: int) -> None:
    seen = exchange(nginx.endpoint(8001, family=family), get())
    assert (seen.received, seen.ending) == (b"", Ending.FIN)
    [record] = nginx.log.take(seen.port)
    assert (record.status, record.bytes_sent, record.body_bytes_sent) == (444, 0, 0)


def test_444_with_reset_timedout_connection_is_a_reset(nginx: LiveNginx) -> None:
    sight, record = sight_of(nginx, 8002, get())
    assert (sight, record.status) == (RESET, 444)


def test_444_with_an_unread_body_is_a_reset_by_the_kernel(nginx: LiveNginx) -> None:
    sight, record = sight_of(nginx, 8001, get(method="POST", body_bytes=20_000))
    assert (sight, record.status) == (RESET, 444)


def test_444_with_a_body_that_was_read_with_the_header_is_an_orderly_close(
    nginx: LiveNginx,
) -> None:
    sight, record = sight_of(nginx, 8001, get(method="POST", body_bytes=20))
    assert (sight, record.status) == (EMPTY, 444)


def test_444_over_http2_resets_the_stream_and_keeps_the_connection(nginx: LiveNginx) -> None:
    with Connection(nginx.endpoint(8443), tls=Tls("secret.example", ("h2",))) as connection:
        assert connection.protocol == "h2"
        client = Http2(connection)
        assert client.request("secret.example").reset == PROTOCOL_ERROR
        assert client.request("secret.example", "/page").status == 200
        dropped, _served = nginx.log.take(connection.port, 2)
    assert (dropped.status, dropped.bytes_sent) == (444, 0)


def test_http_1_1_without_host_gets_a_page_that_names_the_server(nginx: LiveNginx) -> None:
    sight, record = sight_of(nginx, 8001, get(host=None))
    assert (sight.status, sight.body_bytes, record.status) == (400, 157, 400)
    assert (sight.header("server") or "").startswith("nginx")


def test_http_1_0_without_host_reaches_the_rules(nginx: LiveNginx) -> None:
    sight, record = sight_of(nginx, 8001, get(host=None, version=HTTP_1_0))
    assert (sight, record.status) == (EMPTY, 444)


MALFORMED = {
    "no version but a word": b"GET / NONSENSE\r\n\r\n",
    "a method in small letters": b"get / HTTP/1.1\r\nHost: a\r\n\r\n",
    "two Host headers": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a slash in Host": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "an empty Host": b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "a NUL in a header": b"GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
    "TLS on a plain port": bytes.fromhex("16030100c8010000c40303") + bytes(194),
}


@pytest.mark.parametrize("payload", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_malformed_gets_a_400_page_despite_a_catch_all_444(
    nginx: LiveNginx, payload: bytes
) -> None:
    sight, record = sight_of(nginx, 8001, payload)
    assert (sight.status, sight.body_bytes, sight.kept) == (400, 157, False)
    assert record.status == 400


# What is sent, the status that the client sees, the length of the page.
PARSE_ERRORS = {
    "TRACE": (get(method="TRACE"), 405, 157),
    "HTTP/3.0": (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505, 187),
    "a long URI": (get("/" + BIG), 414, 177),
    "a big header": (get(headers=(("X", BIG),)), 400, 233),
    "Transfer-Encoding": (get(headers=(("Transfer-Encoding", "gzip"),)), 501, 165),
}


@pytest.mark.parametrize(
    ("payload", "status", "body_bytes"), PARSE_ERRORS.values(), ids=PARSE_ERRORS.keys()
)
def test_errors_of_parsing_get_a_page_despite_a_catch_all_444(
    nginx: LiveNginx, payload: bytes, status: int, body_bytes: int
) -> None:
    sight, record = sight_of(nginx, 8001, payload)
    assert (sight.status, sight.body_bytes, sight.kept) == (status, body_bytes, False)
    assert record.status == status


@pytest.mark.parametrize("name", PARSE_ERRORS.keys())
def test_error_page_444_silences_errors_of_parsing(nginx: LiveNginx, name: str) -> None:
    payload, _, _ = PARSE_ERRORS[name]
    sight, record = sight_of(nginx, 8004, payload)
    assert record.status == 444
    # nginx gave up on these before it had read them to their end.
    assert sight == (RESET if name in ("a long URI", "a big header") else EMPTY)


@pytest.mark.parametrize("payload", MALFORMED.values(), ids=MALFORMED.keys())
def test_error_page_444_silences_what_is_malformed(nginx: LiveNginx, payload: bytes) -> None:
    sight, record = sight_of(nginx, 8004, payload)
    assert (sight, record.status) == (EMPTY, 444)


def test_without_a_code_of_its_own_error_page_leaves_the_first_in_the_log(
    nginx: LiveNginx,
) -> None:
    sight, record = sight_of(nginx, 8005, b"GET / NONSENSE\r\n\r\n")
    assert (sight, record.status) == (EMPTY, 400)


def test_a_named_location_cannot_drop_what_has_no_uri(nginx: LiveNginx) -> None:
    sight, record = sight_of(nginx, 8006, b"GET / NONSENSE\r\n\r\n")
    assert (sight.status, record.status) == (500, 500)


def test_a_named_location_can_drop_what_has_a_uri(nginx: LiveNginx) -> None:
    sight, record = sight_of(nginx, 8006, get(method="TRACE"))
    assert (sight, record.status) == (EMPTY, 444)


def test_plain_http_on_the_tls_port_gets_a_400_page(nginx: LiveNginx) -> None:
    seen = exchange(nginx.endpoint(8443), get(host="secret.example"))
    assert (seen.sight.status, len(seen.received)) == (400, 407)
    [record] = nginx.log.take(seen.port)
    assert record.status == 400


def test_every_timeout_closes_without_a_byte(nginx: LiveNginx) -> None:
    end = nginx.endpoint(8007)
    with Connection(end) as header, Connection(end) as body, Connection(end) as kept:
        header.send(b"GET / HTTP/1.1\r\nHost: site.exa")
        body.send(b"POST / HTTP/1.1\r\nHost: site.example\r\nContent-Length: 10\r\n\r\nhalf")
        kept.send(get())
        answer = kept.answer()
        assert answer is not None
        assert answer.status == 200
        assert [c.watch() for c in (header, body, kept)] == [Ending.FIN] * 3
        assert (header.received, body.received) == (b"", b"")
        assert len(kept.received) == answer.wire_bytes
        [late_header] = nginx.log.take(header.port)
        [late_body] = nginx.log.take(body.port)
        [served] = nginx.log.take(kept.port)
    assert [(r.status, r.bytes_sent) for r in (late_header, late_body)] == [(408, 0), (408, 0)]
    assert served.status == 200


def test_ssl_reject_handshake_sends_an_alert_and_no_certificate(nginx: LiveNginx) -> None:
    for name in (None, "other.example"):
        with Connection(nginx.endpoint(8444), tls=Tls(name)) as connection:
            assert (connection.alert, connection.certificate) == (UNRECOGNIZED_NAME, b"")
    seen = exchange(nginx.endpoint(8444), get(), tls=Tls("site.example"))
    assert seen.sight.status == 200


def test_a_default_server_with_a_certificate_shows_its_names(nginx: LiveNginx) -> None:
    with Connection(nginx.endpoint(8443), tls=Tls()) as connection:
        assert b"secret.example" in connection.certificate
        connection.send(get(host="203.0.113.9"))
        assert connection.watch() is Ending.FIN
        assert connection.received == b""


def test_deny_is_a_403_page_and_not_silent(nginx: LiveNginx) -> None:
    sight, record = sight_of(nginx, 8003, get("/deny"))
    assert (sight.status, sight.body_bytes, sight.kept) == (403, 153, True)
    assert record.status == 403


@pytest.mark.parametrize(
    ("target", "status"), [("/limit-default", 503), ("/limit-silent", 444), ("/limit-polite", 429)]
)
def test_limit_req_refuses_with_its_status(nginx: LiveNginx, target: str, status: int) -> None:
    seen = exchange(nginx.endpoint(8003), get(target) * 2, heads=(False, False))
    records = nginx.log.take(seen.port, 2)
    assert [(r.status, r.limit_req) for r in records] == [(200, "PASSED"), (status, "REJECTED")]
    assert [a.status for a in seen.answers] == ([200] if status == 444 else [200, status])


def test_429_has_no_retry_after_unless_added_always(nginx: LiveNginx) -> None:
    targets = ("/busy", "/busy-later-lost", "/busy-later")
    sights = [sight_of(nginx, 8003, get(target))[0] for target in targets]
    assert [s.status for s in sights] == [429] * 3
    assert [s.body_bytes for s in sights] == [169] * 3
    assert [s.header("retry-after") for s in sights] == [None, None, "7"]


def test_a_pipelined_request_that_meets_444_ends_the_connection(nginx: LiveNginx) -> None:
    payload = get("/page") + get("/drop") + get("/page")
    seen = exchange(nginx.endpoint(8003), payload, heads=(False, False))
    assert [a.status for a in seen.answers] == [200]
    assert len(seen.received) == seen.answers[0].wire_bytes
    assert seen.ending is Ending.FIN
    assert [r.status for r in nginx.log.take(seen.port, 2)] == [200, 444]


@pytest.mark.parametrize(
    ("target", "host", "body_bytes", "wire_bytes"),
    [("/forbidden", "a", 153, 303), ("/busy", "a", 169, 327), ("/", "a/b", 157, 309)],
)
def test_default_pages_have_these_sizes(
    nginx: LiveNginx, target: str, host: str, body_bytes: int, wire_bytes: int
) -> None:
    payload = get(target, host=host, headers=(("Connection", "close"),))
    seen = exchange(nginx.endpoint(8003), payload)
    assert (seen.sight.body_bytes, len(seen.received)) == (body_bytes, wire_bytes)
    [record] = nginx.log.take(seen.port)
    assert (record.body_bytes_sent, record.bytes_sent) == (body_bytes, wire_bytes)


def test_return_comes_before_limits_and_deny(nginx: LiveNginx) -> None:
    seen = exchange(nginx.endpoint(8003), get("/return-first") * 3, heads=(False,) * 3)
    assert [a.body for a in seen.answers] == [b"served"] * 3
    assert [r.limit_req for r in nginx.log.take(seen.port, 3)] == [""] * 3


def test_444_costs_no_tokens_and_deny_does(nginx: LiveNginx) -> None:
    for _ in range(2):
        assert sight_of(nginx, 8003, get("/drop-spends-nothing"))[0] == EMPTY
    seen = exchange(nginx.endpoint(8003), get("/deny-spends") * 2, heads=(False, False))
    assert [a.status for a in seen.answers] == [403, 429]


def test_444_bypasses_error_page(nginx: LiveNginx) -> None:
    sight, record = sight_of(nginx, 8003, get("/no-page-for-444"))
    assert (sight, record.status) == (EMPTY, 444)


def test_limit_conn_counts_requests_whose_header_is_complete(nginx: LiveNginx) -> None:
    end = nginx.endpoint(8003)
    waiting = b"POST /one-at-a-time HTTP/1.1\r\nHost: site.example\r\nContent-Length: 9\r\n"
    with Connection(end) as slow:
        slow.send(waiting)
        # Its header is not complete, so it is not counted yet.
        assert exchange(end, get("/one-at-a-time")).sight.status == 200
        slow.send(b"\r\n")
        seen = (exchange(end, get("/one-at-a-time")).sight.status for _ in range(50))
        assert 503 in seen
        slow.send(b"123456789")
        answer = slow.answer()
        assert answer is not None
        assert answer.status == 200
        # The connection stands, but its request has ended.
        assert exchange(end, get("/one-at-a-time")).sight.status == 200


def test_nginx_t_refuses_what_it_should() -> None:
    """The traps of configuration, by nginx's own words."""
    checked = check(CONFIGS / "zone_in_server.conf", CONFIGS)
    assert not checked.accepted
    assert '"limit_req_zone" directive is not allowed here' in checked.said
    checked = check(CONFIGS / "tls_without_certificate.conf", CONFIGS)
    assert not checked.accepted
    assert 'no "ssl_certificate" is defined' in checked.said
