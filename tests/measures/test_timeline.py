"""Timelines of made-up runs, small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest

from simkit.measures.timeline import CONNECTIONS, SLOTS, UNDER_WAY, Readings, timeline
from simkit.wire import SightKind
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
    told = timeline(run, workers=1, bins=2)
    assert told is not None
    assert told.starts_s.tolist() == [0.0, 5.0]
    assert told.arrivals_per_s[SHOPPERS].tolist() == [2 / 5, 0.0]
    assert told.arrivals_per_s[FLOOD].tolist() == [0.0, 3 / 5]
    np.testing.assert_allclose(told.refused_percent[SHOPPERS], [0.0, np.nan])
    np.testing.assert_allclose(told.refused_percent[FLOOD], [np.nan, 200 / 3])


def test_readings_are_the_servers_own() -> None:
    run = made_run([{"sent_ns": S}], [])
    times_s = np.array([0.0, 2.5, 5.0, 7.5, 10.0])
    rising = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    readings = Readings(times_s, 2 * rising, rising, np.array([0.0, 0.1, 1.0, 1.0, 1.5]))
    told = timeline(run, workers=2, readings=readings, bins=2)
    assert told is not None
    assert not told.derived
    assert told.held[SLOTS].tolist() == [0.0, 2.0, 4.0, 6.0, 8.0]
    assert told.held[CONNECTIONS].tolist() == rising.tolist()
    assert told.cpu_percent.tolist() == pytest.approx([100 * 1.0 / 10, 100 * 0.5 / 10])


def test_without_readings_the_cost_is_where_its_causes_are() -> None:
    run = made_run(
        [
            {"sent_ns": 0},
            {"sent_ns": 6 * S, "reused": 1, "refused": 1, "sight": int(SightKind.EMPTY)},
            {"sent_ns": 7 * S, "reused": 1},
        ],
        [],
        load={"cpu_s": 1.0, "cpu_accept_s": 0.3, "cpu_silent_s": 0.2, "cpu_static_s": 0.2},
    )
    told = timeline(run, workers=1, bins=2)
    assert told is not None
    assert told.derived
    # Accepting was for the first request, silence for the second, files for the first and third;
    # what no cause explains (0.3 s) belongs to all three.
    first, second = 0.3 + 0.1 + 0.1, 0.2 + 0.1 + 0.2
    assert told.cpu_percent.tolist() == pytest.approx([100 * first / 5, 100 * second / 5])


def test_without_readings_requests_under_way_are_counted() -> None:
    run = made_run(
        [{"sent_ns": 0, "latency_ns": 6 * S}, {"sent_ns": 4 * S, "latency_ns": 10 * S}], []
    )
    told = timeline(run, workers=1, bins=2)
    assert told is not None
    assert told.held_s.tolist() == [0.0, 1.25, 2.5, 3.75, 5.0, 6.25, 7.5, 8.75, 10.0]
    assert told.held[UNDER_WAY].tolist() == [0, 1, 1, 1, 2, 1, 1, 1, 1]


def test_honest_wishes_have_their_latency() -> None:
    wish = {"served": 1, "start_ns": 6 * S, "end_ns": 7 * S}
    told = timeline(made_run([{"sent_ns": 6 * S}], [wish]), workers=1, bins=2)
    assert told is not None
    np.testing.assert_allclose(told.wish_p50_ms, [np.nan, 1000.0])
    np.testing.assert_allclose(told.wish_p95_ms, [np.nan, 1000.0])


def test_without_rows_there_is_none() -> None:
    assert timeline(made_run([], []), workers=1) is None
