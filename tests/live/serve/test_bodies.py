"""Bodies: where they end, chunk by chunk or by their length."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit.live.serve.bodies import Body, BodyError
from simkit.live.serve.reading import Framing

CHUNKED = b"5\r\nhello\r\n6;name=value\r\n world\r\n0\r\nTrailer: x\r\n\r\n"


def take(data: bytes, pieces: int | None = None) -> tuple[bytes, bytes, bool]:
    body = Body(Framing.CHUNKED, 0)
    size = pieces or len(data)
    content = rest = b""
    for at in range(0, len(data), size):
        found, left = body.take(data[at : at + size])
        content, rest = content + found, rest + left
    return content, rest, body.done


def test_a_body_of_known_length_leaves_what_follows() -> None:
    body = Body(Framing.LENGTH, 5)
    assert (body.take(b"hel"), body.done, body.room) == ((b"hel", b""), False, 2)
    assert (body.take(b"loGET"), body.done, body.read_bytes) == ((b"lo", b"GET"), True, 5)


def test_no_body_is_done_at_once() -> None:
    assert Body(Framing.NONE, 0).take(b"GET") == (b"", b"GET")


@pytest.mark.parametrize("pieces", [1, 2, 3, 7, None])
def test_chunks_are_joined(pieces: int | None) -> None:
    assert take(CHUNKED + b"GET", pieces) == (b"hello world", b"GET", True)


def test_a_line_feed_may_stand_alone() -> None:
    assert take(CHUNKED.replace(b"\r\n", b"\n")) == (b"hello world", b"", True)


WRONG = [b"zz\r\n", b"\r\n", b"-1\r\n", b"5\r\nhelloX", b"5 x\r\r", b"0\rX", b"8" * 17 + b"\r\n",
         b"0\r\n\rX", b"5\r\nhello\rX", b"5\n\r\nhello\r\n;"]  # fmt: skip


@pytest.mark.parametrize("data", WRONG)
def test_what_is_no_chunk_is_an_error(data: bytes) -> None:
    with pytest.raises(BodyError):
        take(data)


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=5), st.binary(max_size=9))
def test_what_was_cut_into_chunks_comes_back(parts: list[bytes], after: bytes) -> None:
    data = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    assert take(data + after) == (b"".join(parts), after, True)


PIECES = [b"5", b"0", b"\r\n", b"hello", b"\n", b";x", b" ", b"ff", b"A: b"]


@given(st.binary(max_size=60) | st.lists(st.sampled_from(PIECES)).map(b"".join))
def test_any_bytes_end_alike_however_they_are_cut(data: bytes) -> None:
    def outcome(pieces: int | None) -> object:
        try:
            return take(data, pieces) if data else None
        except BodyError:
            return "wrong"

    assert outcome(1) == outcome(None)
