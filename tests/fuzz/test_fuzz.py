"""Hostile strings in CI, and that a campaign finds what it is there to find.

`make fuzz` tries a million of them.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from simkit.errors import InputError
from tests.fuzz import configurations
from tests.fuzz.campaign import HarmError, bounded, try_all
from tests.fuzz.targets import TARGETS, check

ROOT = Path(__file__).parents[2]
COUNT = 50_000


def campaign(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.fuzz.campaign", *words]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False
    )


def test_50_000_configurations_do_no_harm() -> None:
    """In processes of their own, for they have an alarm and bounded memory."""
    edges = (0, COUNT // 2, COUNT)
    halves = [("--first", str(first), "--until", str(until)) for first, until in pairwise(edges)]
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda words: campaign("configurations", *words), halves))
    assert [one.returncode for one in done] == [0, 0], "".join(one.stderr for one in done)
    for one in done:
        counts = {name: int(n) for name, n in re.findall(r"([a-z]+): ([0-9]+)", one.stdout)}
        assert counts["refused"] > COUNT // 4
        assert counts["answered"] > COUNT // 40
        assert sum(counts.values()) == COUNT // 2


def test_requests_do_no_harm() -> None:
    """tests/live/serve/test_reading.py tries 50,000; here they are answered, too."""
    done = campaign("requests", "--first", "50000", "--until", "52000")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", TARGETS)
def test_a_string_is_a_function_of_seed_and_number(tmp_path: Path, name: str) -> None:
    target = TARGETS[name](tmp_path)
    numbers = range(40)
    strings = [target.make(1, n) for n in numbers]
    assert strings == [target.make(1, n) for n in numbers]
    assert strings != [target.make(2, n) for n in numbers]
    assert len(set(strings)) > 35


def test_a_string_can_be_shown() -> None:
    shown = campaign("configurations", "--show", "4").stdout
    made = configurations.make(1, 4, configurations.corpus())
    assert shown == made.decode("utf-8", "replace")


class Fragile:
    """Breaks at one string, and not before."""

    def __init__(self, at: int, how: str) -> None:
        self.at, self.how = str(at).encode(), how

    def make(self, seed: int, number: int) -> bytes:
        return str(number).encode()

    def attempt(self, data: bytes) -> str:
        if data == self.at:
            if self.how == "works on and on":
                while True:
                    pass
            if self.how == "waits":
                time.sleep(60)
            if self.how == "grows":
                bytearray(1 << 40)
            raise ValueError(self.how)
        return "well"


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("breaks", "ValueError: breaks"),
        ("works on and on", "takes longer"),
        ("waits", "takes longer"),
        ("grows", "MemoryError"),
    ],
)
def test_harm_is_found_with_its_number(how: str, said: str) -> None:
    before = signal.getsignal(signal.SIGALRM)
    with bounded(), pytest.raises(HarmError, match=said) as caught:
        try_all(Fragile(7, how), 1, range(20), limit_s=0.1)
    assert caught.value.number == 7
    assert signal.getsignal(signal.SIGALRM) is before


def test_no_harm_is_counted() -> None:
    assert try_all(Fragile(7, "breaks"), 1, range(8, 20)) == {"well": 12}


@pytest.mark.parametrize(
    "error",
    [InputError(""), InputError(" ", file="a", line=1), InputError("bad"),
     InputError("bad", file="a", line=0)],
)  # fmt: skip
def test_an_error_that_says_too_little_is_harm(error: InputError, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        check(error, tmp_path)
