"""Comparisons of made-up runs: pairing, order, bytes, interruption."""

from __future__ import annotations

import csv
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_1samp, ttest_rel

from simkit.engine.run import Run
from simkit.errors import InputError
from simkit.measures.leakage import AS_IS, Leakage, Secret, World, measure
from simkit.study import compare as module
from simkit.study.compare import Comparison, compare
from simkit.study.export import TABLES
from simkit.study.outcome import ALL_HONEST, ALL_HOSTILE, SERVER
from simkit.wire import Sight, SightKind
from tests.made_up import KINDS, LENGTH_S, Kind, random_run
from tests.measures.test_rows import totals

STRATEGIES = ("open", "polite", "silent")
GROUPS = {"(machines)": ("monitor",), "(nobody)": ()}
HONEST = 3 * 60


@dataclass(frozen=True)
class Named:
    """Stands for a scenario or a policy where only the name matters."""

    name: str
    about: str = "made up"
    cohorts: tuple[Kind, ...] = KINDS
    length_s: float = LENGTH_S

    @property
    def path(self) -> Path:
        """Where a policy of that name would be."""
        return Path(f"policies/{self.name}.conf")


def fake(scenario: Any, policy: Any, *, seed: int, replication: int) -> Run:
    return random_run(policy.name, seed, replication)


def no_leakage(scenario: Any, policy: Any) -> tuple[Leakage, ...]:
    worlds = tuple(World(k.name, Sight(k)) for k in (SightKind.EMPTY, SightKind.RESET))
    return (measure(Secret("presence", AS_IS, worlds), planning=None),)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _without_a_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_leakage", no_leakage)


def made(**given: Any) -> Comparison:
    options: dict[str, Any] = {"replications": 5, "workers": 1, "groups": GROUPS, "simulate": fake}
    policies: Any = {name: Named(name) for name in STRATEGIES}
    scenario: Any = Named("crowd")
    return compare(scenario, policies, **(options | given))


def test_numbers_are_those_of_the_runs() -> None:
    found = made()
    runs = [random_run("polite", 1, r) for r in range(5)]
    shares = [100 * float(r.wishes["refusals"][:HONEST].astype(bool).mean()) for r in runs]
    assert found.values("polite", "false_drops_per_wish", ALL_HONEST) == pytest.approx(shares)
    interval = found.interval("polite", "false_drops_per_wish", ALL_HONEST)
    low, high = ttest_1samp(shares, 0.0).confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx((low, high))
    misses = found.interval("open", "misses", ALL_HOSTILE)
    assert (misses.mean, misses.low, misses.high) == (100.0, 100.0, 100.0)


def test_differences_are_paired_within_replications() -> None:
    found = made()
    silent, base = (found.values(s, "cpu_s", SERVER) for s in ("silent", "open"))
    low, high = ttest_rel(silent, base).confidence_interval(0.95)
    difference = found.difference("silent", "open", "cpu_s", SERVER)
    assert (difference.low, difference.high) == pytest.approx((low, high), abs=1e-12)
    assert difference.half_width < found.interval("silent", "cpu_s", SERVER).half_width
    verdicts = {(r.strategy, r.measure, r.cohort): r.verdict for r in found.differences()}
    assert verdicts["silent", "false_drops_per_wish", ALL_HONEST] == "more"
    assert verdicts["silent", "misses", ALL_HOSTILE] == "less"
    assert "no difference" in verdicts["silent", "peak_slots", SERVER]


def test_groups_are_reported_beside_their_members() -> None:
    found = made()
    group = found.values("silent", "false_drops_per_wish", "(machines)")
    assert np.array_equal(group, found.values("silent", "false_drops_per_wish", "monitor"))
    with pytest.raises(KeyError):
        found.values("silent", "misses", "(machines)")
    with pytest.raises(KeyError):
        found.values("silent", "wishes", "(nobody)")


def test_who_asks_for_nothing_has_no_misses() -> None:
    found = made()
    assert found.unservable == ("slowloris",)
    with pytest.raises(KeyError):
        found.values("silent", "misses", "slowloris")
    wishes = found.values("silent", "wishes", ALL_HOSTILE)
    assert wishes == pytest.approx([120.0] * 5)


def test_rules_name_file_and_line_and_whom_they_hurt() -> None:
    found = made()
    worst = found.rules[0]
    assert (worst.strategy, worst.where, worst.honest) == ("polite", "made-up.conf:7", True)
    silent = [r for r in found.rules if r.strategy == "silent"]
    assert [r.honest for r in silent] == [True, True, True, False, False, False]
    assert silent[0].dropped_share == pytest.approx(
        found.interval("silent", "false_drops_per_wish", silent[0].cohort).mean
    )


def test_losses_to_a_rule_have_intervals_over_the_replications() -> None:
    found = made()
    row = next(r for r in found.rules if (r.strategy, r.cohort) == ("silent", "shoppers"))
    counts = [
        (rule.dropped, o.drops[0].wishes)
        for o in found.outcomes
        if o.strategy == "silent"
        for rule in o.rules
        if rule.cohort == "shoppers"
    ]
    assert len(counts) == 5
    low, high = ttest_1samp([100 * d / w for d, w in counts], 0.0).confidence_interval(0.95)
    assert (row.share.low, row.share.high) == pytest.approx((low, high))
    assert row.dropped == pytest.approx(np.mean([d for d, _ in counts]))


def test_winners_and_the_front_are_tables(tmp_path: Path) -> None:
    found = made()
    found.to_csv(tmp_path)
    with (tmp_path / "winners.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    drops = [r for r in rows if (r["question"], r["of"]) == ("false drops", ALL_HONEST)]
    assert {r["winner"] for r in drops} == {"open"}
    paid = next(r for r in drops if r["pays_in"].startswith("misses"))
    difference = found.difference("open", paid["more_than"], "misses", ALL_HOSTILE, of=3)
    assert float(paid["more_percentage_points_low"]) == pytest.approx(difference.low, rel=1e-8)
    assert next(r for r in rows if r["question"] == "leakage")["note"]
    assert list(found.to_frame("front")["strategy"]) == list(STRATEGIES)


def test_a_run_without_rows_is_refused() -> None:
    def sums(scenario: Any, policy: Any, *, seed: int, replication: int) -> Run:
        return totals(random_run(policy.name, seed, replication))

    with pytest.raises(InputError, match="recorded totals only"):
        made(simulate=sums)


def test_the_engine_is_chosen_once_for_all_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def choose(engine: str, scenario: Any, behaviours: Any, runs: int = 1) -> str:
        asked.append(runs)
        return "compiled"

    monkeypatch.setattr(module, "chosen", choose)
    crowd: Any = Named("crowd")
    policies: Any = {name: Named(name) for name in STRATEGIES}
    work = module.tasks(crowd, policies, range(4), seed=1, engine="auto")
    assert asked == [12]
    assert {task.engine for task in work} == {"compiled"}


def test_whoever_does_the_runs_the_result_is_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as executor:
        there = made(workers=executor).to_csv(tmp_path / "there")
    here = made().to_csv(tmp_path / "here")
    assert [p.name for p in here] == [f"{name}.csv" for name in TABLES]
    for one, other in zip(here, there, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_another_seed_gives_other_numbers() -> None:
    first, second = (made(seed=s).values("open", "cpu_s", SERVER) for s in (1, 2))
    assert not np.array_equal(first, second)


def test_csv_holds_what_the_comparison_says(tmp_path: Path) -> None:
    found = made()
    found.to_csv(tmp_path)
    with (tmp_path / "measures.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["strategy", "measure", "cohort", "unit", "mean", "low", "high", "n"]
    assert len(rows) == len(found.rows())
    row = next(r for r in rows if (r["strategy"], r["measure"]) == ("silent", "cpu_s"))
    interval = found.interval("silent", "cpu_s", SERVER)
    assert float(row["low"]) == pytest.approx(interval.low, rel=1e-8)
    assert (row["unit"], row["n"]) == ("s", "5")


def test_json_is_json_and_holds_the_tables() -> None:
    document = json.loads(json.dumps(made().to_json(), allow_nan=False))
    assert document["baseline"] == "open"
    assert document["replications"] == {"wanted": 5, "done": 5}
    assert set(TABLES) - {"replications"} <= set(document)
    assert document["leakage"][0]["posterior_vulnerability"] == 1.0
    assert document["warnings"] == ["made up"]


def test_frames_have_the_same_columns_as_the_files() -> None:
    found = made(replications=2)
    assert set(found.to_frame()["strategy"]) == set(STRATEGIES)
    assert len(found.to_frame("replications")) == sum(len(v) for v in found.raw.values())


def test_one_replication_has_no_interval(tmp_path: Path) -> None:
    found = made(replications=1)
    assert isnan(found.interval("open", "cpu_s", SERVER).low)
    assert found.differences()[0].verdict == "one replication: no interval"
    found.to_csv(tmp_path)
    assert ",,,1\n" in (tmp_path / "measures.csv").read_text()


def test_an_interrupt_keeps_whole_replications() -> None:
    def stop(done: int, total: int) -> None:
        if done == 8:
            raise KeyboardInterrupt

    found = made(progress=stop)
    assert (found.replications, found.wanted, found.interrupted) == (2, 5, True)
    assert len(found.outcomes) == 6


def test_an_interrupt_before_anything_is_done_is_passed_on() -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made(progress=stop)


def test_bad_input_is_refused() -> None:
    scenario: Any = Named("crowd")
    with pytest.raises(InputError, match="no policy"):
        compare(scenario, {})
    with pytest.raises(InputError, match="0 replications"):
        made(replications=0)
