"""A run in bins: counted by hand, and against the whole run."""

from __future__ import annotations

import numpy as np
import pytest

from simkit.measures.over_time import ANSWERS, over_time
from simkit.wire import SightKind
from tests.made_up import made_run, random_run

S = 1_000_000_000


def test_requests_are_counted_by_bin_and_answer() -> None:
    run = made_run(
        [
            {"sent_ns": 0},
            {"sent_ns": 1 * S, "refused": 1},
            {"sent_ns": 3 * S, "refused": 1, "sight": int(SightKind.EMPTY)},
            {"sent_ns": 9 * S, "sight": int(SightKind.NO_ANSWER)},
        ],
        [
            {"start_ns": 0, "end_ns": S, "served": 1},
            {"start_ns": 1 * S, "end_ns": 4 * S, "served": 1, "wish": 1},
            {"start_ns": 9 * S, "end_ns": 9 * S, "wish": 2, "refusals": 1},
        ],
    )
    found = over_time(run, 4.0)
    assert list(found.starts_s) == [0.0, 4.0, 8.0]
    rates = [list(found.requests_per_s[name]) for name in ANSWERS]
    assert rates == [[0.25, 0, 0], [0.25, 0, 0], [0.25, 0, 0], [0, 0, 0.5]]
    assert found.wish_p50_ms[0] == 2_000.0
    assert np.isnan(found.wish_p50_ms[1:]).all()


def test_the_bins_hold_every_request() -> None:
    run = random_run("silent", 1, 0)
    found = over_time(run, 0.7)
    lengths = np.minimum(0.7, 10.0 - found.starts_s)
    total = sum(float(rate @ lengths) for rate in found.requests_per_s.values())
    assert total == pytest.approx(run.requests["sent_ns"].size)


def test_bins_have_a_length() -> None:
    with pytest.raises(ValueError, match="bins"):
        over_time(made_run([], []), 0.0)
