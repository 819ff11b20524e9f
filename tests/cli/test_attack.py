"""``simkit attack``: what it prints, what it writes, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

from simkit.policy import load_policy
from simkit.shipped import find
from simkit.study.attackers import SECRETS, attacks_of
from simkit.traffic import load_scenario
from tests.cli.commands import simkit

TWO = ("--policy", "hardened", "--policy", "polite")


def test_a_secret_is_told_probe_by_probe_and_drawn(tmp_path: Path) -> None:
    done = simkit("attack", "--secret", "rule", *TWO, "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "rule" in done.stdout
    assert "threshold" not in done.stdout
    assert {p.name for p in tmp_path.iterdir()} == {"belief.png", "attacks.csv", "attacks.txt"}
    assert (tmp_path / "attacks.txt").read_text(encoding="utf-8").splitlines()[0] in done.stdout


def test_silence_for_all_tells_no_rule_and_mixed_answers_do() -> None:
    done = simkit("attack", "--secret", "rule", *TWO, "--json")
    rows = json.loads(done.stdout)["attacks"]
    last = {r["strategy"]: r["right_percent"] for r in rows if r["probes"] == 1}
    assert last["hardened"] == 20.0
    assert last["polite"] > last["hardened"]


def test_what_is_no_secret_is_bad_input() -> None:
    done = simkit("attack", "--secret", "password")
    assert done.returncode == 2
    assert "there is no secret 'password'" in done.stderr
    assert "threshold" in done.stderr


def test_every_secret_has_its_name() -> None:
    policy = load_policy(find("policies", "open"))
    found = attacks_of(load_scenario("small_shop"), {"open": policy})
    assert tuple(dict.fromkeys(a.secret for a in found)) == SECRETS
