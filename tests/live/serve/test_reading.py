"""The request reader: what it reads, what it finds wrong, and that it can be cut anywhere."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from simkit.live.serve.reading import Framing, Limits, Request, RequestReader
from simkit.policy.facts import HeaderNames
from simkit.wire import Fault, Version
from tests.live.serve.hostile import make, requests

HOST = b"Host: a\r\n"
HEAD = b"GET / HTTP/1.1\r\n"
WHOLE = HEAD + HOST + b"\r\n"
SMALL = Limits(first_bytes=64, large_count=2, large_bytes=128)


def reader(limits: Limits | None = None) -> RequestReader:
    return RequestReader(lambda _: limits or Limits())


def read(data: bytes, limits: Limits | None = None) -> Request | None:
    one = reader(limits)
    one.feed(data)
    return one.next()


def read_in(pieces: list[bytes], limits: Limits | None = None) -> list[Request]:
    """Every request in the pieces; bodies are taken by their length, where it is announced."""
    one, found, left = reader(limits), list[Request](), 0
    for piece in pieces:
        one.feed(piece)
        while True:
            left -= len(one.take(left))
            request = None if left else one.next()
            if request is None:
                break
            if request.shape.fault is not Fault.NONE and not request.shape.target:
                request = replace(request, line=b"")  # the log shows as much of it as had come
            found.append(request)
            left = request.body_bytes if request.framing is Framing.LENGTH else 0
            if request.shape.fault is not Fault.NONE:
                return found
    return found


def fault(data: bytes, limits: Limits | None = None) -> Fault | None:
    request = read(data, limits)
    return None if request is None else request.shape.fault


def test_a_request_is_read_word_for_word() -> None:
    data = b"POST /a%20b?c HTTP/1.0\r\nHost:  x \r\nContent-Length: 5\r\nUser-Agent:\xff\r\n\r\n"
    request = read(data)
    assert request is not None
    shape = request.shape
    assert (shape.method, shape.target, shape.version) == ("POST", "/a%20b?c", Version.HTTP_1_0)
    assert shape.headers == (("Host", "x"), ("Content-Length", "5"), ("User-Agent", "\udcff"))
    assert (shape.body_bytes, request.body_bytes, request.framing) == (5, 5, Framing.LENGTH)
    assert (request.line, request.header_bytes) == (b"POST /a%20b?c HTTP/1.0", len(data))


@pytest.mark.parametrize("missing", [1, 2, 20, len(WHOLE)])
def test_nothing_is_said_before_the_header_ends(missing: int) -> None:
    assert read(WHOLE[:-missing]) is None


LINES = {
    b"get / HTTP/1.1": Fault.BAD_METHOD,
    b"\x16\x03\x01": Fault.TLS_ON_PLAIN,
    b"GET *": Fault.BAD_REQUEST_LINE,
    b"GET / HTTP/1.1 x": Fault.BAD_REQUEST_LINE,
    b"GET /\x01": Fault.BAD_REQUEST_LINE,
    b"GET /.. HTTP/1.1\n": Fault.BAD_REQUEST_LINE,
    b"GET http://a_b/ HTTP/1.1\n": Fault.BAD_REQUEST_LINE,
    b"GET http://a..b/ HTTP/1.1\n": Fault.BAD_HOST,
    b"POST /\r\n": Fault.BAD_REQUEST_LINE,
    b"GET / HTTP/2": Fault.UNKNOWN_VERSION,
    b"GET / HTTP/10": Fault.UNKNOWN_VERSION,
    b"GET / HTTP/0": Fault.BAD_REQUEST_LINE,
    b"PRI * HTTP/2.0": Fault.BAD_REQUEST_LINE,
}


@pytest.mark.parametrize(("line", "wrong"), LINES.items(), ids=map(repr, LINES))
def test_a_line_is_wrong_at_the_byte_that_makes_it_so(line: bytes, wrong: Fault) -> None:
    assert fault(line) is wrong
    assert fault(line[:-1]) in (None, wrong)


HEADERS = {
    b" X: folded": Fault.BAD_HEADER,
    b"X Y": Fault.BAD_HEADER,
    b"X: \0": Fault.BAD_HEADER,
    b"X: a\rb": Fault.BAD_HEADER,
    b":": Fault.BAD_HEADER,
    b"Host: a/b\r\n": Fault.BAD_HOST,
    b"Host:\r\n": Fault.BAD_HOST,
    b"Host: a\r\nHost: b\r\n": Fault.BAD_HEADER,
    b"If-Range: a\r\nIf-Range: b\r\n": Fault.BAD_HEADER,
    b"Content-Length: -1\r\n\r\n": Fault.BAD_CONTENT_LENGTH,
    b"Content-Length: 9223372036854775808\r\n\r\n": Fault.BAD_CONTENT_LENGTH,
}


@pytest.mark.parametrize(("lines", "wrong"), HEADERS.items(), ids=map(repr, HEADERS))
def test_a_header_is_wrong_as_soon_as_it_can_be_seen(lines: bytes, wrong: Fault) -> None:
    assert fault(HEAD + lines) is wrong


def test_names_that_nginx_passes_over_are_left_out() -> None:
    lines = b"Good-1: a\r\nunder_score: b\r\nat@: c\r\n\xff: d\r\n\r\n"
    for limits, names in (
        (Limits(), ["Good-1"]),
        (Limits(names=HeaderNames(underscores=True)), ["Good-1", "under_score"]),
        (Limits(names=HeaderNames(others=True)), ["Good-1", "under_score", "at@", "\udcff"]),
    ):
        request = read(HEAD + lines, limits)
        assert request is not None
        assert [name for name, _ in request.shape.headers] == names


def test_http_0_9_ends_with_its_line() -> None:
    request = read(b"\r\n\nGET /x\r\nHost: no header\r\n")
    assert request is not None
    assert (request.shape.version, request.shape.target) == (Version.HTTP_0_9, "/x")


def test_what_holds_for_a_host_holds_from_its_header_on() -> None:
    def of_host(host: str | None) -> Limits:
        return Limits(names=HeaderNames(underscores=host == "b.example"))

    one = RequestReader(of_host)
    one.feed(HEAD + b"a_a: 1\r\nHost: B.example:80\r\nb_b: 2\r\n\r\n")
    request = one.next()
    assert request is not None
    assert [name for name, _ in request.shape.headers] == ["Host", "b_b"]


@pytest.mark.parametrize("size", [127, 128, 129, 200])
def test_a_line_must_fit_into_one_large_buffer(size: int) -> None:
    line = b"GET /" + b"x" * (size - 16) + b" HTTP/1.1\r\n"
    assert len(line) == size
    assert fault(line + HOST + b"\r\n", SMALL) is (
        Fault.NONE if size <= 128 else Fault.URI_TOO_LONG
    )
    header = b"X: " + b"y" * (size - 5) + b"\r\n"
    assert fault(HEAD + header + b"\r\n", SMALL) is (
        Fault.NONE if size <= 128 else Fault.HEADER_TOO_LARGE
    )


def test_there_are_only_so_many_buffers() -> None:
    lines = b"".join(b"X%d: %b\r\n" % (n, b"y" * 100) for n in range(9))
    assert fault(HEAD + lines + b"\r\n", SMALL) is Fault.HEADER_TOO_LARGE
    assert fault(HEAD + lines + b"\r\n") is Fault.NONE


def test_no_more_is_read_at_once_than_the_buffer_takes() -> None:
    one = reader()
    assert one.room == 1024
    one.feed(HEAD)
    assert one.next() is None
    assert one.room == 1024 - len(HEAD)
    one.feed(b"X: " + b"y" * (one.room - 3))
    assert one.next() is None
    assert one.room == 8192 - (1024 - len(HEAD))


def test_line_ends_before_a_request_take_no_room() -> None:
    one = reader(SMALL)
    for _ in range(1000):
        one.feed(b"\r\n" * 7)
        assert one.next() is None
        assert 0 < one.room <= 64
    one.feed(WHOLE)
    assert one.next() is not None


def test_what_follows_a_request_waits() -> None:
    one = reader()
    one.feed(HEAD + HOST + b"Content-Length: 3\r\n\r\nabcdef")
    assert one.next() is not None
    taken = one.take(5)
    assert (taken, one.waiting) == (b"abcde", 1)
    one.give_back(taken[3:])
    assert one.take(9) == b"def"


def test_a_request_that_is_cut_off_shows_what_came_of_it() -> None:
    assert reader().so_far is None
    one = reader()
    one.feed(HEAD + HOST + b"X: y")
    assert one.next() is None
    request = one.so_far
    assert request is not None
    assert request.shape.headers == (("Host", "a"),)
    assert (request.line, request.header_bytes) == (b"GET / HTTP/1.1", len(HEAD + HOST))


@given(st.lists(requests(), max_size=3).map(b"".join), st.data())
@example(WHOLE * 3, None)
def test_how_the_bytes_are_cut_changes_nothing(data: bytes, draw: st.DataObject | None) -> None:
    cuts = [] if draw is None else sorted(draw.draw(st.sets(st.integers(0, len(data)))))
    edges = [0, *cuts, len(data)]
    pieces = [data[a:b] for a, b in pairwise(edges)]
    whole = read_in([data], SMALL)
    assert read_in(pieces, SMALL) == whole
    assert read_in([data[n : n + 1] for n in range(len(data))], SMALL) == whole


def noise(rng: Random) -> bytes:
    return rng.randbytes(rng.randrange(80))


@given(st.integers(0, 1 << 40))
def test_no_bytes_bring_the_reader_down(seed: int) -> None:
    """100 times 500 byte strings: 50,000. HYPOTHESIS_PROFILE=long tries more."""
    rng = Random(seed)
    for n in range(500):
        data = noise(rng) if n % 10 == 0 else make(rng, long=n % 10 == 1)
        for request in read_in([data * (1 + n % 2)]):
            shape = request.shape
            assert shape.fault is not Fault.NONE or shape.method
            assert request.header_bytes <= 2 * len(data)
            if request.framing is Framing.LENGTH:
                assert request.body_bytes > 0


def test_memory_is_bounded_by_the_buffers() -> None:
    """A client that feeds as much as nginx would read is cut off, whatever it sends."""
    one = reader()
    tracemalloc.start()
    try:
        sent = 0
        while one.next() is None:
            sent += one.room
            one.feed(b"a: " + b"\r\na: " * (one.room // 5) if sent == one.room else b"a" * one.room)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sent < 50_000
    assert peak < 1 << 20
