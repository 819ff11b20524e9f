"""Who wins which question, at what price, and who is left to choose from: a few lines of text.

All of it is made from `simkit.study.pareto`: the differences within each question hold together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from simkit.errors import printable
from simkit.measures.intervals import Interval
from simkit.measures.statistics import NOT_FOUND, Criterion
from simkit.show.columns import number
from simkit.study.compare import Comparison
from simkit.study.outcome import ALL_HONEST, ALL_HOSTILE, SERVER
from simkit.study.pareto import LEAKAGE, Price, Question, TradeOff, prices, trade_off

__all__ = ["criterion_name", "listed", "pareto_sentence", "who_wins"]

_SIDES = (ALL_HONEST, ALL_HOSTILE, SERVER)


def listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    found = list(names)
    return " and ".join([", ".join(found[:-1]), found[-1]]) if len(found) > 1 else "".join(found)


def criterion_name(criterion: Criterion) -> str:
    """``load``, ``path leakage (scanner)``, ``false drops of office``."""
    if criterion.of in _SIDES:
        return criterion.measure
    if criterion.measure == LEAKAGE:
        secret, _, attacker = criterion.of.partition(", ")
        return f"{secret} leakage ({attacker})" if attacker else f"{secret} leakage"
    return f"{criterion.measure} of {criterion.of}"


def who_wins(found: Comparison) -> tuple[tuple[str, str], ...]:
    """Lines of a name and what is said of it: each strategy to choose from, then the rest.

    Empty where there is one strategy.
    """
    if len(found.strategies) < 2:
        return ()
    traded = trade_off(found)
    lines = [
        *(line for s in traded.front for line in _strategy(s, traded)),
        *_nobody(traded),
        ("Pareto", pareto_sentence(traded)),
    ]
    return tuple((printable(name), printable(text)) for name, text in lines)


def _decided(traded: TradeOff) -> list[Question]:
    """The questions in which somebody is found to be worse than another."""
    return [q for q in traded.questions if len(q.unbeaten) < len(q.values)]


def _strategy(strategy: str, traded: TradeOff) -> Iterator[tuple[str, str]]:
    won = [q for q in _decided(traded) if strategy in q.unbeaten]
    if won:
        best = listed([_won(q, strategy) for q in won])
        paid = ", ".join(map(_price, prices(strategy, traded.questions)))
        yield strategy, f"least {best}. Price: {paid or 'none found'}."


def _won(question: Question, strategy: str) -> str:
    value = question.interval(strategy)
    others = len(question.unbeaten) - 1
    shared = f", with {others} other{'s' if others > 1 else ''}" if others else ""
    return f"{criterion_name(question.criterion)} ({_per_cent(value)}{shared})"


def _per_cent(value: Interval) -> str:
    low, mean, high = (number(v) for v in (value.low, value.mean, value.high))
    return f"{mean} %" if not value.known or low == high else f"{mean} % [{low}–{high}]"


def _price(price: Price) -> str:
    low, high = (number(v) for v in (price.difference.low, price.difference.high))
    more = f"+{low}" if low == high else f"+{low} to +{high}"
    return f"{criterion_name(price.criterion)} {more}"


def _nobody(traded: TradeOff) -> Iterator[tuple[str, str]]:
    """The questions that nobody wins, by why that is so."""
    decided = _decided(traded)
    open_ones = [q for q in traded.questions if q not in decided]
    said = "no difference that matters"
    by_kind = sorted(open_ones, key=lambda q: not q.tells_nothing)
    for alike, questions in groupby(by_kind, key=lambda q: q.tells_nothing):
        names = listed([criterion_name(q.criterion) for q in questions])
        yield "nobody", f"{names}: {said if alike else NOT_FOUND}."


def pareto_sentence(traded: TradeOff) -> str:
    """Who is on the front, who is not and because of whom."""
    firm = [s for s in traded.standings if s.dominated_by]
    perhaps = [s for s in traded.standings if s.on_front and s.perhaps_by]
    if not firm and not perhaps:
        return "nothing is found to be better all round: the choice is among all of them."
    worse = [f"{s.strategy} is no better than {s.dominated_by[0]} in anything" for s in firm]
    maybe = [f"{s.strategy} perhaps no better than {s.perhaps_by[0]}" for s in perhaps]
    return f"choose among {listed(traded.front)}; {'; '.join((*worse, *maybe))}."
