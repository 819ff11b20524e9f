"""What became of each cohort in a run, counted so that runs can be added and compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import nan
from typing import Any

import numpy as np

from simkit.engine import Run
from simkit.wire import Sight, SightKind

__all__ = ["Count", "added", "counted"]


@dataclass(slots=True)
class Count:
    """One cohort: requests by what was seen of them, and wishes that ended within the window.

    ``attempts`` are the requests of these wishes. Shares are nan of nothing.
    """

    honest: bool
    requests: int = 0
    refused: int = 0
    wishes: int = 0
    served: int = 0
    attempts: int = 0
    sights: Counter[str] = field(default_factory=Counter)

    def shares(self) -> dict[str, float]:
        """Served of all wishes; refused and each sight of all requests."""
        seen = {f"saw {symbol}": n / self.requests for symbol, n in sorted(self.sights.items())}
        return {
            "served": self.served / self.wishes if self.wishes else nan,
            "refused": self.refused / self.requests if self.requests else nan,
            **seen,
        }

    @property
    def attempts_per_wish(self) -> float:
        """Requests for each wish that ended."""
        return self.attempts / self.wishes if self.wishes else nan

    def to_json(self) -> dict[str, Any]:
        """The counts."""
        return {
            "honest": self.honest,
            "requests": self.requests,
            "refused": self.refused,
            "wishes": self.wishes,
            "served": self.served,
            "attempts": self.attempts,
            "sights": dict(sorted(self.sights.items())),
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Count:
        """What `to_json` gave."""
        return cls(**{**found, "sights": Counter(found["sights"])})


def counted(run: Run) -> dict[str, Count]:
    """The counts of a run that has rows, by cohort."""
    return {c.name: _of_cohort(run, n, c.honest) for n, c in enumerate(run.cohorts)}


def _of_cohort(run: Run, number: int, honest: bool) -> Count:
    requests, wishes = run.requests, run.wishes
    mine = requests["cohort"] == number
    kinds, codes = requests["sight"][mine], requests["seen_status"][mine]
    pairs, times = np.unique(np.stack((kinds, codes)), axis=1, return_counts=True)
    sights: Counter[str] = Counter()
    for (kind, code), n in zip(pairs.T.tolist(), times.tolist(), strict=True):
        sights[Sight(SightKind(kind), code).symbol] += n
    ended = (wishes["cohort"] == number) & ~wishes["open"].astype(bool)
    return Count(
        honest=honest,
        requests=int(mine.sum()),
        refused=int(requests["refused"][mine].sum()),
        wishes=int(ended.sum()),
        served=int(wishes["served"][ended].sum()),
        attempts=int(wishes["attempts"][ended].sum()),
        sights=sights,
    )


def added(runs: Iterable[Mapping[str, Count]]) -> dict[str, Count]:
    """The counts of several runs together."""
    found: dict[str, Count] = {}
    for run in runs:
        for name, one in run.items():
            total = found.setdefault(name, Count(one.honest))
            total.requests += one.requests
            total.refused += one.refused
            total.wishes += one.wishes
            total.served += one.served
            total.attempts += one.attempts
            total.sights.update(one.sights)
    return found
