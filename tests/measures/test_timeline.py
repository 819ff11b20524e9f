"""Timelines of made-up runs, small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest

from simkit.measures.timeline import CONNECTIONS, SLOTS, timeline
from tests.made_up import made_run

S = 1_000_000_000
SHOPPERS, FLOOD = 0, 4


def test_arrivals_and_shares_refused_by_cohort() -> None:
    run = made_run(
        [
            {"sent_ns": 0},
            {"sent_ns": 5 * S - 1},
            {"sent_ns": 5 * S, "cohort": FLOOD, "refused": 1},
            {"sent_ns": 9 * S, "cohort": FLOOD, "refused": 1},
            {"sent_ns": 10 * S - 1, "cohort": FLOOD},
        ],
        [],
    )
    told = timeline(run, workers=1)
    assert told is not None
    assert told.starts_s.tolist() == [0.0, 5.0]
    assert told.arrivals_per_s[SHOPPERS].tolist() == [2 / 5, 0.0]
    assert told.arrivals_per_s[FLOOD].tolist() == [0.0, 3 / 5]
    np.testing.assert_allclose(told.refused_percent[SHOPPERS], [0.0, np.nan])
    np.testing.assert_allclose(told.refused_percent[FLOOD], [np.nan, 200 / 3])


def test_what_the_server_held_is_what_it_counted() -> None:
    seen = {
        "time_ns": [5 * S, 10 * S],
        "slots": [4, 8],
        "connections": [2, 4],
        "cpu_ns": [S, 3 * S],
    }
    told = timeline(made_run([{"sent_ns": S}], [], series=seen), workers=2)
    assert told is not None
    assert told.held_s.tolist() == [0.0, 5.0, 10.0]
    assert told.held[SLOTS].tolist() == [0.0, 4.0, 8.0]
    assert told.held[CONNECTIONS].tolist() == [0.0, 2.0, 4.0]
    assert told.cpu_percent.tolist() == pytest.approx([100 * 1.0 / 10, 100 * 2.0 / 10])


def test_honest_wishes_have_their_latency() -> None:
    wish = {"served": 1, "start_ns": 6 * S, "end_ns": 7 * S}
    told = timeline(made_run([{"sent_ns": 6 * S}], [wish]), workers=1)
    assert told is not None
    np.testing.assert_allclose(told.wish_p50_ms, [np.nan, 1000.0])
    np.testing.assert_allclose(told.wish_p95_ms, [np.nan, 1000.0])


def test_without_rows_there_is_none() -> None:
    assert timeline(made_run([], []), workers=1) is None
