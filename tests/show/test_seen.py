"""The table of what an attacker saw names every world, its symbol and its rule."""

from __future__ import annotations

import io

from rich.console import Console

from simkit.show.seen import seen_table
from tests.show.example import SHIPPED, example


def test_each_world_with_its_symbol_and_its_rule() -> None:
    out = io.StringIO()
    Console(file=out, width=250).print(seen_table(example().leakage["silent"], SHIPPED))
    text = out.getvalue()
    rows = [line for line in text.splitlines() if "exists, forbidden" in line]
    assert len(rows) == 2
    assert "silent.conf:" in rows[0]
    assert "gobuster" in rows[0]
    assert "empty" in rows[0]
    assert "no answer" in text
    assert "[" not in text
