"""Drops of runs small enough to be counted by hand."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit.engine.run import Run
from simkit.measures.drops import CohortDrops, drops_of
from tests.made_up import COHORTS, Row, made_rule, made_run

SHOPPERS, MONITOR, SCANNER = 0, 2, 3


def request(cohort: int, **given: int) -> Row:
    return {"cohort": cohort, **given}


def wish(cohort: int, **given: int) -> Row:
    return {"cohort": cohort, "attempts": 1, **given}


@pytest.fixture
def run() -> Run:
    requests = [
        request(SHOPPERS, wish=0, item=0, attempt=0),
        request(SHOPPERS, wish=0, item=1, attempt=0, refused=1, rule=0),
        request(SHOPPERS, wish=0, item=1, attempt=1),
        request(SHOPPERS, wish=1, attempt=0, refused=1, rule=0),
        request(SHOPPERS, wish=1, attempt=1, refused=1, rule=0),
        request(SHOPPERS, wish=2, attempt=0),
        request(SHOPPERS, wish=3, attempt=0, refused=1, rule=0),
        request(MONITOR, wish=0, attempt=0, refused=1, rule=1),
        request(SCANNER, wish=0, attempt=0, refused=1, rule=1),
        request(SCANNER, wish=1, attempt=0),
    ]
    wishes = [
        wish(SHOPPERS, wish=0, attempts=3, served=1, refusals=1, rule=0),
        wish(SHOPPERS, wish=1, attempts=2, refusals=2, rule=0),
        wish(SHOPPERS, wish=2, attempts=1, rule=-1),
        wish(SHOPPERS, wish=3, attempts=1, refusals=1, rule=0, open=1),
        wish(MONITOR, wish=0, refusals=1, rule=1),
        wish(SCANNER, wish=0, refusals=1, rule=1),
        wish(SCANNER, wish=1, served=1),
    ]
    return made_run(requests, wishes, rules=(made_rule(7), made_rule(8)))


def test_a_cohort_counted_by_hand(run: Run) -> None:
    assert drops_of(run).of("shoppers") == CohortDrops(
        "shoppers",
        honest=True,
        clients=3,
        requests=7,
        refused=4,
        items=5,
        wishes=3,
        open=1,
        served=1,
        dropped=1,
        failed=1,
        recovered=1,
        attempts=6,
    )


def test_shares(run: Run) -> None:
    shoppers = drops_of(run).of("shoppers")
    assert shoppers.refused_share == 4 / 7
    assert shoppers.dropped_share == shoppers.failed_share == shoppers.served_share == 1 / 3
    assert shoppers.recoverable_share == 1 / 2
    assert shoppers.attempts_per_wish == 2.0
    assert shoppers.attempts_per_item == 7 / 5


def test_both_sides(run: Run) -> None:
    found = drops_of(run)
    assert (found.honest.wishes, found.honest.dropped) == (4, 2)
    assert (found.hostile.wishes, found.hostile.served) == (2, 1)
    with pytest.raises(KeyError, match="nobody"):
        found.of("nobody")


def test_rules_and_whom_they_hurt(run: Run) -> None:
    table = [(r.rule.decisive.line, r.cohort, r.refused, r.dropped) for r in drops_of(run).rules]
    assert table == [(7, "shoppers", 4, 1), (8, "monitor", 1, 1), (8, "path_scanner", 1, 1)]


def test_nothing_below_the_line_is_no_number() -> None:
    empty = drops_of(made_run([], []))
    assert empty.honest.wishes == 0
    assert isnan(empty.honest.dropped_share)
    assert isnan(empty.of("monitor").attempts_per_item)
    assert empty.rules == ()


def test_frame_has_a_row_for_each_cohort_and_side(run: Run) -> None:
    frame = drops_of(run).to_frame().set_index("cohort")
    assert list(frame.index) == [*(c.name for c in COHORTS), "honest", "hostile"]
    assert frame.loc["shoppers", "dropped_share"] == pytest.approx(1 / 3)


WISHES = st.lists(
    st.fixed_dictionaries(
        {
            "cohort": st.integers(0, 5),
            "served": st.integers(0, 1),
            "open": st.integers(0, 1),
            "refusals": st.integers(0, 2),
            "attempts": st.integers(1, 9),
        }
    ),
    max_size=40,
)


@given(WISHES)
def test_every_wish_has_one_fate(wishes: list[Row]) -> None:
    found = drops_of(made_run([], wishes))
    for row in (*found.cohorts, found.honest, found.hostile):
        assert row.wishes == row.served + row.dropped + row.failed
        assert row.recovered <= row.served
    total = sum(row.wishes + row.open for row in found.cohorts)
    assert total == len(wishes)
    ended = np.array([w["attempts"] for w in wishes if not w["open"]])
    assert sum(row.attempts for row in found.cohorts) == ended.sum()
