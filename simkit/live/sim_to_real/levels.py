"""How busy the worker is to be: the same crowd with floods of different strength."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simkit.errors import InputError
from simkit.traffic import Scenario

__all__ = ["LEVELS", "Counts", "Level", "check_floods", "scaled", "with_counts"]

Counts = Mapping[str, int]
"""How many clients cohorts have, by their names; others have what the scenario says."""

_MOST = 250
"""Clients of a cohort: as many as a network of 256 addresses has room for."""


@dataclass(frozen=True, slots=True)
class Level:
    """The share of its time that the worker is to run, and a first guess of the floods for that."""

    utilisation: float
    guess: Counts

    @property
    def name(self) -> str:
        """The share in words."""
        return f"{self.utilisation:.0%}"


LEVELS = (
    Level(0.1, {"flood": 1, "leech": 2}),
    Level(0.5, {"flood": 10, "leech": 10}),
    Level(0.9, {"flood": 20, "leech": 16}),
)


def with_counts(scenario: Scenario, counts: Counts) -> Scenario:
    """The scenario with as many clients; a cohort without any is left out."""
    cohorts = tuple(
        cohort.model_copy(update={"count": counts.get(cohort.name, cohort.count)})
        for cohort in scenario.cohorts
        if counts.get(cohort.name, cohort.count)
    )
    return scenario.model_copy(update={"cohorts": cohorts})


def check_floods(scenario: Scenario, levels: Sequence[Level]) -> None:
    """Raises InputError where a cohort whose strength makes the levels is not in the scenario."""
    known = {cohort.name for cohort in scenario.cohorts}
    missing = sorted({name for level in levels for name in level.guess} - known)
    if missing:
        raise InputError(
            f"{scenario.name} has no cohort named {' or '.join(missing)}",
            hint="the strength of both makes the levels",
        )


def scaled(level: Level, counts: Counts, without: float, found: float) -> Counts:
    """The floods for a level, by the utilisation without floods and with so many of them."""
    if found <= without:
        return counts
    factor = max(0.0, level.utilisation - without) / (found - without)
    return {name: min(_MOST, max(1, round(n * factor))) for name, n in counts.items()}
