"""Header blocks as nginx writes them: status and Retry-After are found, the rest is passed by."""

from __future__ import annotations

import pytest

from simkit.live.frames import literal
from simkit.live.hpack import read_block

SIZE_0 = b"\x20"  # a table of no size, said once a connection
SERVER = b"\x0f\x27\x05nginx"  # name 54 of the static table, not indexed
DATE = b"\x61\x96" + bytes(22)  # name 33, to be indexed; a value in Huffman's code
FORBIDDEN = b"\x48\x03403"


@pytest.mark.parametrize(
    ("block", "found"),
    [
        (b"\x88", (200, "")),
        (b"\x8d", (404, "")),
        (SIZE_0 + FORBIDDEN + SERVER + DATE, (403, "")),
        (b"\x08\x03429" + SERVER + b"\x0f\x26\x012", (429, "2")),
        (FORBIDDEN + literal("retry-after", "30"), (403, "30")),
        # 120 in Huffman's code takes two bytes: 00001 00010 00000, and a one
        (b"\x88\x0f\x26\x82" + bytes((0b00001000, 0b10000001)), (200, "120")),
        # 3600: 011001 011100 00000 00000 takes 22 bits
        (b"\x88\x0f\x26\x83" + bytes((0b01100101, 0b11000000, 0b00000011)), (200, "3600")),
        (b"\x88" + literal("x" * 200, "y" * 300) + SERVER, (200, "")),
        (b"", (0, "")),
    ],
)
def test_status_and_retry_after_are_found(block: bytes, found: tuple[int, str]) -> None:
    assert read_block(block) == found


def test_a_date_in_huffmans_code_counts_as_nothing() -> None:
    assert read_block(b"\x88\x0f\x26\x82\xff\xff") == (200, "")
