"""Which of several strategies are worth choosing from, with no weights and no more than is known.

A strategy *dominates* another if it is better in at least one criterion and worse in none. With
sampled numbers "better" means that the interval of the paired difference excludes zero, and
"worse in none" asks for the same care: where the interval holds zero the two may still differ. A
difference that is certain and no larger than the criterion's ``margin`` counts as none.

==========  =================================================================================
dominated   another is better in at least one criterion, and better or alike in all others
perhaps     another is better in at least one and worse in none, but undecided in some
front       what nothing dominates
==========  =================================================================================

In every criterion less is better. After Pareto; for sampled objectives compare Hughes 2001,
"Evolutionary multi-objective ranking with uncertainty and noise", doi:10.1007/3-540-44719-9_23.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from simkit.measures.intervals import Interval
from simkit.measures.statistics.verdict import Finding, Verdict, verdict

Pairs = Mapping[tuple[str, str], Interval]

__all__ = ["Criterion", "Standing", "exact_pairs", "standings", "unbeaten"]

_NOISE = 1e-9


@dataclass(frozen=True, slots=True)
class Criterion:
    """One number by which strategies are judged: less is better.

    ``measure`` is one of leakage, false drops, load, misses; ``of`` the cohort or the question.
    A difference of at most ``margin``, in ``unit``, matters to nobody.
    """

    measure: str
    of: str
    unit: str
    margin: float = 0.0

    @property
    def name(self) -> str:
        """Measure and cohort or question together."""
        return f"{self.measure}: {self.of}" if self.of else self.measure

    def verdict(self, difference: Interval) -> Verdict:
        """What a difference in this criterion says."""
        return verdict(difference, self.unit, self.margin)


@dataclass(frozen=True, slots=True)
class Standing:
    """Who dominates a strategy, and who perhaps does."""

    strategy: str
    dominated_by: tuple[str, ...] = ()
    perhaps_by: tuple[str, ...] = ()

    @property
    def on_front(self) -> bool:
        """Whether nothing is known to be better all round."""
        return not self.dominated_by


def exact_pairs(values: Mapping[str, float]) -> dict[tuple[str, str], Interval]:
    """Differences of numbers that were computed and have no error, for every two strategies."""
    return {(a, b): _exact(values[a] - values[b]) for a in values for b in values if a != b}


def _exact(value: float) -> Interval:
    shown = 0.0 if abs(value) <= _NOISE else value
    return Interval(shown, shown, shown, 0)


def standings(
    strategies: Sequence[str], differences: Mapping[Criterion, Pairs]
) -> tuple[Standing, ...]:
    """How the strategies stand to each other, in the order given.

    ``differences`` gives, for each criterion, ``first - second`` for every two strategies.
    """
    return tuple(_standing(s, strategies, differences) for s in strategies)


def _standing(
    strategy: str, strategies: Sequence[str], differences: Mapping[Criterion, Pairs]
) -> Standing:
    firm: list[str] = []
    perhaps: list[str] = []
    for other in strategies:
        if other == strategy:
            continue
        found = [c.verdict(pairs[other, strategy]) for c, pairs in differences.items()]
        findings = {v.finding for v in found}
        if Finding.LESS not in findings or Finding.MORE in findings:
            continue
        (firm if all(v.decided for v in found) else perhaps).append(other)
    return Standing(strategy, tuple(firm), tuple(perhaps))


def unbeaten(
    strategies: Iterable[str], pairs: Pairs, criterion: Criterion | None = None
) -> tuple[str, ...]:
    """Those that no other is found to be better than in one criterion."""
    names = tuple(strategies)
    judge = criterion or Criterion("", "", "")
    beats = {pair for pair, found in pairs.items() if judge.verdict(found).finding is Finding.LESS}
    return tuple(s for s in names if not any((other, s) in beats for other in names))
