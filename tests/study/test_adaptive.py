"""Comparisons that go on until they are precise enough."""

from __future__ import annotations

from typing import Any

import pytest

from simkit.engine.run import Run
from simkit.errors import InputError
from simkit.measures.statistics import Precision
from simkit.study.adaptive import Adaptive, Goal, compare_until
from simkit.study.compare import Comparison, compare
from simkit.study.outcome import SERVER
from tests.made_up import random_run
from tests.show.example import SHIPPED, Crowd

CROWD: Any = Crowd()


def fake(scenario: Any, policy: Any, *, seed: int, replication: int) -> Run:
    return random_run(policy.name, seed, replication)


@pytest.fixture(scope="module")
def policies() -> Any:
    from simkit.policy import load_policy

    return {name: load_policy(SHIPPED / f"{name}.conf") for name in ("open", "polite", "silent")}


def until(policies: Any, *goals: Goal) -> Adaptive:
    return compare_until(CROWD, policies, goals, workers=1, simulate=fake)


@pytest.fixture(scope="module", autouse=True)
def _groups() -> Any:
    """The made-up crowd names no groups."""
    patch = pytest.MonkeyPatch()
    patch.setattr(Crowd, "groups", {}, raising=False)
    yield
    patch.undo()


def test_it_stops_when_every_difference_is_precise_enough(policies: Any) -> None:
    goal = Goal(Precision(1.2, most=60))
    found = until(policies, goal)
    assert found.reached
    assert "precise enough" in found.text
    done = found.comparison.replications
    assert done > 10
    joint = [
        found.comparison.difference(s, "open", goal.measure, goal.cohort, of=2)
        for s in ("polite", "silent")
    ]
    assert max(i.half_width for i in joint) <= 1.2
    assert found.steps[goal].intervals == tuple(joint)


def test_the_replications_are_those_of_a_comparison_of_that_many(policies: Any) -> None:
    found = until(policies, Goal(Precision(1.2, most=60))).comparison
    at_once: Comparison = compare(
        CROWD, policies, replications=found.replications, workers=1, simulate=fake
    )
    assert found.outcomes == at_once.outcomes
    assert found.rows() == at_once.rows()
    assert not found.interrupted


def test_a_budget_ends_it(policies: Any) -> None:
    goal = Goal(Precision(0.01, most=12))
    found = until(policies, goal)
    assert (found.reached, found.comparison.replications) == (False, 12)
    assert "budget" in found.text
    assert "read 95 % as 91 %" in found.noted.notes[-1]


def test_several_goals_wait_for_the_slowest(policies: Any) -> None:
    easy = Goal(Precision(1.0, relative=True, fewest=5), "cpu_share", SERVER)
    hard = Goal(Precision(1.2, fewest=5, most=60))
    both = until(policies, easy, hard)
    assert both.comparison.replications == until(policies, hard).comparison.replications
    assert set(both.steps) == {easy, hard}


def test_goals_that_nothing_answers(policies: Any) -> None:
    with pytest.raises(InputError, match="no goal"):
        until(policies)
    with pytest.raises(InputError, match="no such thing"):
        until(policies, Goal(Precision(1.0), "no such thing"))
