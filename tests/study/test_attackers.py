"""Attackers of a comparison: every secret under every policy, as a table."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from simkit.measures.leakage import Attack, Sampling
from simkit.policy import load_policy
from simkit.shipped import shipped_files
from simkit.show.attacker import attacks_text
from simkit.study.attackers import DROP, attacks_of, write_attacks
from simkit.traffic import load_scenario

NAMES = ("open", "silent")


@pytest.fixture(scope="module")
def attacks() -> tuple[Attack, ...]:
    files = shipped_files("policies")
    policies = {name: load_policy(files[name]) for name in NAMES}
    return attacks_of(load_scenario("small_shop"), policies, Sampling(replications=20))


def test_every_secret_is_put_to_every_policy(attacks: tuple[Attack, ...]) -> None:
    asked = [(a.secret, a.strategy) for a in attacks]
    secrets = ("presence", "path", "rule", "product", "threshold")
    assert asked == [("presence", DROP), *((s, name) for s in secrets for name in NAMES)]


def test_only_drop_hides_among_nobody_there(attacks: tuple[Attack, ...]) -> None:
    chance = {a.strategy: a.stages[1].chance.mean for a in attacks if a.secret == "presence"}
    assert chance == pytest.approx({DROP: 2 / 3, "open": 1.0, "silent": 1.0})


def test_the_table_says_what_each_probe_told(attacks: tuple[Attack, ...], tmp_path: Path) -> None:
    with write_attacks(attacks, tmp_path).open(newline="") as file:
        rows = list(csv.DictReader(file))
    mine = [r for r in rows if (r["secret"], r["strategy"]) == ("product", "silent")]
    truth = {r["probes"]: r for r in mine if r["world"] == "nginx"}
    assert truth["0"]["belief_in_truth_percent"] == "20"
    assert (truth["1"]["saw"], truth["1"]["right_percent"]) == ("empty", "60")
    assert truth["2"]["belief_in_truth_percent"] == "100"


def test_the_same_can_be_read(attacks: tuple[Attack, ...]) -> None:
    text = attacks_text(attacks)
    assert "product under silent, asked by: scanner" in text
    assert "\x1b" not in text


def test_a_scenario_without_probes_has_no_attackers() -> None:
    crowd = load_scenario("small_shop").model_copy(update={"probes": None})
    assert attacks_of(crowd, {}) == ()
