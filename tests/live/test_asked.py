"""A request as a user writes it becomes the shape that nginx reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from simkit.errors import InputError
from simkit.live.asked import BROWSER, Wanted, shape_of, who_asks
from simkit.policy import Policy, load_policy
from simkit.shipped import shipped_files
from simkit.wire import Fault, Shape, Version, address
from tests.policy.making import load_http

SILENT = load_policy(shipped_files("policies")["silent"])
AGENT = dict(BROWSER)["User-Agent"]


def shape(request: str | None = None, *headers: str, **more: object) -> Shape:
    return shape_of(SILENT, Wanted(request, headers, **more))  # type: ignore[arg-type]


def test_without_words_a_browser_asks_for_the_sites_first_page() -> None:
    found = shape()
    assert (found.method, found.target, found.version) == ("GET", "/", Version.HTTP_1_1)
    assert (found.port, found.tls, found.sni) == (80, False, None)
    assert found.header("Host") == "shop.example"
    assert found.header("User-Agent") == AGENT
    assert found.fault is Fault.NONE


@pytest.mark.parametrize("request_", ["GET /a?b HTTP/1.1", "GET /a?b", "/a?b"])
def test_a_line_may_leave_out_what_goes_without_saying(request_: str) -> None:
    found = shape(request_)
    assert (found.method, found.target, found.version) == ("GET", "/a?b", Version.HTTP_1_1)


def test_a_url_says_host_port_and_tls() -> None:
    found = shape("https://www.shop.example/admin/?x=1")
    assert (found.port, found.tls, found.sni) == (443, True, "www.shop.example")
    assert (found.target, found.header("Host")) == ("/admin/?x=1", "www.shop.example")
    assert shape("http://shop.example:8080").port == 8080
    assert shape("http://shop.example:8080").header("Host") == "shop.example:8080"


def test_headers_are_given_replaced_and_left_out_as_with_curl() -> None:
    found = shape(None, "Host: other", "X-A: 1", "X-A: 2", "Accept:", "X-Empty;")
    assert found.header("Host") == "other"
    assert [v for n, v in found.headers if n == "X-A"] == ["1", "2"]
    assert found.header("Accept") is None
    assert found.header("X-Empty") == ""
    assert shape(None, "Host:").header("Host") is None


def test_two_hosts_are_a_fault_and_not_an_error() -> None:
    assert shape(None, "Host: a", "Host: b").fault is Fault.BAD_HEADER


def test_the_agent() -> None:
    assert shape(agent="curl/8").header("User-Agent") == "curl/8"
    assert shape(agent="").header("User-Agent") is None


def test_what_is_no_http_is_a_fault() -> None:
    assert shape("garbage").fault is Fault.BAD_METHOD
    assert shape("GET / HTTP/9.9").fault is Fault.UNKNOWN_VERSION
    assert shape("GET /" + "a" * 9000).fault is Fault.URI_TOO_LONG


def test_tls_and_http2() -> None:
    found = shape(http2=True)
    assert (found.version, found.port, found.tls) == (Version.HTTP_2, 443, True)
    assert shape(tls=True, sni="").sni is None
    assert shape(tls=True, sni="x").sni == "x"
    assert shape(None, "Host: 192.0.2.10", tls=True).sni is None
    assert shape(port=80, tls=True).fault is Fault.TLS_ON_PLAIN
    plain = shape(port=443)
    assert (plain.port, plain.tls) == (443, False)


def test_http2_is_not_spoken_where_it_is_not_offered(tmp_path: Path) -> None:
    read = load_http(
        tmp_path, "server { listen 443 ssl; ssl_certificate a; ssl_certificate_key b; }"
    )
    assert shape_of(read, Wanted(http2=True)).version is Version.HTTP_1_1


def test_a_site_elsewhere_is_named_with_its_port(tmp_path: Path) -> None:
    read = load_http(tmp_path, "server { listen 8080; server_name a.example; }")
    found = shape_of(read, Wanted())
    assert (found.port, found.header("Host")) == (8080, "a.example:8080")


def raw(tmp_path: Path, data: bytes, policy: Policy = SILENT, **more: object) -> Shape:
    file = tmp_path / "request"
    file.write_bytes(data)
    return shape_of(policy, Wanted(f"@{file}", **more))  # type: ignore[arg-type]


def test_raw_bytes_are_read_as_they_are(tmp_path: Path) -> None:
    found = raw(tmp_path, b"GET /x HTTP/1.0\nhost: SHOP.example\nX: \xff\n\n")
    assert (found.target, found.version) == ("/x", Version.HTTP_1_0)
    assert found.header("Host") == "SHOP.example"
    assert raw(tmp_path, b"GET /old\r\n").version is Version.HTTP_0_9
    assert raw(tmp_path, b"\x16\x03\x01\x02\x00\x01").fault is Fault.TLS_ON_PLAIN
    assert raw(tmp_path, b"\x00\x01\r\n\r\n").fault is Fault.BAD_METHOD
    secured = raw(tmp_path, b"GET / HTTP/1.1\r\nHost: shop.example:443\r\n\r\n", tls=True)
    assert secured.sni == "shop.example"


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Wanted(headers=("nonsense",)), '"nonsense" is no header'),
        (Wanted(port=0), "no port 0"),
        (Wanted(port=65536), "no port 65536"),
        (Wanted("ftp://x/"), "no URL of a site"),
        (Wanted("http://x:99999/"), "names no port"),
    ],
)
def test_what_is_no_request_is_one_clear_error(wanted: Wanted, words: str) -> None:
    with pytest.raises(InputError, match=words):
        shape_of(SILENT, wanted)


def test_raw_bytes_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not end"):
        raw(tmp_path, b"GET / HTTP/1.1\r\nHost: a\r\n")
    with pytest.raises(InputError, match="empty"):
        raw(tmp_path, b"")
    with pytest.raises(InputError, match="cannot be added"):
        raw(tmp_path, b"x", headers=("A: b",))
    with pytest.raises(FileNotFoundError):
        shape_of(SILENT, Wanted("@/nowhere/at/all"))


def test_who_asks(tmp_path: Path) -> None:
    assert who_asks(SILENT, 80, None) == address("192.0.2.1")
    assert who_asks(SILENT, 80, "2001:db8::5") == address("2001:db8::5")
    six = load_http(tmp_path, "server { listen [::]:80; }")
    assert who_asks(six, 80, None).version == 6
    with pytest.raises(InputError, match="is no address"):
        who_asks(SILENT, 80, "nobody")
