"""Which strategies are worth choosing from, who wins which question, and what that costs elsewhere.

A comparison answers several questions: what attackers learn (leakage, one question for each
secret), who is hurt (false drops), what it costs (load), and what was served though unwanted
(misses). They have no common unit, so nothing is added up unless the weights are given:

* `trade_off`: who is on the Pareto front, with intervals taken into account
  (`simkit.measures.statistics.dominance`);
* `winners`: for each question, and for each cohort, who is best (all that nobody is found to be
  better than), and by how much each of them is worse elsewhere;
* `weighted`: a total, for whoever names the weights.

The comparisons within one question are held together (Bonferroni). In every criterion less is
better, and a difference of at most `MARGIN` is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from simkit.errors import InputError
from simkit.measures.intervals import Interval, t_interval
from simkit.measures.statistics import (
    NOT_FOUND,
    Criterion,
    Finding,
    Standing,
    all_pairs,
    exact_pairs,
    standings,
    unbeaten,
)
from simkit.study.compare import Comparison
from simkit.study.outcome import ALL_HONEST, ALL_HOSTILE, SERVER

Array = npt.NDArray[np.float64]

MARGIN = 0.05
"""Percentage points that matter to nobody: a difference this small is none."""

FALSE_DROPS = "false drops"
MISSES = "misses"
LOAD = "load"
LEAKAGE = "leakage"

__all__ = [
    "FALSE_DROPS",
    "LEAKAGE",
    "LOAD",
    "MISSES",
    "Answer",
    "Price",
    "Question",
    "TradeOff",
    "Winner",
    "by_cohort",
    "headline",
    "prices",
    "question",
    "trade_off",
    "weighted",
    "winners",
]


@dataclass(frozen=True)
class Question:
    """A criterion with what the comparison knows of it.

    ``values`` has one number for each replication, or a single one that was computed; in ``unit``
    of the criterion.
    """

    criterion: Criterion
    values: Mapping[str, Array]
    level: float

    @property
    def is_exact(self) -> bool:
        """Whether its numbers were computed, not sampled."""
        return self.criterion.measure == LEAKAGE

    @cached_property
    def pairs(self) -> dict[tuple[str, str], Interval]:
        """``first - second`` for every two strategies, held together."""
        if self.is_exact:
            return exact_pairs({name: float(v[0]) for name, v in self.values.items()})
        return all_pairs(self.values, self.level)

    def interval(self, strategy: str) -> Interval:
        """A strategy's number by itself, with its interval if it was sampled."""
        values = self.values[strategy]
        if self.is_exact:
            return Interval(float(values[0]), float(values[0]), float(values[0]), 0, self.level)
        highest = 100.0 if self.criterion.unit == "%" and self.criterion.of != SERVER else np.inf
        return t_interval(values, self.level).within(0.0, highest)

    @property
    def best(self) -> str:
        """The strategy with the least number; the first of several."""
        return min(self.values, key=lambda s: self.interval(s).mean)

    @property
    def unbeaten(self) -> tuple[str, ...]:
        """Those that no other is found to be better than."""
        return unbeaten(self.values, self.pairs, self.criterion)

    @property
    def tells_nothing(self) -> bool:
        """Whether it is known that no two strategies differ by what matters."""
        return all(self.criterion.verdict(pair).alike for pair in self.pairs.values())


@dataclass(frozen=True, slots=True)
class TradeOff:
    """The questions by which strategies were judged, and how they stand."""

    questions: tuple[Question, ...]
    standings: tuple[Standing, ...]

    @property
    def front(self) -> tuple[str, ...]:
        """The strategies that nothing dominates."""
        return tuple(s.strategy for s in self.standings if s.on_front)


@dataclass(frozen=True, slots=True)
class Price:
    """By how much a winner is worse elsewhere than the best there is."""

    criterion: Criterion
    best: str
    difference: Interval

    @property
    def text(self) -> str:
        """What is paid, and compared with whom."""
        worse = self.criterion.verdict(self.difference).text
        return f"{self.criterion.name}: {worse} than {self.best}"


@dataclass(frozen=True, slots=True)
class Winner:
    """A strategy that none is found to be better than, and what it pays elsewhere."""

    strategy: str
    value: Interval
    prices: tuple[Price, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """Who wins one question: nobody where no two strategies could be told apart.

    ``alike`` says then that they are known to be alike, and not just that nothing was found.
    """

    criterion: Criterion
    winners: tuple[Winner, ...]
    alike: bool

    @property
    def text(self) -> str:
        """Who wins, and whether anybody can be told from the others."""
        if not self.winners:
            none = "no difference that matters" if self.alike else NOT_FOUND
            return f"{self.criterion.name}: {none}"
        return f"{self.criterion.name}: {', '.join(w.strategy for w in self.winners)}"


def question(
    found: Comparison, measure: str, cohort: str, *, name: str = "", unit: str = "%"
) -> Question | None:
    """The question as the runs answer it; None where a strategy has no such number.

    ``name`` is what its criterion is called (the measure if empty). The margin is that of per
    cents: in other units every difference matters.
    """
    try:
        values = {s: found.values(s, measure, cohort) for s in found.strategies}
    except KeyError:
        return None
    if any(np.isnan(v).all() for v in values.values()):
        return None
    margin = MARGIN if unit == "%" else 0.0
    return Question(Criterion(name or measure, cohort, unit, margin), values, found.level)


def _sampled(found: Comparison, name: str, measure: str, cohort: str) -> list[Question]:
    asked = question(found, measure, cohort, name=name)
    return [] if asked is None else [asked]


def _leaks(found: Comparison) -> Iterator[Question]:
    """One question for each secret and attacker that every strategy was measured on."""
    first = found.leakage.get(found.baseline, ())
    for secret, attacker in dict.fromkeys((leak.secret, leak.attacker) for leak in first):
        leaks = {s: found.leak(s, secret, attacker) for s in found.strategies}
        known = {
            s: np.array([100.0 * leak.posterior_vulnerability])
            for s, leak in leaks.items()
            if leak is not None
        }
        if len(known) == len(found.strategies):
            yield Question(
                Criterion(LEAKAGE, f"{secret}, {attacker}", "%", MARGIN), known, found.level
            )


def headline(found: Comparison) -> tuple[Question, ...]:
    """The three measures and the misses, as far as the comparison has them."""
    return (
        *_leaks(found),
        *_sampled(found, FALSE_DROPS, "false_drops_per_wish", ALL_HONEST),
        *_sampled(found, LOAD, "cpu_share", SERVER),
        *_sampled(found, MISSES, "misses", ALL_HOSTILE),
    )


def by_cohort(found: Comparison) -> tuple[Question, ...]:
    """The false drops of each honest cohort and the misses of each hostile one."""
    return tuple(
        question
        for honest, name, measure in (
            (True, FALSE_DROPS, "false_drops_per_wish"),
            (False, MISSES, "misses"),
        )
        for cohort in found.cohorts(honest=honest)
        for question in _sampled(found, name, measure, cohort)
    )


def trade_off(found: Comparison, questions: Sequence[Question] | None = None) -> TradeOff:
    """Who is on the Pareto front, by these questions; None: the three measures and the misses."""
    asked = headline(found) if questions is None else tuple(questions)
    differences = {q.criterion: q.pairs for q in asked}
    return TradeOff(asked, standings(found.strategies, differences))


def winners(found: Comparison) -> tuple[Answer, ...]:
    """Who is best in each question, then for each cohort, with the price paid elsewhere."""
    main = headline(found)
    return tuple(_answer(q, main) for q in (*main, *by_cohort(found)))


def _answer(question: Question, main: Sequence[Question]) -> Answer:
    best = question.unbeaten
    told = best if len(best) < len(question.values) else ()
    others = [q for q in main if q is not question]
    won = tuple(Winner(s, question.interval(s), prices(s, others)) for s in told)
    return Answer(question.criterion, won, question.tells_nothing)


def prices(strategy: str, questions: Sequence[Question]) -> tuple[Price, ...]:
    """In which of these questions a strategy is found to be worse than the best, by how much."""
    return tuple(
        Price(q.criterion, q.best, q.pairs[strategy, q.best])
        for q in questions
        if strategy != q.best
        if q.criterion.verdict(q.pairs[strategy, q.best]).finding is Finding.MORE
    )


def weighted(found: Comparison, weights: Mapping[str, float]) -> Question:
    """A total by weights of your own: for each criterion's name, what one unit of it is worth.

    The names are those of the headline's criteria, such as ``false drops: (all honest)``. Raises
    InputError where there is no such criterion.
    """
    known = {q.criterion.name: q for q in headline(found)}
    unknown = [name for name in weights if name not in known]
    if unknown or not weights:
        raise InputError(
            f"there is no criterion named {unknown[0]!r}" if unknown else "no weights are given",
            hint=f"there are {'; '.join(known)}",
        )
    totals = {
        s: np.sum([w * (known[n].values[s] + _zeros(found)) for n, w in weights.items()], axis=0)
        for s in found.strategies
    }
    return Question(Criterion("weighted total", "", "your unit"), totals, found.level)


def _zeros(found: Comparison) -> Array:
    """As many as there are replications, so that a number that was computed counts in each."""
    return np.zeros(found.replications)
