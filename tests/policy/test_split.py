"""`split_clients`; a configuration in configs/ holds single values against nginx."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from simkit.policy.split import SplitTable, murmur_hash2
from tests.policy.making import load_http


def test_shares_are_what_they_say(tmp_path: Path) -> None:
    text = "split_clients $remote_addr $x { 0.5% a; 20% b; 30.25% c; } server { }"
    table = load_http(tmp_path, text).http.maps["x"]
    assert isinstance(table, SplitTable)
    found = Counter(table.find(str(i).encode()) for i in range(100_000))
    shares = [found[number] / 100_000 for number in range(4)]
    assert shares == pytest.approx([0.4925, 0.005, 0.2, 0.3025], abs=0.005)


def test_the_rest_and_all_of_it(tmp_path: Path) -> None:
    text = "split_clients $uri $x {{ {} }} server {{ }}"
    for lines, numbers in (("10% a; * b;", {1, 2}), ("* a;", {1}), ("100% a;", {1})):
        table = load_http(tmp_path, text.format(lines)).http.maps["x"]
        assert isinstance(table, SplitTable)
        assert {table.find(str(i).encode()) for i in range(1000)} == numbers


def test_the_hash_of_nothing_is_nothing() -> None:
    assert murmur_hash2(b"") == 0
    assert len({murmur_hash2(bytes([i]) * n) for i in range(1, 50) for n in range(1, 9)}) == 49 * 8
