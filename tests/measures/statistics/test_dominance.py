"""Dominance: known, perhaps, or not at all."""

from __future__ import annotations

from simkit.measures.intervals import Interval
from simkit.measures.statistics.dominance import (
    Criterion,
    Pairs,
    Standing,
    exact_pairs,
    standings,
    unbeaten,
)

DROPS, LOAD = Criterion("false drops", "(all honest)", "%"), Criterion("load", "", "%")


def pairs(**less: tuple[float, float]) -> Pairs:
    """``a - b`` by its bounds under the name ``a_b``, and the other way round."""
    found: dict[tuple[str, str], Interval] = {}
    for name, (low, high) in less.items():
        first, second = name.split("_")
        there = Interval((low + high) / 2, low, high, 10)
        found[first, second], found[second, first] = there, there.negated()
    return found


def test_better_in_all_is_dominance() -> None:
    found = standings("ab", {DROPS: pairs(a_b=(-3.0, -1.0)), LOAD: pairs(a_b=(-2.0, -1.0))})
    assert found == (Standing("a"), Standing("b", dominated_by=("a",)))
    assert [s.on_front for s in found] == [True, False]


def test_an_exact_tie_stands_in_nobodys_way() -> None:
    found = standings("ab", {DROPS: pairs(a_b=(-3.0, -1.0)), LOAD: pairs(a_b=(0.0, 0.0))})
    assert found[1].dominated_by == ("a",)


def test_what_is_undecided_makes_it_perhaps() -> None:
    found = standings("ab", {DROPS: pairs(a_b=(-3.0, -1.0)), LOAD: pairs(a_b=(-0.5, 0.6))})
    assert found[1] == Standing("b", perhaps_by=("a",))
    assert found[1].on_front


def test_a_difference_within_the_margin_is_none() -> None:
    load = Criterion("load", "", "%", margin=0.05)
    found = standings("ab", {DROPS: pairs(a_b=(-3.0, -1.0)), load: pairs(a_b=(0.01, 0.02))})
    assert found[1].dominated_by == ("a",)
    slight = {Criterion("false drops", "", "%", margin=0.05): pairs(a_b=(-0.02, -0.01))}
    assert all(s.on_front for s in standings("ab", slight))


def test_worse_anywhere_is_no_dominance() -> None:
    found = standings("ab", {DROPS: pairs(a_b=(-3.0, -1.0)), LOAD: pairs(a_b=(0.5, 0.6))})
    assert found == (Standing("a"), Standing("b"))


def test_nothing_found_is_no_dominance() -> None:
    assert all(s.on_front for s in standings("ab", {DROPS: pairs(a_b=(-1.0, 1.0))}))


def test_numbers_that_were_computed() -> None:
    found = exact_pairs({"a": 1 / 3, "b": 1 - 2 / 3, "c": 1.0})
    assert standings("abc", {DROPS: found})[2].dominated_by == ("a", "b")
    assert unbeaten("abc", found) == ("a", "b")


def test_unbeaten_are_those_that_nobody_is_found_better_than() -> None:
    found = pairs(a_b=(-1.0, 1.0), b_c=(-2.0, -1.0), a_c=(-2.0, 0.5))
    assert unbeaten("abc", found) == ("a", "b")
