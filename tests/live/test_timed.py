"""Limits against the clock: traces of thousands of requests to a live nginx, beside the simulation.

``SIMKIT_TIMED=20`` tries that many drawn configurations, each both ways, with longer traces.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from simkit.live.timed import TimedReport, timed_trace
from tests.live.raw import CONFIGS
from tests.live.timed_configs import drawn_config

TRACES = int(os.environ.get("SIMKIT_TIMED", "2"))
REQUESTS = 300 if TRACES <= 2 else 2000
LEAST_AGREEMENT = 0.999
EVERY_OUTCOME = {"", "PASSED", "DELAYED", "REJECTED", "DELAYED_DRY_RUN", "REJECTED_DRY_RUN"}


def traced(path: Path, *, requests: int, seed: int, kept: bool) -> TimedReport:
    """A trace that has something to compare."""
    report = timed_trace(path, requests=requests, seed=seed, kept=kept)
    assert report is not None, f"no limit applies in {path.name}"
    assert 0 < report.requests == report.sent
    return report


def complaints(report: TimedReport) -> str:
    return "\n".join(str(miss) for miss in report.misses)


def test_on_one_kept_connection_every_request_of_5000_agrees() -> None:
    report = traced(CONFIGS / "timed.conf", requests=5000, seed=1, kept=True)
    assert report.connections == 1
    assert dict(report.outcomes).keys() == EVERY_OUTCOME
    assert report.requests > 4900
    assert not report.misses, complaints(report)
    assert report.counted == report.counted_alike > 0


def test_across_connections_5000_agree_but_for_what_a_millisecond_explains() -> None:
    report = traced(CONFIGS / "timed.conf", requests=5000, seed=2, kept=False)
    assert report.connections > 10
    assert dict(report.outcomes).keys() == EVERY_OUTCOME
    assert report.requests > 4900
    assert report.agreement >= LEAST_AGREEMENT, complaints(report)
    assert not report.unexplained, complaints(report)


def test_limit_conn_counts_in_nginx_s_order_after_the_delay() -> None:
    report = traced(CONFIGS / "timed_connections.conf", requests=800, seed=3, kept=False)
    assert {"PASSED", "DELAYED", "REJECTED"} <= dict(report.outcomes).keys()
    assert report.agreement >= LEAST_AGREEMENT, complaints(report)


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("number", range(TRACES))
def test_drawn_configurations(tmp_path: Path, number: int, kept: bool) -> None:
    path = tmp_path / "drawn.conf"
    path.write_text(drawn_config(number), encoding="utf-8")
    report = traced(path, requests=REQUESTS, seed=number, kept=kept)
    assert not report.disagreements, complaints(report)
    assert report.agreement >= LEAST_AGREEMENT or len(report.misses) <= 1, complaints(report)


def test_a_policy_without_limits_has_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "none.conf"
    path.write_text("events {} http { server { listen 80; } }", encoding="utf-8")
    assert timed_trace(path, requests=10, seed=1, kept=True) is None
