"""False drops and misses: who was turned away though honest, and who was served though not.

A request is *refused* where the policy turned it away. A wish is what a client wanted, after its
own retries; wishes that were still open when the window closed are counted and left out.

=============  ==============================================================================
served         all of the wish came in the end
dropped        it did not, and the policy had refused a part of it: a **false drop** of an
               honest client, a catch of a hostile one
failed         it did not, though the policy never refused it: the server was full, slow or
               wrong. No fault of a rule, so it is kept apart
recovered      refused on the way and served all the same
miss           a wish of a hostile client that was served
=============  ==============================================================================

Shares are nan where nothing stands below the line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from simkit.engine.run import CohortName, Run
from simkit.measures.rows import need_rows
from simkit.policy.plan import Rule

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CohortDrops", "Drops", "RuleDrops", "drops_of"]


def _share(part: int, whole: int) -> float:
    return part / whole if whole else nan


@dataclass(frozen=True, slots=True)
class CohortDrops:
    """What became of the requests and wishes of one cohort (or of several together).

    ``wishes`` are those that ended within the window; ``attempts`` are their requests on the
    wire. ``items`` counts the things asked for by all ``requests``, each at least once.
    """

    cohort: str
    honest: bool
    clients: int = 0
    requests: int = 0
    refused: int = 0
    items: int = 0
    wishes: int = 0
    open: int = 0
    served: int = 0
    dropped: int = 0
    failed: int = 0
    recovered: int = 0
    attempts: int = 0

    @property
    def refused_share(self) -> float:
        """Refused requests of all requests."""
        return _share(self.refused, self.requests)

    @property
    def dropped_share(self) -> float:
        """Dropped wishes of all that ended: for honest clients the rate of false drops."""
        return _share(self.dropped, self.wishes)

    @property
    def failed_share(self) -> float:
        """Wishes that ended unserved though no rule refused them."""
        return _share(self.failed, self.wishes)

    @property
    def served_share(self) -> float:
        """Served wishes of all that ended: for hostile clients the rate of misses."""
        return _share(self.served, self.wishes)

    @property
    def recoverable_share(self) -> float:
        """Of the wishes that were refused on the way, those that were served in the end."""
        return _share(self.recovered, self.recovered + self.dropped)

    @property
    def attempts_per_wish(self) -> float:
        """Requests on the wire for each wish that ended, all of its items together."""
        return _share(self.attempts, self.wishes)

    @property
    def attempts_per_item(self) -> float:
        """Requests on the wire for each thing asked for: 1 where nobody has to ask again."""
        return _share(self.requests, self.items)


_SHARES = (
    "refused_share",
    "dropped_share",
    "failed_share",
    "served_share",
    "recoverable_share",
    "attempts_per_wish",
    "attempts_per_item",
)
_COUNTS = (
    "clients",
    "requests",
    "refused",
    "items",
    "wishes",
    "open",
    "served",
    "dropped",
    "failed",
    "recovered",
    "attempts",
)


@dataclass(frozen=True, slots=True)
class RuleDrops:
    """What one rule did to one cohort: requests refused, and wishes that it refused last."""

    rule: Rule
    cohort: str
    honest: bool
    refused: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Drops:
    """The drops of one run, by cohort in the order of the scenario, and by rule and cohort."""

    cohorts: tuple[CohortDrops, ...]
    rules: tuple[RuleDrops, ...]

    @property
    def honest(self) -> CohortDrops:
        """All honest cohorts together."""
        return together("honest", (c for c in self.cohorts if c.honest), honest=True)

    @property
    def hostile(self) -> CohortDrops:
        """All hostile cohorts together."""
        return together("hostile", (c for c in self.cohorts if not c.honest), honest=False)

    def of(self, cohort: str) -> CohortDrops:
        """One cohort by its name; KeyError if the run has none of it."""
        found = next((c for c in self.cohorts if c.cohort == cohort), None)
        if found is None:
            raise KeyError(cohort)
        return found

    def to_frame(self) -> pd.DataFrame:
        """One row for each cohort and one for each side: counts, then shares."""
        import pandas as pd

        names = ("cohort", "honest", *_COUNTS, *_SHARES)
        rows = (*self.cohorts, self.honest, self.hostile)
        return pd.DataFrame([{n: getattr(row, n) for n in names} for row in rows])


def together(name: str, parts: Iterable[CohortDrops], *, honest: bool) -> CohortDrops:
    """Several cohorts as one: their counts added up."""
    found = tuple(parts)
    return CohortDrops(name, honest, **{n: sum(getattr(p, n) for p in found) for n in _COUNTS})


Counter = Callable[[npt.NDArray[np.bool_]], npt.NDArray[np.int64]]


def _counter(cohort: npt.NDArray[np.generic], cohorts: int) -> Counter:
    """A function that counts, for each cohort, the rows that a mask picks."""
    numbers = cohort.astype(np.int64)

    def count(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        return np.bincount(numbers[mask], minlength=cohorts)

    return count


def _request_counts(run: Run) -> dict[str, npt.NDArray[np.int64]]:
    columns = run.requests
    count = _counter(columns["cohort"], len(run.cohorts))
    everything = np.ones(len(columns["cohort"]), dtype=np.bool_)
    return {
        "requests": count(everything),
        "refused": count(columns["refused"].astype(np.bool_)),
        "items": count(np.asarray(columns["attempt"] == 0)),
    }


def _wish_counts(run: Run) -> dict[str, npt.NDArray[np.int64]]:
    columns = run.wishes
    count = _counter(columns["cohort"], len(run.cohorts))
    ended = ~columns["open"].astype(np.bool_)
    served = columns["served"].astype(np.bool_)
    refused = columns["refusals"].astype(np.int64) > 0
    return {
        "wishes": count(ended),
        "open": count(~ended),
        "served": count(ended & served),
        "dropped": count(ended & ~served & refused),
        "failed": count(ended & ~served & ~refused),
        "recovered": count(ended & served & refused),
        "attempts": _sums(columns, ended, len(run.cohorts)),
    }


def _sums(
    columns: dict[str, npt.NDArray[np.generic]], mask: npt.NDArray[np.bool_], cohorts: int
) -> npt.NDArray[np.int64]:
    numbers = columns["cohort"][mask].astype(np.int64)
    weights = columns["attempts"][mask].astype(np.float64)
    return np.bincount(numbers, weights=weights, minlength=cohorts).astype(np.int64)


def _cohort(index: int, name: CohortName, counts: dict[str, npt.NDArray[np.int64]]) -> CohortDrops:
    numbers = {key: int(values[index]) for key, values in counts.items()}
    return CohortDrops(name.name, name.honest, name.clients, **numbers)


def _rule_table(
    cohort: npt.NDArray[np.generic], rule: npt.NDArray[np.generic], shape: tuple[int, int]
) -> npt.NDArray[np.int64]:
    """How often each rule (rows) goes with each cohort (columns); rule -1 counts for nothing."""
    numbers = rule.astype(np.int64)
    ruled = numbers >= 0
    cells = numbers[ruled] * shape[1] + cohort[ruled].astype(np.int64)
    return np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)


def _rules(run: Run) -> tuple[RuleDrops, ...]:
    shape = (len(run.rules), len(run.cohorts))
    refused = run.requests["refused"].astype(np.bool_)
    wishes = run.wishes
    lost = (wishes["refusals"].astype(np.int64) > 0) & ~wishes["served"].astype(np.bool_)
    lost &= ~wishes["open"].astype(np.bool_)
    requests = _rule_table(run.requests["cohort"][refused], run.requests["rule"][refused], shape)
    dropped = _rule_table(wishes["cohort"][lost], wishes["rule"][lost], shape)
    return tuple(
        RuleDrops(run.rules[r], run.cohorts[c].name, run.cohorts[c].honest, *pair)
        for r, c in zip(*np.nonzero(requests + dropped), strict=True)
        for pair in [(int(requests[r, c]), int(dropped[r, c]))]
    )


def drops_of(run: Run) -> Drops:
    """Count what became of every request and wish of a run, by cohort and by rule.

    Raises InputError where the run recorded totals only.
    """
    need_rows(run)
    counts = {**_request_counts(run), **_wish_counts(run)}
    cohorts = tuple(_cohort(i, name, counts) for i, name in enumerate(run.cohorts))
    return Drops(cohorts, _rules(run))
