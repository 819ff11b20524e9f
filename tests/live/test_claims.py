"""The reference page's claims beside a live nginx and curl. Numbers are those of its table."""

from __future__ import annotations

import gzip
import shutil
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from simkit.errors import InputError
from simkit.live import ADDRESS_HEADER, Connection, Ending, LiveNginx, Tls, check, exchange
from simkit.wire import Sight, SightKind
from tests.live.raw import CONFIGS, HTTP_1_0, REFUSED, clock_ms, expected, get

EMPTY, RESET = Sight(SightKind.EMPTY), Sight(SightKind.RESET)
LOGS = Path(__file__).parents[3] / "shared" / "logs"


@pytest.fixture(scope="module")
def nginx() -> Iterator[LiveNginx]:
    with LiveNginx(CONFIGS / "claims.conf") as running:
        yield running


def site(target: str = "/", **more: object) -> bytes:
    return get(target, host="example.com", **more)  # type: ignore[arg-type]


def curl(*args: str) -> int:
    """curl's exit status."""
    program = shutil.which("curl")
    if program is None:
        pytest.fail("curl is not on the PATH")
    command = [program, "-s", "-k", "--max-time", "10", "--noproxy", "*"]
    # Not -o /dev/null: what cannot be cut short curl does not ask for again.
    done = subprocess.run([*command, *args], stdout=subprocess.DEVNULL, check=False)
    return done.returncode


def url(nginx: LiveNginx, port: int, scheme: str = "http") -> str:
    end = nginx.endpoint(port)
    return f"{scheme}://{end.host}:{end.port}/"


def test_1_no_status_line_no_headers_no_body(nginx: LiveNginx) -> None:
    seen = exchange(nginx.endpoint(80), get(host="203.0.113.9"))
    assert (seen.received, seen.ending) == (b"", Ending.FIN)


def test_2_a_reset_only_with_reset_timedout_connection_or_an_unread_body(nginx: LiveNginx) -> None:
    assert exchange(nginx.endpoint(80), get()).sight == EMPTY
    assert exchange(nginx.endpoint(81), get()).sight == RESET
    unread = get(method="POST", body_bytes=20_000)
    assert exchange(nginx.endpoint(80), unread).sight == RESET


def test_4_curl_says_empty_reply(nginx: LiveNginx) -> None:
    assert curl(url(nginx, 80)) == 52


def test_2_and_4_curl_says_reset_or_stream_error_where_it_is_one(nginx: LiveNginx) -> None:
    assert curl(url(nginx, 81)) == 56
    assert curl("--http2", url(nginx, 443, "https")) == 92


@pytest.mark.parametrize("size", [2_000, 50_000])
def test_2_curl_says_reset_where_its_body_was_not_read(
    nginx: LiveNginx, tmp_path: Path, size: int
) -> None:
    """Or that the reply is empty, if the body had not come when nginx closed."""
    body = tmp_path / "body"
    body.write_bytes(bytes(size))
    assert curl("--data-binary", f"@{body}", "-H", "Expect:", url(nginx, 80)) in (52, 55, 56)


def test_5_the_log_shows_444_and_0(nginx: LiveNginx) -> None:
    seen = exchange(nginx.endpoint(80), get())
    [record] = nginx.log.take(seen.port)
    assert (record.status, record.body_bytes_sent) == (444, 0)


def test_6_without_host_http_1_0_is_dropped_and_http_1_1_gets_a_page(nginx: LiveNginx) -> None:
    end = nginx.endpoint(80)
    assert exchange(end, get(host=None, version=HTTP_1_0)).sight == EMPTY
    sight = exchange(end, get(host=None)).sight
    assert sight.status == 400
    assert "nginx" in (sight.header("server") or "")


def test_7_the_bare_address_is_dropped(nginx: LiveNginx) -> None:
    assert exchange(nginx.endpoint(80), get(host="127.0.0.1")).sight == EMPTY


def test_8_the_default_server_shows_a_certificate_before_it_drops(nginx: LiveNginx) -> None:
    with Connection(nginx.endpoint(443), tls=Tls()) as connection:
        assert connection.certificate
        connection.send(get(host="127.0.0.1"))
        assert (connection.watch(), connection.received) == (Ending.FIN, b"")


def test_8_tls_without_a_certificate_does_not_start() -> None:
    assert (
        'no "ssl_certificate" is defined'
        in check(CONFIGS / "tls_without_certificate.conf", CONFIGS).said
    )
    with pytest.raises(InputError, match=r"tls_without_certificate\.conf:6: nginx does not start"):
        LiveNginx(CONFIGS / "tls_without_certificate.conf").__enter__()


def test_9_deny_is_not_silent(nginx: LiveNginx) -> None:
    sight = exchange(nginx.endpoint(80), site("/denied")).sight
    assert (sight.status, sight.body_bytes) == (403, 153)


def test_10_if_remote_addr_drops(nginx: LiveNginx) -> None:
    def came_from(address: str) -> Sight:
        payload = site("/by-address", headers=((ADDRESS_HEADER, address),))
        return exchange(nginx.endpoint(80), payload).sight

    assert came_from("198.51.100.5") == EMPTY
    assert came_from("198.51.100.6").status == 200


@pytest.mark.parametrize(
    ("agent", "dropped"),
    [
        (None, True),
        ("", True),
        ("masscan/1.3", True),
        ("Mozilla/5.0 zgrab/0.x", True),
        ("MASSCAN", True),
        ("python-requests/2.32", False),
        ("Mozilla/5.0", False),
    ],
)
def test_11_a_map_of_agents_drops(nginx: LiveNginx, agent: str | None, dropped: bool) -> None:
    sight = exchange(nginx.endpoint(80), site("/agents", agent=agent)).sight
    assert (sight == EMPTY) is dropped


def test_11_190_of_10000_requests_of_a_blog_carry_no_agent() -> None:
    log = LOGS / "semicomplete-2015-05.log.gz"
    assert log.exists(), f"the log {log} is missing"
    lines = gzip.decompress(log.read_bytes()).decode().splitlines()
    assert len(lines) == 10_000
    without = Counter(line.split(" ")[0] for line in lines if line.endswith(' "-"'))
    assert without.total() == 190
    assert sum(count for _, count in without.most_common(2)) == 82  # two scanners


def test_12_a_zone_inside_a_server_does_not_start() -> None:
    said = check(CONFIGS / "zone_in_server.conf", CONFIGS).said
    assert '"limit_req_zone" directive is not allowed here' in said


def test_13_limit_req_status_444_drops_the_excess(nginx: LiveNginx) -> None:
    seen = exchange(nginx.endpoint(80), site("/limited") * 60, heads=(False,) * 60)
    assert seen.ending is Ending.FIN
    # nginx logs a request before it closes, so every line is there.
    records = nginx.log.take(seen.port, 60, timeout_s=0)
    said = [r.limit_req for r in records]
    assert said == expected(clock_ms(records), rate_milli=10_000, burst=20)
    assert said.count(REFUSED) == 1
    assert [r.status for r in records] == [200] * len(seen.answers) + [444]


def test_14_a_timeout_is_logged_as_408_and_looks_like_a_444(nginx: LiveNginx) -> None:
    with Connection(nginx.endpoint(84)) as header, Connection(nginx.endpoint(84)) as body:
        header.send(b"GET / HTTP/1.1\r\nHost: exa")
        body.send(b"POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 9\r\n\r\nhalf")
        for connection in (header, body):
            assert (connection.watch(), connection.received) == (Ending.FIN, b"")
            assert [r.status for r in nginx.log.take(connection.port)] == [408]


def test_15_a_429_has_no_retry_after(nginx: LiveNginx) -> None:
    sight = exchange(nginx.endpoint(80), site("/too-many")).sight
    assert (sight.status, sight.header("retry-after")) == (429, None)


def test_17_an_empty_close_confirms_that_something_listens(nginx: LiveNginx) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(nobody.getsockname(), 5)
    assert exchange(nginx.endpoint(80), get()).sight.kind is SightKind.EMPTY


RETRY = ("--retry", "2", "--retry-delay", "1")


@pytest.mark.parametrize(
    ("options", "hits"),
    [
        ((), {"/empty": 1, "/denied": 1, "/too-many": 1}),
        (RETRY, {"/empty": 1, "/denied": 1, "/too-many": 3}),
        ((*RETRY, "--retry-all-errors"), {"/empty": 3, "/denied": 1, "/too-many": 3}),
    ],
    ids=["as it is", "--retry", "--retry-all-errors"],
)
def test_18_how_often_a_client_comes_back_depends_on_the_answer(
    nginx: LiveNginx, options: tuple[str, ...], hits: dict[str, int]
) -> None:
    """So naive bots are not all the same to the server, though none of them gets in."""
    nginx.log.take_all(0, timeout_s=0)
    end = nginx.endpoint(80)
    for target in hits:
        address = f"http://{end.host}:{end.port}{target}"
        curl(*options, "-H", "Host: example.com", address)
    found = Counter(r.request.split(" ")[1] for r in nginx.log.take_all(sum(hits.values())))
    assert found == hits


def test_21_behind_an_edge_address_realip_gives_each_visitor_a_limit() -> None:
    def visits(nginx: LiveNginx, port: int) -> list[int]:
        payloads = [get(headers=(("CF-Connecting-IP", f"198.51.100.{n}"),)) for n in (1, 2, 1)]
        return [exchange(nginx.endpoint(port), payload).sight.status for payload in payloads]

    with LiveNginx(CONFIGS / "edge.conf") as nginx:
        assert visits(nginx, 82) == [200, 429, 429]
        assert visits(nginx, 83) == [200, 200, 429]
