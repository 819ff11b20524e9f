"""Answers are read as they come, wherever they are cut."""

from __future__ import annotations

import pytest

from simkit.live.crowd.answers import AnswerReader, Seen

PAGE = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nno no"
LIMITED = b"HTTP/1.1 429 Too Many\r\nretry-after: 2\r\ncontent-length: 0\r\n\r\n"
CLOSING = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"
OLD = b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx"
OLD_KEPT = b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\nx"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n" + PAGE
BODILESS = b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (PAGE, Seen(403, 5, "", keeps=True)),
        (LIMITED, Seen(429, 0, "2", keeps=True)),
        (CLOSING, Seen(400, 2, "", keeps=False)),
        (OLD, Seen(200, 1, "", keeps=False)),
        (OLD_KEPT, Seen(200, 1, "", keeps=True)),
        (CHUNKED, Seen(200, 13, "", keeps=True)),
        (INTERIM, Seen(403, 5, "", keeps=True)),
        (BODILESS, Seen(204, 0, "", keeps=True)),
    ],
)
def test_an_answer_is_the_same_wherever_it_is_cut(answer: bytes, seen: Seen) -> None:
    for cut in range(1, len(answer)):
        reader = AnswerReader()
        assert reader.feed(answer[:cut]) is None
        assert reader.feed(answer[cut:]) == seen
        assert reader.end() is None


def test_answers_follow_each_other() -> None:
    reader = AnswerReader()
    assert [reader.feed(one) for one in (PAGE, LIMITED, PAGE)] == [
        Seen(403, 5, "", keeps=True),
        Seen(429, 0, "2", keeps=True),
        Seen(403, 5, "", keeps=True),
    ]


def test_an_answer_to_a_head_has_no_body() -> None:
    reader = AnswerReader()
    reader.next_is_head = True
    top = PAGE.partition(b"no no")[0]
    assert reader.feed(top) == Seen(403, 0, "", keeps=True)


def test_what_has_no_length_ends_with_the_connection() -> None:
    reader = AnswerReader()
    assert reader.feed(b"HTTP/1.1 200 OK\r\n\r\nabc") is None
    assert reader.feed(b"def") is None
    assert reader.end() == Seen(200, 6, "", keeps=False)


def test_an_answer_that_is_cut_off_is_none() -> None:
    for cut in (1, len(PAGE) - 1):
        reader = AnswerReader()
        reader.feed(PAGE[:cut])
        assert reader.end() is None


def test_a_body_can_be_passed_over_unread() -> None:
    reader = AnswerReader()
    assert reader.left == 0
    assert reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc") is None
    assert reader.left == 97
    assert reader.skip(90) is None
    assert reader.skip(7) == Seen(200, 100, "", keeps=True)
    assert reader.left == 0
