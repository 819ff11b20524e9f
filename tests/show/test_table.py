"""The table of a comparison: what stands in it, how it fits, how hostile text is shown."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from rich.console import Console
from scipy import stats

from simkit.measures.intervals import Interval
from simkit.show.columns import Column, best, columns, number
from simkit.show.console import PLAIN_WIDTH, make_console
from simkit.show.table import comparison_tables, print_comparison
from simkit.study.compare import Comparison
from simkit.study.outcome import ALL_HONEST, SERVER
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


def test_marks_hold_for_all_pairs_together() -> None:
    """A difference that one interval would show, and three that hold together do not."""
    found = example()
    drops = np.array([found.values(s, "cpu_s", SERVER) for s in found.strategies])
    noise = np.array([-1.0, 1.0, -0.5, 0.5, 2.0, -2.0, 0.25, -0.25])
    width = noise.std(ddof=1) / len(noise) ** 0.5
    shift = 2.6 * width - noise.mean()
    assert stats.t.ppf(0.975, 7) < 2.6 < stats.t.ppf(1 - 0.05 / 3 / 2, 7)
    moved = with_cpu(found, {"polite": drops[0] + noise + shift, "silent": drops[0] + 50.0})
    assert moved.difference("polite", "open", "cpu_s", SERVER).excludes(0.0)
    column = Column("cpu", "CPU", "", "s", "", cells(moved), ("cpu_s", SERVER))
    assert best(column, moved) == {"open", "polite"}


def with_cpu(found: Comparison, seconds: dict[str, npt.NDArray[np.float64]]) -> Comparison:
    """The comparison with other CPU times of these strategies."""
    return replace(
        found,
        outcomes=tuple(
            replace(o, load=replace(o.load, server={"cpu_s": seconds[o.strategy][o.replication]}))
            if o.strategy in seconds
            else o
            for o in found.outcomes
        ),
    )


def cells(found: Comparison) -> dict[str, Interval]:
    return {s: found.interval(s, "cpu_s", SERVER) for s in found.strategies}


def test_with_one_replication_nothing_is_marked() -> None:
    found = example(1)
    assert not any(best(c, found) for c in columns(found) if c.sampled)


def test_the_wait_is_that_of_served_honest_wishes() -> None:
    found = example()
    wait = by_key(found)[f"honest_wish_p95_ms {SERVER}"]
    assert wait.cells["open"] == found.interval("open", "honest_wish_p95_ms", SERVER)
    assert "wishes that were served" in wait.legend
    assert not any("honest_latency" in key for key in by_key(found))


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
