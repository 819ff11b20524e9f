"""The load vector: what is passed on, and whose latency counts."""

from __future__ import annotations

from math import isnan

import pytest

from simkit.measures.load import LATENCIES, WISH_LATENCIES, answered_requests_ms, load_of
from simkit.wire import SightKind
from tests.made_up import made_run


def test_latency_is_that_of_honest_requests_that_were_let_through() -> None:
    honest = [{"latency_ns": ms * 1_000_000} for ms in range(1, 102)]
    others = [
        {"latency_ns": 1, "refused": 1},
        {"latency_ns": 10**12, "sight": int(SightKind.NO_ANSWER)},
        {"latency_ns": 10**12, "cohort": 3},
    ]
    found = load_of(made_run(honest + others, []))
    assert found.answered == 101
    requests = {n: v for n, v in found.latency_ms.items() if n in LATENCIES}
    assert requests == pytest.approx(
        {
            "honest_latency_p50_ms": 51.0,
            "honest_latency_p95_ms": 96.0,
            "honest_latency_p99_ms": 100.0,
        }
    )


def test_the_vector_holds_everything_with_units() -> None:
    served = {"end_ns": 9_000_000, "served": 1}
    found = load_of(
        made_run([{"latency_ns": 2_000_000}], [served], load={"cpu_s": 2.5, "bytes_out": 7.0})
    )
    assert found.window_s == 10.0
    assert found.cpu_share == 0.25
    assert found.vector() == {
        "cpu_s": 2.5,
        "bytes_out": 7.0,
        "cpu_share": 0.25,
        "honest_latency_p50_ms": 2.0,
        "honest_latency_p95_ms": 2.0,
        "honest_latency_p99_ms": 2.0,
        "honest_wish_p50_ms": 9.0,
        "honest_wish_p95_ms": 9.0,
        "honest_wish_p99_ms": 9.0,
    }


def test_without_honest_answers_there_is_no_latency() -> None:
    assert all(isnan(v) for v in load_of(made_run([], [])).latency_ms.values())


def test_latency_of_wishes_is_that_of_honest_ones_that_were_served() -> None:
    served = [{"wish": n, "end_ns": n * 1_000_000, "served": 1} for n in range(1, 102)]
    others = [{"end_ns": 10**12}, {"end_ns": 10**12, "served": 1, "cohort": 3}]
    found = load_of(made_run([], served + others)).latency_ms
    assert [found[name] for name in WISH_LATENCIES] == pytest.approx([51.0, 96.0, 100.0])


def test_requests_of_some_cohorts_only() -> None:
    run = made_run([{"latency_ns": 5_000_000}, {"latency_ns": 7_000_000, "cohort": 2}], [])
    assert list(answered_requests_ms(run, ("monitor",))) == [7.0]
