"""The table of a comparison: what stands in it, how it fits, how hostile text is shown."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from simkit.measures.intervals import Interval
from simkit.show.columns import Column, best, columns, number, tied
from simkit.show.console import PLAIN_WIDTH, make_console
from simkit.show.table import comparison_tables, print_comparison
from simkit.study.compare import Comparison
from simkit.study.outcome import ALL_HONEST
from tests.show.example import example


def printed(found: Comparison, width: int = 120) -> str:
    out = io.StringIO()
    print_comparison(found, Console(file=out, width=width))
    return out.getvalue()


def by_key(found: Comparison) -> dict[str, Column]:
    return {column.key: column for column in columns(found)}


def test_each_strategy_is_a_row_with_units_and_intervals() -> None:
    found = example()
    text = printed(found)
    lines = text.splitlines()
    assert [line.split()[0] for line in lines if line.startswith(found.strategies)][:3] == list(
        found.strategies
    )
    interval = found.interval("silent", "false_drops_per_wish", ALL_HONEST)
    assert f"{number(interval.low)}–{number(interval.high)}" in text
    for unit in ("right", "% wishes", "per wish", "% of core", "ms"):
        assert unit in text


def test_one_table_fits_into_120_columns_and_narrow_ones_are_split() -> None:
    found = example(names=("open", "recommended"))
    assert len(comparison_tables(found, 120)) == 1
    assert len(comparison_tables(found, 80)) == 2
    for width in (80, 100, 120, 140):
        assert max(map(len, printed(found, width).splitlines())) <= width
        assert "…" not in printed(found, width)


def test_where_there_is_no_terminal_the_width_is_fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert make_console(io.StringIO()).width == PLAIN_WIDTH


def test_the_best_are_marked_with_a_sign() -> None:
    found = example()
    drops = by_key(found)[f"false_drops_per_wish {ALL_HONEST}"]
    assert best(drops, found) == {"open"}
    row = next(line for line in printed(found).splitlines() if line.startswith("open"))
    assert "0.00*" in row


def test_where_nothing_differs_nothing_is_marked() -> None:
    found = example()
    presence = next(c for key, c in by_key(found).items() if key.startswith("presence"))
    assert best(presence, found) == frozenset()
    slots = next(c for key, c in by_key(found).items() if key.startswith("peak_slots"))
    assert best(slots, found) == frozenset()
    assert tied(found, "open", "peak_slots", "(server)") == ("polite", "silent")


def test_computed_numbers_are_compared_as_they_are() -> None:
    found = example()
    path = by_key(found)["path scanner"]
    assert best(path, found) == {"polite", "silent"}
    assert path.cells["open"].mean == pytest.approx(100.0)
    assert path.text(100 / 3) == "33.3%"


def test_one_replication_shows_no_interval_and_says_so() -> None:
    text = printed(example(replications=1))
    assert "One replication has no interval" in text
    assert "–" not in text.split("\n\n")[0].splitlines()[6]


def test_names_cannot_steer_the_terminal_or_the_markup() -> None:
    found = example()
    evil = "[red]\x1b[2J"
    named = {evil if s == "silent" else s: v for s, v in found.leakage.items()}
    outcomes = tuple(
        replace(o, strategy=evil if o.strategy == "silent" else o.strategy) for o in found.outcomes
    )
    text = printed(
        replace(found, strategies=("open", "polite", evil), outcomes=outcomes, leakage=named)
    )
    assert "\x1b" not in text
    assert "[red]\\x1b[2J" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.00"), (9.994, "9.99"), (9.996, "10.0"), (99.96, "100"), (1234.5, "1234")],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text


def test_a_missing_number_is_a_dash() -> None:
    assert number(float("nan")) == "–"
    nothing = Interval(float("nan"), float("nan"), float("nan"), 0)
    column = Column("a", "A", "", "", "", {"open": nothing}, ("a", "b"))
    assert best(column, example()) == frozenset()
