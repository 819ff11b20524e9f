"""The reference page's claims beside a live nginx and curl. Numbers are those of its table."""

from __future__ import annotations

import gzip
import shutil
import socket
import subprocess
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
    command = [program, "-s", "-k", "-o", "/dev/null", "--max-time", "10", "--noproxy", "*"]
    return subprocess.run([*command, *args], check=False).returncode


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
    assert sum(line.endswith(' "-"') for line in lines) == 190


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


def test_15_a_429_has_no_retry_after(nginx: LiveNginx) -> None:
    sight = exchange(nginx.endpoint(80), site("/too-many")).sight
    assert (sight.status, sight.header("retry-after")) == (429, None)


def test_17_an_empty_close_confirms_that_something_listens(nginx: LiveNginx) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(nobody.getsockname(), 5)
    assert exchange(nginx.endpoint(80), get()).sight.kind is SightKind.EMPTY


def test_21_behind_an_edge_address_realip_gives_each_visitor_a_limit() -> None:
    def visits(nginx: LiveNginx, port: int) -> list[int]:
        payloads = [get(headers=(("CF-Connecting-IP", f"198.51.100.{n}"),)) for n in (1, 2, 1)]
        return [exchange(nginx.endpoint(port), payload).sight.status for payload in payloads]

    with LiveNginx(CONFIGS / "edge.conf") as nginx:
        assert visits(nginx, 82) == [200, 429, 429]
        assert visits(nginx, 83) == [200, 200, 429]
