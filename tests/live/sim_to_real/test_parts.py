"""Levels, what is kept on disk, and the round trip."""

from __future__ import annotations

from pathlib import Path

import pytest

from simkit.engine import Run
from simkit.errors import InputError
from simkit.live.sim_to_real import CROWD, LEVELS, Level
from simkit.live.sim_to_real.levels import check_floods, scaled, with_counts
from simkit.live.sim_to_real.round_trip import round_trip_ms
from simkit.live.sim_to_real.store import Store
from simkit.traffic import load_scenario
from tests.made_up import made_run

LEVEL = Level(0.5, {"flood": 10, "leech": 100})


def test_floods_are_as_strong_as_the_level_wants_it() -> None:
    guess = LEVEL.guess
    assert scaled(LEVEL, guess, 0.1, 0.5) == {"flood": 10, "leech": 100}
    assert scaled(LEVEL, guess, 0.1, 0.3) == {"flood": 20, "leech": 200}
    assert scaled(LEVEL, guess, 0.1, 0.2) == {"flood": 40, "leech": 250}  # as many as have room
    assert scaled(LEVEL, guess, 0.6, 0.7) == {"flood": 1, "leech": 1}  # the others are enough
    assert scaled(LEVEL, guess, 0.1, 0.1) == guess


def test_a_crowd_has_the_clients_that_are_wanted() -> None:
    crowd = load_scenario(CROWD)
    found = {c.name: c.count for c in with_counts(crowd, {"flood": 0, "leech": 7}).cohorts}
    assert found["leech"] == 7
    assert "flood" not in found
    assert found["shoppers"] == 40


def test_the_crowd_is_large_enough_and_has_both_sides() -> None:
    crowd = load_scenario(CROWD)
    assert crowd.length_s == 60
    assert sum(cohort.count for cohort in crowd.cohorts) >= 200
    assert {cohort.honest for cohort in crowd.cohorts} == {True, False}
    assert {level.name for level in LEVELS} == {"10%", "50%", "90%"}
    names = {cohort.name for cohort in crowd.cohorts}
    assert all(set(level.guess) <= names for level in LEVELS)


def test_what_was_measured_is_found_again(tmp_path: Path) -> None:
    store = Store(tmp_path, {"seed": 1})
    store.put("a", {"x": 1.5})
    store.put("b", [1, 2])
    again = Store(tmp_path, {"seed": 1})
    assert (again.get("a"), again.get("b"), again.get("c")) == ({"x": 1.5}, [1, 2], None)


def test_a_line_that_was_cut_off_is_measured_again(tmp_path: Path) -> None:
    store = Store(tmp_path, {"seed": 1})
    store.put("a", 1)
    store.put("b", 2)
    (file,) = tmp_path.iterdir()
    file.write_text(file.read_text()[:-5])
    again = Store(tmp_path, {"seed": 1})
    assert (again.get("a"), again.get("b")) == (1, None)
    again.put("b", 3)
    assert Store(tmp_path, {"seed": 1}).get("b") == 3


def test_what_another_trial_measured_is_not_thrown_away(tmp_path: Path) -> None:
    Store(tmp_path, {"seed": 1}).put("a", 1)
    with pytest.raises(InputError, match=r"measured.jsonl:1: holds what was measured under other"):
        Store(tmp_path, {"seed": 2})
    assert Store(tmp_path, {"seed": 1}).get("a") == 1


@pytest.mark.parametrize("line", ["{", "[]", "3", '{"key": "b"}'])
def test_a_line_that_is_no_measurement_is_named(tmp_path: Path, line: str) -> None:
    store = Store(tmp_path, {"seed": 1})
    store.put("a", 1)
    (file,) = tmp_path.iterdir()
    file.write_text(f"{file.read_text()}{line}\n")
    assert Store(tmp_path, {"seed": 1}).get("b") is None
    file.write_text(f"{file.read_text()}{line}\n")
    store.put("c", 2)
    with pytest.raises(InputError, match=r"measured.jsonl:3: is no measurement"):
        Store(tmp_path, {"seed": 1})


def test_a_scenario_needs_the_floods_whose_strength_makes_the_levels() -> None:
    with pytest.raises(InputError, match="small_shop has no cohort named leech"):
        check_floods(load_scenario("small_shop"), LEVELS)


def test_without_a_folder_it_is_kept_in_memory() -> None:
    store = Store(None, {})
    store.put("a", 1)
    assert store.get("a") == 1


def test_the_round_trip_is_what_answers_take_longer() -> None:
    crowd = load_scenario(CROWD)
    plain = next(n for n, cohort in enumerate(crowd.cohorts) if not cohort.tls)
    tls = next(n for n, cohort in enumerate(crowd.cohorts) if cohort.tls)

    def run(ms: float) -> Run:
        ok = {"status": 200, "reused": 1}
        mine = [{**ok, "cohort": plain, "latency_ns": int(ms * x * 1e6)} for x in (1, 1, 9)]
        others = [
            {**ok, "cohort": plain, "reused": 0, "latency_ns": 10**9},
            {**ok, "cohort": plain, "status": 503, "latency_ns": 10**9},
            *[{**ok, "cohort": tls, "latency_ns": 10**9}] * 5,
        ]
        return made_run([*mine, *others], [])

    assert round_trip_ms(crowd, run(0.5), run(0.1)) == pytest.approx(0.4)
    assert round_trip_ms(crowd, run(0.1), run(0.5)) == 0
    with pytest.raises(InputError, match="nobody in crowd keeps a plain connection"):
        round_trip_ms(crowd, made_run([], []), run(0.1))


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.name)
def test_levels_read_as_they_are(level: Level) -> None:
    assert level.name == f"{100 * level.utilisation:.0f}%"
