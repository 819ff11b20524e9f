"""Reading answers off a connection, in one piece or byte by byte."""

from __future__ import annotations

import pytest

from simkit.live.http1 import Answer, next_answer

LENGTH = b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 3\r\n\r\nabc"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    b"2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n"
)
TO_THE_END = b"HTTP/1.0 200 OK\r\n\r\nabc"


def read(data: bytes, *, head: bool = False, ended: bool = False) -> Answer:
    found = next_answer(data, head=head, ended=ended)
    assert found is not None
    assert found[1] == b""
    return found[0]


@pytest.mark.parametrize("data", [LENGTH, CHUNKED])
def test_an_answer_is_complete_with_its_last_byte_and_not_before(data: bytes) -> None:
    for cut in range(len(data)):
        assert next_answer(data[:cut], head=False, ended=False) is None
    answer = read(data)
    assert (answer.status, answer.body, answer.wire_bytes) == (200, b"abc", len(data))
    assert answer.complete


def test_without_a_length_the_body_goes_on_to_the_end() -> None:
    assert next_answer(TO_THE_END, head=False, ended=False) is None
    answer = read(TO_THE_END, ended=True)
    assert (answer.body, answer.wire_bytes, answer.keeps) == (b"abc", len(TO_THE_END), False)


@pytest.mark.parametrize("data", [LENGTH, CHUNKED])
def test_an_answer_that_was_cut_says_so(data: bytes) -> None:
    answer = read(data[:-2], ended=True)
    assert (answer.status, answer.complete) == (200, False)
    assert not read(data[:10], ended=True).complete


def test_answers_to_head_and_204_have_no_body() -> None:
    top = LENGTH.partition(b"abc")[0]
    found = next_answer(top + LENGTH, head=True, ended=False)
    assert found is not None
    assert (found[0].body, found[0].wire_bytes, found[1]) == (b"", len(top), LENGTH)
    assert read(b"HTTP/1.1 204 No Content\r\n\r\n").status == 204


def test_interim_answers_are_passed_over() -> None:
    assert read(b"HTTP/1.1 100 Continue\r\n\r\n" + LENGTH).status == 200


def test_http_0_9_has_no_head() -> None:
    assert next_answer(b"<html>", head=False, ended=False) is None
    answer = read(b"<html>", ended=True)
    assert (answer.version, answer.status, answer.body) == ("HTTP/0.9", 0, b"<html>")


def test_whether_the_connection_is_kept() -> None:
    def keeps(version: str, connection: str | None) -> bool:
        headers = () if connection is None else (("connection", connection),)
        return Answer(version, 200, headers, b"", 0).keeps

    assert keeps("HTTP/1.1", None)
    assert not keeps("HTTP/1.1", "Close")
    assert keeps("HTTP/1.0", "keep-alive")
    assert not keeps("HTTP/1.0", None)


def test_headers_are_found_whatever_their_case() -> None:
    answer = read(LENGTH)
    assert (answer.header("SERVER"), answer.header("absent")) == ("nginx", None)
