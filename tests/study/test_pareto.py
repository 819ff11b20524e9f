"""The Pareto view of comparisons: who is on the front, who wins what, and at which price."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simkit.errors import InputError
from simkit.measures.intervals import paired_difference
from simkit.study.outcome import ALL_HONEST, ALL_HOSTILE
from simkit.study.pareto import FALSE_DROPS, LEAKAGE, MARGIN, MISSES, trade_off, weighted, winners
from tests.show.example import example

DROPS = f"{FALSE_DROPS}: {ALL_HONEST}"
MISSED = f"{MISSES}: {ALL_HOSTILE}"


def test_the_questions_are_the_three_measures_and_the_misses() -> None:
    asked = trade_off(example()).questions
    assert {q.criterion.measure for q in asked} == {"leakage", "false drops", "load", "misses"}
    leaks = [q for q in asked if q.is_exact]
    assert {q.criterion.of for q in leaks} >= {"path, scanner", "rule, scanner"}


def test_what_is_worse_in_no_question_is_on_the_front() -> None:
    """Open drops nobody and misses all, silent the other way round: neither dominates."""
    found = trade_off(example())
    assert {"open", "silent"} <= set(found.front)


def test_pairs_are_paired_and_held_together() -> None:
    found = example()
    question = next(q for q in trade_off(found).questions if q.criterion.name == DROPS)
    pairs = len(found.strategies) * (len(found.strategies) - 1) // 2
    silent, open_ = (
        found.values(s, "false_drops_per_wish", ALL_HONEST) for s in ("silent", "open")
    )
    wanted = paired_difference(silent, open_, 1 - 0.05 / pairs)
    assert question.pairs["silent", "open"] == wanted
    alone = found.difference("silent", "open", "false_drops_per_wish", ALL_HONEST)
    assert wanted.half_width > alone.half_width


def test_a_copy_is_neither_better_nor_worse() -> None:
    found = example()
    copies = tuple(replace(o, strategy="copy") for o in found.outcomes if o.strategy == "silent")
    doubled = replace(
        found,
        strategies=(*found.strategies, "copy"),
        outcomes=(*found.outcomes, *copies),
        leakage={**found.leakage, "copy": found.leakage["silent"]},
    )
    standing = {s.strategy: s for s in trade_off(doubled).standings}
    assert standing["copy"].dominated_by == standing["silent"].dominated_by
    assert "silent" not in standing["copy"].dominated_by
    assert "copy" not in standing["silent"].dominated_by


def test_what_costs_more_and_gives_nothing_is_dominated() -> None:
    """A strategy like silent that needs more CPU time: dominated, until it is no more than the
    margin.
    """
    found = example()
    for extra, dominated in ((0.5, True), (MARGIN / 200 / 100, False)):
        dearer = tuple(
            replace(
                o,
                strategy="dearer",
                load=replace(
                    o.load,
                    server={
                        **o.load.server,
                        "cpu_s": o.load.server["cpu_s"] + extra * o.load.window_s,
                    },
                ),
            )
            for o in found.outcomes
            if o.strategy == "silent"
        )
        more = replace(
            found,
            strategies=(*found.strategies, "dearer"),
            outcomes=(*found.outcomes, *dearer),
            leakage={**found.leakage, "dearer": found.leakage["silent"]},
        )
        last = trade_off(more).standings[-1]
        assert (last.strategy, "silent" in last.dominated_by) == ("dearer", dominated)


def test_winners_by_question_and_cohort_with_their_price() -> None:
    answers = {a.criterion.name: a for a in winners(example())}
    drops, misses = answers[DROPS], answers[MISSED]
    assert [w.strategy for w in drops.winners] == ["open"]
    assert "open" not in [w.strategy for w in misses.winners]
    paid = {p.criterion.measure: p for p in drops.winners[0].prices}
    assert paid["misses"].difference.low > 50.0
    assert "percentage points than" in paid["misses"].text
    assert LEAKAGE in paid
    cohorts = {a.criterion.of for a in answers.values()}
    assert {"shoppers", "feed_reader", "path_scanner"} <= cohorts


def test_where_nothing_differs_nobody_wins() -> None:
    answers = {a.criterion.name: a for a in winners(example())}
    presence = answers["leakage: presence, scanner"]
    assert (presence.winners, presence.alike) == ((), True)
    assert "no difference that matters" in presence.text
    alone = {a.criterion.name: a for a in winners(example(1))}[DROPS]
    assert (alone.winners, alone.alike) == ((), False)
    assert "no difference found" in alone.text


def test_there_is_a_total_only_for_weights_that_are_given() -> None:
    found = example()
    total = weighted(found, {DROPS: 1.0, MISSED: 0.5})
    drops = found.values("silent", "false_drops_per_wish", ALL_HONEST)
    misses = found.values("silent", "misses", ALL_HOSTILE)
    assert total.values["silent"] == pytest.approx(drops + 0.5 * misses)
    leak = weighted(found, {"leakage: path, scanner": 1.0})
    assert np.ptp(leak.values["open"]) == 0.0
    with pytest.raises(InputError, match="no weights"):
        weighted(found, {})
    with pytest.raises(InputError, match="no criterion named 'beauty'"):
        weighted(found, {"beauty": 1.0})
