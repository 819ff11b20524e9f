"""The course of a comparison's runs: that its numbers are those of the runs."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from simkit.measures.over_time import ANSWERS, over_time
from simkit.study.courses import (
    COURSES,
    P95,
    SENT,
    answer_totals,
    answered,
    series_of,
    warm_up_text,
    write_courses,
)
from simkit.study.detail import BINS
from simkit.study.outcome import ALL_HOSTILE
from tests.made_up import LENGTH_S, random_run
from tests.show.example import example

REPLICATIONS = 8


def test_series_are_means_over_the_runs_with_their_intervals() -> None:
    series = {s.name: s for s in series_of(example(), "silent")}
    runs = [
        over_time(random_run("silent", 1, number), LENGTH_S / BINS)
        for number in range(REPLICATIONS)
    ]
    waits = np.array([run.wish_p95_ms for run in runs])
    assert series[P95].means == pytest.approx(np.nanmean(waits, axis=0))
    low, high = ttest_1samp(waits[:, 5], 0.0, nan_policy="omit").confidence_interval(0.95)
    assert (series[P95].values[5].low, series[P95].values[5].high) == pytest.approx((low, high))
    parts = sum(series[name].means for name in ANSWERS)
    assert series[SENT].means == pytest.approx(parts)
    sent = [random_run("silent", 1, n).requests["sent_ns"].size for n in range(REPLICATIONS)]
    assert series[SENT].means.sum() * LENGTH_S / BINS == pytest.approx(np.mean(sent))


def test_answers_add_up_to_all_requests() -> None:
    found = example()
    rows = [row for row in answered(found) if row.strategy == "silent"]
    total = answer_totals(found, "silent")
    assert sum(row.requests.mean for row in rows) == pytest.approx(total["requests"].mean)
    sent = [random_run("silent", 1, n).requests["sent_ns"].size for n in range(REPLICATIONS)]
    assert total["requests"].mean == pytest.approx(np.mean(sent))
    assert total["requests"].known


def test_phases_are_reported_apart() -> None:
    found = example()
    rows = [r for r in COURSES["phases"](found) if r["strategy"] == "open"]
    assert list(dict.fromkeys(r["phase"] for r in rows)) == ["ordinary", "flood"]
    assert [r["from_s"] for r in rows if r["measure"] == "misses"] == [0.0, 4.0, 8.0]
    assert "not stationary: flood comes and goes" in warm_up_text(found)


def test_who_asks_for_nothing_is_no_miss_in_a_phase_either() -> None:
    found = example()
    rows = [
        r for r in COURSES["phases"](found) if (r["measure"], r["strategy"]) == ("misses", "polite")
    ]
    whole = found.interval("polite", "misses", ALL_HOSTILE).mean
    shares: list[Any] = [r["mean"] for r in rows]
    assert np.average(shares, weights=[4, 4, 2]) == pytest.approx(whole, rel=0.02)


def test_files_hold_the_tables(tmp_path: Path) -> None:
    paths = write_courses(example(), tmp_path)
    assert [p.stem for p in paths] == list(COURSES)
    for path in paths:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert {row["strategy"] for row in rows} <= set(example().strategies)
    assert len(example().to_frame("over_time")) == 3 * BINS * (len(ANSWERS) + 3)


def test_one_replication_has_no_interval() -> None:
    assert all(r["low"] is None for r in COURSES["over_time"](example(1)))
