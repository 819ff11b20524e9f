"""How long clients wait: counted by hand."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest

from simkit.measures.waiting import (
    Recovery,
    both_served,
    recoveries,
    served_wishes,
    wish_latency_ms,
)
from tests.made_up import Row, made_run

MS = 1_000_000
SHOPPERS, SCANNER = 0, 3


def wish(number: int, took_ms: int = 10, **given: int) -> Row:
    start_ns = 1_000 * number * MS
    row = {"wish": number, "start_ns": start_ns, "end_ns": start_ns + took_ms * MS, "served": 1}
    return {**row, **given}


def test_only_honest_wishes_that_were_served_count() -> None:
    run = made_run(
        [],
        [
            wish(0, 10),
            wish(1, 30),
            wish(2, 999, served=0),
            wish(3, 999, open=1),
            wish(4, 999, cohort=SCANNER),
        ],
    )
    assert list(wish_latency_ms(run, served_wishes(run))) == [10.0, 30.0]
    assert list(wish_latency_ms(run, served_wishes(run, ("path_scanner",)))) == [999.0]


def test_wishes_that_both_serve_are_the_same_ones() -> None:
    """Wish 1 is dropped here, wish 2 there, and wish 0 of another client is another wish."""
    here = made_run([], [wish(0, 10), wish(1, 20, served=0), wish(2, 30), wish(3, 40)])
    there = made_run(
        [], [wish(0, 99, client=1), wish(1, 21), wish(2, 31, served=0), wish(3, 41), wish(0, 11)]
    )
    masks = both_served(here, there)
    assert list(wish_latency_ms(here, masks[0])) == [10.0, 40.0]
    assert sorted(wish_latency_ms(there, masks[1])) == [11.0, 41.0]


def test_recovery_runs_from_the_first_refusal() -> None:
    """Refused at 5 and 25 ms (seen 2 ms later each), served after 100 ms: 93 ms of waiting."""
    requests = [
        {"wish": 0, "sent_ns": 25 * MS, "latency_ns": 2 * MS, "refused": 1, "attempt": 1},
        {"wish": 0, "sent_ns": 5 * MS, "latency_ns": 2 * MS, "refused": 1},
        {"wish": 0, "sent_ns": 90 * MS, "latency_ns": 10 * MS, "attempt": 2},
        {"wish": 1, "sent_ns": 1_000 * MS, "latency_ns": 4 * MS, "refused": 1},
        {"wish": 2, "sent_ns": 2_000 * MS, "latency_ns": 4 * MS},
        {"wish": 3, "sent_ns": 3_000 * MS, "latency_ns": 4 * MS, "refused": 1},
    ]
    wishes = [
        wish(0, 100, refusals=2),
        wish(1, 24, served=0, refusals=1),
        wish(2),
        wish(3, open=1, refusals=1),
    ]
    found = recoveries(made_run(requests, wishes))[SHOPPERS]
    assert found == Recovery("shoppers", True, 2, 1, 0.093, 0.093, 0.02)


def test_nobody_refused_is_no_number() -> None:
    found = recoveries(made_run([{"wish": 0}], [wish(0)]))[SHOPPERS]
    assert (found.refused, found.recovered) == (0, 0)
    assert isnan(found.served_p50_s)


def test_quantiles_over_many_recoveries() -> None:
    """Waits of 0 … 100 ms: the median is 50, the 95th percentile 95."""
    requests = [{"wish": n, "sent_ns": 1_000 * n * MS, "refused": 1} for n in range(101)]
    wishes = [wish(n, n, refusals=1) for n in range(101)]
    order = np.random.default_rng(1).permutation(101)
    found = recoveries(made_run([requests[i] for i in order], wishes))[SHOPPERS]
    assert (found.served_p50_s, found.served_p95_s) == pytest.approx((0.05, 0.095))
