"""Who wins, at what price: what is said, and that no more is said than was found."""

from __future__ import annotations

from dataclasses import replace

from simkit.measures.statistics import NOT_FOUND
from simkit.show.columns import number
from simkit.show.winners import who_wins
from simkit.study.compare import Comparison
from simkit.study.outcome import ALL_HONEST, ALL_HOSTILE, SERVER
from simkit.study.pareto import trade_off
from tests.show.example import example


def said(found: Comparison) -> dict[str, str]:
    return dict(who_wins(found))


def test_each_winner_has_its_number_and_its_price() -> None:
    found = example()
    line = said(found)["open"]
    assert line.startswith("least ")
    assert "false drops (0.00 %)" in line
    paid = found.difference("open", "silent", "misses", ALL_HOSTILE, of=3)
    assert f"misses +{number(paid.low)} to +{number(paid.high)}" in line
    assert "path leakage (scanner) +66.7" in line


def test_prices_are_held_together_over_all_pairs() -> None:
    found = example()
    single = found.difference("silent", "open", "false_drops_per_wish", ALL_HONEST)
    assert f"+{number(single.low)} to" not in said(found)["silent"]


def test_what_nobody_wins_is_said_with_why() -> None:
    found = example()
    assert "presence leakage (scanner)" in said(found)["nobody"]
    assert "no difference that matters" in said(found)["nobody"]


def test_one_replication_finds_no_difference() -> None:
    found = example(1)
    lines = [text for name, text in who_wins(found) if name == "nobody"]
    assert any(text.endswith(f"false drops, load and misses: {NOT_FOUND}.") for text in lines)
    assert not any("false drops (" in text for _, text in who_wins(found))


def test_the_front_is_that_of_the_trade_off() -> None:
    found = example()
    twin = tuple(
        replace(o, strategy="dear", load=replace(o.load, server={"cpu_s": 5.0}))
        for o in found.outcomes
        if o.strategy == "silent"
    )
    both = replace(
        found,
        strategies=(*found.strategies, "dear"),
        outcomes=(*found.outcomes, *twin),
        leakage={**found.leakage, "dear": found.leakage["silent"]},
    )
    assert trade_off(both).front == ("open", "polite", "silent")
    assert "dear is no better than silent in anything" in said(both)["Pareto"]
    assert "dear" not in said(both)
    assert SERVER not in str(who_wins(both))


def test_names_cannot_steer_the_terminal() -> None:
    found = example()
    evil = "\x1b[2J"
    named = {evil if s == "silent" else s: v for s, v in found.leakage.items()}
    outcomes = tuple(
        replace(o, strategy=evil if o.strategy == "silent" else o.strategy) for o in found.outcomes
    )
    lines = who_wins(
        replace(found, strategies=("open", "polite", evil), outcomes=outcomes, leakage=named)
    )
    assert "\x1b" not in str(lines).replace("\\x1b", "")
    assert not any("\x1b" in name or "\x1b" in text for name, text in lines)


def test_one_strategy_is_not_compared() -> None:
    assert who_wins(example(names=("silent",))) == ()
