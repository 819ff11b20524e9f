"""What each rule did to each cohort, over the replications of a comparison, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
import numpy.typing as npt

from simkit.measures.intervals import Interval, t_interval
from simkit.study.outcome import Outcome, RuleTally

Array = npt.NDArray[np.float64]
Key = tuple[str, int, str, str, str, bool]

__all__ = ["RuleRow", "rule_rows"]


@dataclass(frozen=True, slots=True)
class RuleRow:
    """What a rule did to a cohort: requests refused and wishes dropped in a replication.

    ``share`` is how many of the cohort's wishes it cost, in per cent. All three are means over
    replications with Student's intervals, cut to what is possible.
    """

    strategy: str
    file: str
    line: int
    text: str
    directive: str
    cohort: str
    honest: bool
    refusals: Interval
    losses: Interval
    share: Interval

    @property
    def where(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}"

    @property
    def refused(self) -> float:
        """Requests refused in a replication, on average."""
        return self.refusals.mean

    @property
    def dropped(self) -> float:
        """Wishes dropped in a replication, on average."""
        return self.losses.mean

    @property
    def dropped_share(self) -> float:
        """The mean of ``share``."""
        return self.share.mean


def rule_rows(outcomes: Sequence[Outcome], level: float = 0.95) -> list[RuleRow]:
    """The rows of one strategy, by file and line; a rule that did nothing in a run counts as 0."""
    if not outcomes:
        return []
    counts: dict[Key, tuple[Array, Array]] = {}
    for number, outcome in enumerate(outcomes):
        for rule in outcome.rules:
            empty = (np.zeros(len(outcomes)), np.zeros(len(outcomes)))
            refused, dropped = counts.setdefault(_key(rule), empty)
            refused[number] += rule.refused
            dropped[number] += rule.dropped
    wishes = _wishes(outcomes)
    return [
        RuleRow(
            outcomes[0].strategy,
            *key,
            t_interval(refused, level).within(0.0, np.inf),
            t_interval(dropped, level).within(0.0, np.inf),
            t_interval(_per_cent(dropped, wishes[key[4]]), level).within(0.0, 100.0),
        )
        for key, (refused, dropped) in sorted(counts.items(), key=lambda item: item[0])
    ]


def _key(rule: RuleTally) -> Key:
    return rule.file, rule.line, rule.text, rule.directive, rule.cohort, rule.honest


def _per_cent(part: Array, whole: Array) -> Array:
    shares: Array = np.full(part.size, nan)
    np.divide(100.0 * part, whole, out=shares, where=whole > 0.0)
    return shares


def _wishes(outcomes: Sequence[Outcome]) -> dict[str, Array]:
    """By cohort, the wishes that ended in each replication."""
    names = [c.cohort for c in outcomes[0].drops]
    return {
        name: np.array([float(o.drops[place].wishes) for o in outcomes])
        for place, name in enumerate(names)
    }
