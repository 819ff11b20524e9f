from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit.accesslog.lines import BLOCK_BYTES, MAX_LINE_BYTES, LineSource
from simkit.errors import InputError

LINES = [b"line %d of a small log" % i for i in range(5000)]
TEXT = b"\n".join(LINES) + b"\n"


def numbered(source: LineSource) -> list[tuple[int, bytes]]:
    return [
        (block.first + i, line)
        for block in source.blocks()
        for i, line in enumerate(block.data.split(b"\n"))
    ]


def written(path: Path, data: bytes) -> LineSource:
    path.write_bytes(data)
    return LineSource(path)


def test_plain_and_packed_are_one(tmp_path: Path) -> None:
    wanted = list(enumerate(LINES, 1))
    plain = written(tmp_path / "a", TEXT)
    packed = written(tmp_path / "b", gzip.compress(TEXT))
    assert numbered(plain) == numbered(packed) == wanted
    assert plain.damage is None
    assert packed.damage is None
    assert not plain.unfinished


@given(st.binary(min_size=1, max_size=400))
def test_no_line_is_lost(data: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        source = written(Path(folder) / "log", b"x" + data)
        wanted = (b"x" + data).removesuffix(b"\n").split(b"\n")
        assert [line for _, line in numbered(source)] == wanted
        assert source.unfinished == (not data.endswith(b"\n"))


def test_members_one_after_the_other(tmp_path: Path) -> None:
    data = gzip.compress(b"a\nb") + gzip.compress(b"c\nd\n") + b"\0" * 100
    source = written(tmp_path / "log.gz", data)
    assert numbered(source) == [(1, b"a"), (2, b"bc"), (3, b"d")]
    assert source.damage is None


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
def test_a_cut_file_is_read_up_to_the_cut(tmp_path: Path, kept: float) -> None:
    packed = gzip.compress(TEXT)
    source = written(tmp_path / "log.gz", packed[: int(kept * len(packed))])
    got = [line for _, line in numbered(source)]
    assert source.damage == "the gzip data is cut off: its end is missing"
    assert len(got) > kept * len(LINES) / 2
    assert got[:-1] == LINES[: len(got) - 1]


def test_everything_before_a_damage_is_read(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(TEXT))
    packed[-6] ^= 0xFF  # within the check sum
    source = written(tmp_path / "log.gz", bytes(packed))
    assert [line for _, line in numbered(source)] == LINES
    assert source.damage == "the gzip data is damaged: incorrect data check"


@pytest.mark.parametrize("position", [0.3, 0.6])
def test_a_damage_in_the_middle(tmp_path: Path, position: float) -> None:
    packed = bytearray(gzip.compress(TEXT))
    at = int(position * len(packed))
    packed[at : at + 40] = b"\xff" * 40
    source = written(tmp_path / "log.gz", bytes(packed))
    got = [line for _, line in numbered(source)]
    assert source.damage is not None
    assert got[: len(LINES) // 10] == LINES[: len(LINES) // 10]


def test_bytes_after_the_end_are_reported(tmp_path: Path) -> None:
    source = written(tmp_path / "log.gz", gzip.compress(b"a\n") + b"rubbish")
    assert numbered(source) == [(1, b"a")]
    assert source.damage is not None


def test_a_line_of_megabytes_is_cut_and_memory_is_bounded(tmp_path: Path) -> None:
    long = b"a" * (40 << 20)
    data = gzip.compress(b"first\n" + long + b"\nlast\n", 1)
    source = written(tmp_path / "log.gz", data)
    del long, data
    tracemalloc.start()
    got = [(n, len(line)) for n, line in numbered(source)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [n for n, _ in got] == [1, 2, 3]
    assert MAX_LINE_BYTES < got[1][1] <= MAX_LINE_BYTES + 2 * BLOCK_BYTES
    assert peak < 8 * BLOCK_BYTES


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    assert numbered(written(tmp_path / "log", b"\xef\xbb\xbfa\nb\n")) == [(1, b"a"), (2, b"b")]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "the log is empty"),
        (gzip.compress(b"", mtime=0), "the log is empty"),
        (gzip.compress(b"x", mtime=0)[:5], "cut off"),
        (b"\x1f\x8bno gzip at all", "damaged"),
    ],
)
def test_nothing_to_read_is_an_error(tmp_path: Path, data: bytes, says: str) -> None:
    with pytest.raises(InputError, match=says):
        numbered(written(tmp_path / "log", data))


def test_no_file_is_an_error(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing", Path("a\0b")):
        with pytest.raises(InputError, match="cannot read the log"):
            numbered(LineSource(path))
