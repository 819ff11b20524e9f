"""Numbers phase by phase, and where a warm-up is looked for."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest

from simkit.draws import Purpose, exponential, stream, uniform
from simkit.engine import simulate
from simkit.measures.by_phase import by_phase, latency_series_ms, warm_up
from simkit.policy import load_policy
from simkit.shipped import shipped_files
from simkit.traffic import Scenario, load_scenario
from tests.made_up import made_run
from tests.measures.test_phases import STEADY, scenario

S = 1_000_000_000


def shop() -> Scenario:
    return load_scenario(shipped_files("scenarios")["small_shop"])


def test_rows_belong_to_the_phase_in_which_they_began() -> None:
    found = scenario(STEADY, {**STEADY, "from_s": 40, "until_s": 60})
    run = made_run(
        [
            {"sent_ns": 39 * S, "bytes": 400},
            {"sent_ns": 40 * S, "bytes": 100, "refused": 1},
            {"sent_ns": 59 * S, "bytes": 100},
            {"sent_ns": 60 * S, "bytes": 800},
        ],
        [
            {"start_ns": 39 * S, "end_ns": 61 * S, "served": 1},
            {"start_ns": 41 * S, "end_ns": 42 * S, "wish": 1, "refusals": 1},
            {"start_ns": 42 * S, "end_ns": 44 * S, "wish": 2, "served": 1},
            {"start_ns": 43 * S, "wish": 3, "open": 1, "refusals": 1},
            {"start_ns": 60 * S, "end_ns": 60 * S, "wish": 4, "served": 1, "cohort": 3},
        ],
    )
    before, during, after = by_phase(run, found)
    assert (during.requests_per_s, during.bytes_out_per_s) == (2 / 20, 200 / 20)
    assert (during.refused_share, during.false_drops_per_wish) == (50.0, 50.0)
    assert (before.wish_p50_ms, during.wish_p50_ms) == (22_000.0, 2_000.0)
    assert after.misses == 100.0
    assert isnan(after.false_drops_per_wish)


def test_the_flood_of_the_default_scenario_is_a_phase_and_no_warm_up() -> None:
    """Three quarters of all that is sent in five minutes come in its quarter of a minute."""
    scenario = shop()
    run = simulate(scenario, load_policy(shipped_files("policies")["open"]))
    found = by_phase(run, scenario)
    flood = [p for p in found if "flood" in p.phase.active]
    rates = [p.requests_per_s for p in found]
    assert [p.requests_per_s for p in flood] == [max(rates)]
    assert max(rates) > 5 * sorted(rates)[-2]
    assert flood[0].wish_p95_ms == max(p.wish_p95_ms for p in found)
    total = sum(p.requests_per_s * p.phase.length_s for p in found)
    assert total == pytest.approx(run.requests["sent_ns"].size)
    cut = warm_up(run, scenario)
    assert (cut.found, cut.cut) == (False, 0)
    assert "flood" in cut.why


def test_a_stationary_scenario_is_looked_at() -> None:
    """A run whose first wishes wait for a backlog that is worked off."""
    key = stream(1, "waits", 0)
    waits_ns = [
        int(S * (exponential(0.05, uniform(key, Purpose.SERVICE, n)) + max(0.0, 5 - 0.05 * n)))
        for n in range(600)
    ]
    wishes = [
        {"wish": n, "start_ns": n * S, "end_ns": n * S + wait, "served": 1}
        for n, wait in enumerate(waits_ns)
    ]
    run = made_run([], wishes)
    found = warm_up(run, scenario(STEADY))
    assert found.observations == 600
    assert 85 <= found.cut <= 115
    assert latency_series_ms(run) == pytest.approx(np.array(waits_ns) / 1e6)
