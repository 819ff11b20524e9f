"""The real thing: the default scenario under shipped policies, and the facts that it must show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simkit.measures.leakage import AS_IS
from simkit.policy import load_policy
from simkit.shipped import shipped_files
from simkit.study.compare import Comparison, compare
from simkit.study.courses import write_courses
from simkit.study.export import Record
from simkit.study.outcome import ALL_HONEST, ALL_HOSTILE, SERVER
from simkit.study.people import recovery_rows, shared_rows
from simkit.traffic import load_scenario

NAMES = ("open", "silent", "polite", "uniform")
NO_AGENT, BROWSERS = "(no agent)", "(browsers HTTP/1.1)"


def run(workers: int) -> Comparison:
    files = shipped_files("policies")
    policies = {name: load_policy(files[name]) for name in NAMES}
    scenario = load_scenario(shipped_files("scenarios")["small_shop"])
    return compare(scenario, policies, replications=3, workers=workers)


@pytest.fixture(scope="module")
def found() -> Comparison:
    return run(workers=1)


def means(found: Comparison, measure: str, cohort: str) -> dict[str, float]:
    return {s: found.interval(s, measure, cohort).mean for s in NAMES}


def test_serial_equals_parallel_to_the_byte(found: Comparison, tmp_path: Path) -> None:
    other = run(workers=2)
    here = (*found.to_csv(tmp_path / "here"), *write_courses(found, tmp_path / "here"))
    there = (*other.to_csv(tmp_path / "there"), *write_courses(other, tmp_path / "there"))
    assert [p.read_bytes() for p in here] == [p.read_bytes() for p in there]


def test_open_has_the_fewest_false_drops_and_the_most_misses(found: Comparison) -> None:
    drops = means(found, "false_drops_per_wish", ALL_HONEST)
    misses = means(found, "misses", ALL_HOSTILE)
    assert all(drops["open"] < drops[s] for s in NAMES[1:])
    assert all(misses["open"] > misses[s] for s in NAMES[1:])


def test_clients_without_an_agent_are_hurt_by_silent_and_not_by_open(found: Comparison) -> None:
    drops = means(found, "false_drops_per_wish", NO_AGENT)
    assert drops["open"] == 0.0
    assert drops["silent"] > 50.0
    rules = [r for r in found.rules if r.strategy == "silent" and r.cohort == "feed reader"]
    assert [r.text for r in rules] == ['"" 1']


def test_browsers_ask_more_often_under_444_than_under_429(found: Comparison) -> None:
    for measure in ("attempts_per_wish", "attempts_per_item"):
        more = found.values("silent", measure, BROWSERS) - found.values("polite", measure, BROWSERS)
        assert (more > 0).all()


def test_one_answer_to_all_scanners_hides_paths_whatever_it_is(found: Comparison) -> None:
    leaks = {s: found.leak(s, "path", AS_IS) for s in NAMES}
    chance = {s: leak.posterior_vulnerability for s, leak in leaks.items() if leak is not None}
    assert chance["silent"] == chance["uniform"] == pytest.approx(1 / 3)
    assert chance["open"] == pytest.approx(1.0)


def test_every_strategy_meets_the_same_crowd(found: Comparison) -> None:
    """What shoppers wish for is drawn for them; waiting moves a few wishes over the end."""
    wishes = np.array([found.values(s, "wishes", "shoppers") for s in NAMES])
    assert np.ptp(wishes, axis=0).max() <= 3
    assert np.ptp(wishes, axis=1).min() >= 10


def test_load_is_counted_and_latency_measured(found: Comparison) -> None:
    for strategy in NAMES:
        causes = [v for v in found.raw[strategy, 0] if v.measure.startswith("cpu_")]
        parts = sum(v.value for v in causes if v.measure not in {"cpu_s", "cpu_share"})
        assert parts == pytest.approx(found.values(strategy, "cpu_s", SERVER)[0])
        assert found.values(strategy, "honest_latency_p95_ms", SERVER)[0] > 0.0


def only(rows: list[Record], **wanted: str) -> dict[str, Any]:
    """The one row with these cells."""
    (row,) = (r for r in rows if wanted.items() <= r.items())
    return row


def test_people_of_the_office_share_what_a_limit_costs(found: Comparison) -> None:
    rows = shared_rows(found)
    silent = only(rows, strategy="silent", cohorts="office")
    assert 25 <= silent["people"] <= 30
    office = found.interval("silent", "false_drops_per_wish", "office").mean
    assert silent["dropped_percent"] == pytest.approx(office, rel=1e-6)
    assert 0 < silent["people_hurt"] < silent["people"]
    assert silent["worst_person_percent"] > silent["dropped_percent"]
    assert only(rows, strategy="open", cohorts="office")["people_hurt"] == 0


def test_recoveries_are_those_of_the_measures(found: Comparison) -> None:
    office = only(recovery_rows(found), strategy="silent", cohort="office")
    share = found.values("silent", "recovered", "office")
    assert 0 < office["recovered_wishes"] < office["refused_wishes"]
    recovered = 100 * office["recovered_wishes"] / office["refused_wishes"]
    assert min(share) <= recovered <= max(share)
    assert office["served_after_p50_s"] > 0
