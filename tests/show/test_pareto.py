"""The figure of the trade-off: what is filled, what is grey, what is said."""

from __future__ import annotations

from dataclasses import replace

from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

from simkit.show.pareto import front
from simkit.show.style import BLACK, GREY
from simkit.study.compare import Comparison
from simkit.study.pareto import trade_off
from tests.show.example import example


def texts(figure: Figure) -> str:
    figure.draw_without_rendering()
    return "\n".join(t.get_text() for t in figure.findobj(Text) if t.get_text())


def worse(found: Comparison) -> Comparison:
    """With a strategy that is like silent and needs half a core more."""
    dearer = tuple(
        replace(
            o,
            strategy="dearer",
            load=replace(o.load, server={**o.load.server, "cpu_s": o.load.server["cpu_s"] + 5}),
        )
        for o in found.outcomes
        if o.strategy == "silent"
    )
    return replace(
        found,
        strategies=(*found.strategies, "dearer"),
        outcomes=(*found.outcomes, *dearer),
        leakage={**found.leakage, "dearer": found.leakage["silent"]},
    )


def test_every_strategy_and_unit_is_named() -> None:
    shown = texts(front(example()))
    assert all(s in shown for s in example().strategies)
    for unit in ("% of honest wishes", "% of hostile wishes", "% of one core", "right guesses"):
        assert unit in shown
    assert "95 % intervals over 8 replications" in shown


def test_points_lie_where_the_numbers_are_and_the_best_are_filled() -> None:
    found = example()
    questions = [q for q in trade_off(found).questions if not q.tells_nothing]
    for axes, question in zip(front(found).axes, questions, strict=True):
        points = [c.lines[0] for c in axes.containers]  # type: ignore[attr-defined]
        assert [float(p.get_xdata()[0]) for p in points] == [
            question.interval(s).mean for s in found.strategies
        ]
        filled = [p.get_markerfacecolor() != "white" for p in points]
        assert filled == [s in question.unbeaten for s in found.strategies]


def test_who_is_dominated_stands_in_grey_with_the_better_one() -> None:
    figure = front(worse(example()))
    labels = {t.get_text(): to_hex(t.get_color()) for t in figure.axes[0].get_yticklabels()}
    assert labels["dearer\nworse than silent"] == GREY
    assert labels["open"] == to_hex(BLACK)
    assert "choose among" in texts(figure)


def test_what_is_alike_for_all_is_named_and_not_drawn() -> None:
    assert "not shown, for all are alike: leakage: presence" in texts(front(example()))


def test_one_replication_says_that_nothing_can_be_told_apart() -> None:
    assert "no intervals" in texts(front(example(1)))
