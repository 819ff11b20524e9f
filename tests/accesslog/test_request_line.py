from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit.accesslog import RequestLine, parse_request_line
from simkit.wire import Fault, Version


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("GET / HTTP/1.1", ("GET", "/", Version.HTTP_1_1)),
        ("HEAD /a?b=c HTTP/1.0", ("HEAD", "/a?b=c", Version.HTTP_1_0)),
        ("GET  /two  HTTP/1.1 ", ("GET", "/two", Version.HTTP_1_1)),
        ("GET /old", ("GET", "/old", Version.HTTP_0_9)),
        ("GET http://a.example/ HTTP/1.1", ("GET", "http://a.example/", Version.HTTP_1_1)),
        ("VERSION-CONTROL /x HTTP/1.7", ("VERSION-CONTROL", "/x", Version.HTTP_1_1)),
        ("GET /caf\udce9 HTTP/2.0", ("GET", "/caf\udce9", Version.HTTP_2)),
    ],
)
def test_requests(text: str, wanted: tuple[str, str, Version]) -> None:
    found = parse_request_line(text)
    assert (found.method, found.target, found.version) == wanted
    assert found.fault is Fault.NONE
    assert found.came


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("\x16\x03\x01\x02", Fault.TLS_ON_PLAIN),
        ("\x03\x00\x00/*\xe0\x00", Fault.BAD_REQUEST_LINE),
        ("GET", Fault.BAD_REQUEST_LINE),
        ("hello", Fault.BAD_REQUEST_LINE),
        ("get / HTTP/1.1", Fault.BAD_METHOD),
        ("GET / with space HTTP/1.1", Fault.BAD_REQUEST_LINE),
        ("GET /a\x01b HTTP/1.1", Fault.BAD_REQUEST_LINE),
        ("GET /a\0b HTTP/1.1", Fault.BAD_REQUEST_LINE),
        ("OPTIONS * HTTP/1.1", Fault.BAD_REQUEST_LINE),
        ("PRI * HTTP/2.0", Fault.BAD_REQUEST_LINE),
        ("POST /old", Fault.BAD_REQUEST_LINE),
        ("GET / HTTP/9.1", Fault.UNKNOWN_VERSION),
        ("GET / FTP/1.1", Fault.BAD_REQUEST_LINE),
    ],
)
def test_what_is_no_http(text: str, fault: Fault) -> None:
    found = parse_request_line(text)
    assert (found.fault, found.text) == (fault, text)
    assert found.came


def test_http3_is_judged_as_http2() -> None:
    found = parse_request_line("GET / HTTP/3.0")
    assert (found.version, found.http3, found.fault) == (Version.HTTP_2, True, Fault.NONE)


@pytest.mark.parametrize("text", ["", "-"])
def test_a_connection_without_a_request(text: str) -> None:
    assert not parse_request_line(text).came


@given(st.text())
def test_anything_can_be_read(text: str) -> None:
    found = parse_request_line(text)
    assert isinstance(found, RequestLine)
    assert found.text == text
