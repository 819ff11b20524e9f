"""What counts as agreement, and what is said where there is none."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from simkit.live.sim_to_real import Allowed
from simkit.live.sim_to_real.lived import Facts
from tests.live.sim_to_real.made_up import count, report


def test_equal_runs_agree() -> None:
    found = report()
    assert found.holds
    assert found.failures() == []
    assert (found.repeats, found.policies) == (3, ["open", "silent"])
    judged = [one for one in found.cohorts() if one.judged]
    assert {one.name for one in judged} == {"people", "bots"}  # and not the few
    assert all(one.farthest[1] == 0 and one.attempts_off == 0 for one in judged)


@pytest.mark.parametrize(
    ("refused", "holds"), [(100, True), (114, True), (116, False), (84, False)]
)
def test_shares_may_be_three_points_apart(refused: int, holds: bool) -> None:
    simulated = dict(next(iter(report().lived.values()))[0].counts)
    people = replace(count(500, refused, 400), served=400)
    found = report({**simulated, "people": people})
    assert found.holds is holds
    if not holds:
        (one, *_) = (c for c in found.cohorts() if c.name == "people")
        assert one.points()["refused"] == pytest.approx((refused - 100) / 5)
        assert found.failures()[0].startswith("open at 10%, people: ")
        assert "3.2 points off (allowed 3)" in found.failures()[0]


def test_a_sight_that_one_world_alone_saw_counts() -> None:
    simulated = dict(next(iter(report().lived.values()))[0].counts)
    people = count()
    people.sights.update({"no answer": 30})
    people.sights["200"] -= 30
    found = report({**simulated, "people": people})
    assert [f for f in found.failures() if "saw" in f]
    (one, *_) = (c for c in found.cohorts() if c.name == "people")
    assert one.points()["saw no answer"] == pytest.approx(6)
    assert one.points()["saw 200"] == pytest.approx(-6)


def test_attempts_may_be_a_twentieth_apart() -> None:
    simulated = dict(next(iter(report().lived.values()))[0].counts)
    for attempts, holds in ((520, True), (530, False), (470, False)):
        people = replace(count(), attempts=attempts)
        found = report({**simulated, "people": people})
        assert found.holds is holds
        if not holds:
            assert "attempts per wish are" in found.failures()[0]


@pytest.mark.parametrize(("cpu_s", "holds"), [(7.1, True), (7.3, False), (4.9, True), (4.7, False)])
def test_cpu_may_be_a_fifth_apart(cpu_s: float, holds: bool) -> None:
    found = report(simulated_cpu_s=cpu_s)
    assert found.holds is holds
    assert len(found.failures()) == (0 if holds else 2)


def test_other_margins_can_be_allowed() -> None:
    found = report(simulated_cpu_s=9.0)
    assert not found.holds
    assert replace(found, allowed=Allowed(cpu=0.6)).holds


def test_the_document_holds_everything_and_facts_come_back() -> None:
    found = report()
    document = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert document["holds"] is True
    assert len(document["cpu"]) == 2
    assert len(document["cohorts"]) == 6
    (facts, *_) = document["live"]["open at 10%"]
    assert Facts.from_json(facts) == next(iter(found.lived.values()))[0]


def test_wishes_that_end_in_one_world_alone_are_a_failure_that_can_be_written() -> None:
    simulated = dict(next(iter(report().lived.values()))[0].counts)
    people = replace(count(), wishes=0, served=0, attempts=0)
    found = report({**simulated, "people": people})
    assert any("people: attempts per wish are +inf%" in failure for failure in found.failures())
    document = json.loads(json.dumps(found.to_json(), allow_nan=False))
    (one, *_) = (c for c in document["cohorts"] if c["cohort"] == "people")
    assert one["attempts_off"] is None
