"""The load vector: what is passed on, and whose latency counts."""

from __future__ import annotations

from math import isnan

import pytest

from simkit.measures.load import load_of
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
    assert found.latency_ms == pytest.approx(
        {
            "honest_latency_p50_ms": 51.0,
            "honest_latency_p95_ms": 96.0,
            "honest_latency_p99_ms": 100.0,
        }
    )


def test_the_vector_holds_everything_with_units() -> None:
    found = load_of(
        made_run([{"latency_ns": 2_000_000}], [], load={"cpu_s": 2.5, "bytes_out": 7.0})
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
    }


def test_without_honest_answers_there_is_no_latency() -> None:
    assert all(isnan(v) for v in load_of(made_run([], [])).latency_ms.values())
