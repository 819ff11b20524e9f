"""Both engines give the same tables, row for row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from simkit.engine import simulate
from simkit.policy import load_policy
from simkit.strategy import load_strategy
from simkit.traffic import Scenario, load_scenario
from tests.engine.compiled.alike import differences
from tests.engine.compiled.worlds import configurations, fronts, scenarios

ROOT = Path(__file__).parents[3]
POLICIES = sorted((ROOT / "data" / "policies").glob("*.conf"))
SCENARIOS = sorted((ROOT / "data" / "scenarios").glob("*.toml"))
STRATEGIES = sorted((ROOT / "data" / "strategies").glob("*.toml"))
SEEDS = range(5)
EXAMPLES = max(150, settings.default.max_examples if settings.default else 0)


def both(scenario: Scenario, file: Path, seed: int) -> list[str]:
    strategy = load_strategy(file)
    one = simulate(scenario, strategy, seed=seed, engine="simpy")
    other = simulate(scenario, strategy, seed=seed, engine="compiled")
    assert (one.engine, other.engine) == ("simpy", "compiled")
    return differences(one, other)


MOST_CLIENTS = 5_000
"""Of a cohort, where both engines run it: the million bots of a scenario take one of them hours."""


def loaded(file: Path) -> Scenario:
    found = load_scenario(file)
    fewer = [c.model_copy(update={"count": min(c.count, MOST_CLIENTS)}) for c in found.cohorts]
    return found.model_copy(update={"cohorts": tuple(fewer)})


@pytest.mark.parametrize("conf", POLICIES, ids=lambda path: path.stem)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
def test_shipped_scenarios_give_the_same_rows(scenario: Path, conf: Path) -> None:
    found = loaded(scenario)
    for seed in SEEDS:
        assert both(found, conf, seed) == []


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda path: path.stem)
@pytest.mark.parametrize("scenario", ["behind_cdn", "small_shop"])
def test_shipped_strategies_give_the_same_rows(scenario: str, strategy: Path) -> None:
    found = load_scenario(scenario)
    for seed in SEEDS:
        assert both(found, strategy, seed) == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("worlds")


@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(configurations(), fronts(), scenarios(), st.integers(0, 1000))
def test_made_up_scenarios_give_the_same_rows(
    folder: Path, text: str, front: dict[str, Any], made: dict[str, Any], seed: int
) -> None:
    conf, strategy = folder / "made_up.conf", folder / "made_up.toml"
    conf.write_text(text)
    strategy.write_text(tomlkit.dumps({"policy": conf.name, **front}))
    note(text)
    note(json.dumps(front))
    note(json.dumps(made))
    assert both(Scenario.model_validate_json(json.dumps(made)), strategy, seed) == []


@pytest.mark.parametrize("name", ["recommended", "silent"])
def test_totals_are_the_sums_of_the_rows(name: str) -> None:
    scenario, policy = load_scenario("small_shop"), load_policy(ROOT / f"data/policies/{name}.conf")
    rows = simulate(scenario, policy, seed=2, engine="simpy")
    for engine in ("simpy", "compiled"):
        sums = simulate(scenario, policy, seed=2, engine=engine, record="totals")
        assert differences(rows, sums, ("clients", "answers", "series")) == []
        assert not len(sums.requests["client"])
        assert not len(sums.wishes["client"])
    assert int(rows.clients["requests"].sum()) == len(rows.requests["client"])
    assert int(rows.answers["requests"].sum()) == len(rows.requests["client"])
    assert int(rows.clients["served"].sum()) == int(rows.wishes["served"].sum())
