"""Runs that recorded totals only: what they can answer, and what says that it cannot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from simkit.engine.run import REQUESTS, WISHES, Run, table
from simkit.errors import InputError
from simkit.measures.answers import AnswerSum, answer_table
from simkit.measures.by_phase import by_phase, latency_series_ms
from simkit.measures.clients import people, run_shares, shared_addresses
from simkit.measures.drops import drops_of
from simkit.measures.load import answered_requests_ms, load_of
from simkit.measures.over_time import over_time
from simkit.measures.waiting import recoveries, served_wishes
from simkit.wire import SightKind
from tests.made_up import made_run, random_run

SCENARIO: Any = None
ON_ROWS: dict[str, Callable[[Run], object]] = {
    "drops": drops_of,
    "load": load_of,
    "requests": answered_requests_ms,
    "wishes": served_wishes,
    "recoveries": recoveries,
    "over time": lambda run: over_time(run, 1.0),
    "phases": partial(by_phase, scenario=SCENARIO),
    "series": latency_series_ms,
    "shares": run_shares,
    "people": people,
    "addresses": shared_addresses,
}


def totals(run: Run) -> Run:
    """The same run as it would have been recorded with sums alone."""
    requests, wishes = (
        table({name: [] for name in schema}, schema) for schema in (REQUESTS, WISHES)
    )
    return replace(run, requests=requests, wishes=wishes)


@pytest.mark.parametrize("measure", ON_ROWS)
def test_what_needs_rows_says_so(measure: str) -> None:
    with pytest.raises(InputError, match="recorded totals only") as caught:
        ON_ROWS[measure](totals(random_run("silent", 1, 0)))
    assert 'record="all"' in str(caught.value.hint)


def test_a_run_in_which_nothing_happened_is_counted() -> None:
    assert drops_of(made_run([], [])).honest.wishes == 0


def test_answers_need_no_rows() -> None:
    rows = [
        {"cohort": 0, "status": 200, "bytes": 10},
        {"cohort": 0, "status": 200, "bytes": 30},
        {"cohort": 4, "status": 200, "bytes": 5},
        {"cohort": 4, "status": 444, "sight": int(SightKind.EMPTY), "refused": 1},
        {"cohort": 4, "status": 0, "sight": int(SightKind.RESET), "refused": 1},
    ]
    run = made_run(rows, [])
    assert answer_table(totals(run)) == (
        AnswerSum("200", True, False, 2, 40),
        AnswerSum("200", False, False, 1, 5),
        AnswerSum("444 (closed, nothing sent)", False, True, 1, 0),
        AnswerSum("nothing logged (reset)", False, True, 1, 0),
    )
