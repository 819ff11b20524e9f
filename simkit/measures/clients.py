"""Drops within one run, client by client: whom it hits, and how sure a share is.

Replications give a comparison its intervals. A single run, and a log that was replayed, has only
its clients: their ratios get the bootstrap of `simkit.measures.statistics.bootstrap`, over
clusters that do not hang together. People behind one address share its limits, so they are one
cluster: a cohort behind a single address has no interval, and it is said. Cohorts are not taken
together: a scenario fixes how many clients there are of each kind, so a mixture of kinds is no
sample, and a bootstrap that drew it anew would make it one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from simkit.engine.run import Run
from simkit.measures.intervals import Interval
from simkit.measures.rows import need_rows
from simkit.measures.statistics.bootstrap import cluster_ratio

Mask = npt.NDArray[np.bool_]
Cluster = Literal["address", "client"]

__all__ = [
    "Cluster",
    "Person",
    "RunShare",
    "SharedAddress",
    "people",
    "run_shares",
    "sessions",
    "shared_addresses",
]


@dataclass(frozen=True, slots=True)
class RunShare:
    """A share of one run, in per cent, with the interval over its clusters (or why there is none).

    ``measure`` is ``false_drops_per_wish``, ``false_drops_per_request`` or
    ``false_drops_per_session`` (a session in which a wish was dropped), or ``misses``.
    """

    measure: str
    cohort: str
    interval: Interval
    unit: str = "%"


def run_shares(run: Run, *, by: Cluster = "address", level: float = 0.95) -> tuple[RunShare, ...]:
    """The shares of every cohort, in the order of the scenario.

    ``by`` says what a cluster is: an address, or a client, as if people behind one address did
    not share its limits. Raises InputError where the run recorded totals only.
    """
    need_rows(run)
    return tuple(
        RunShare(measure, cohort.name, _ratio(run, table, hit, whole & mine, by, level).scaled(100))
        for number, cohort in enumerate(run.cohorts)
        for measure, table, hit, whole in _counted(run, honest=cohort.honest)
        for mine in [getattr(run, table)["cohort"] == number]
    )


def _counted(run: Run, *, honest: bool) -> Iterator[tuple[str, str, Mask, Mask]]:
    """Measure, table, which rows are hit, and which rows count at all."""
    wishes = run.wishes
    ended = ~wishes["open"].astype(np.bool_)
    if not honest:
        yield "misses", "wishes", wishes["served"].astype(np.bool_) & ended, ended
        return
    yield "false_drops_per_wish", "wishes", _dropped(run), ended
    refused = run.requests["refused"].astype(np.bool_)
    yield "false_drops_per_request", "requests", refused, np.ones_like(refused)
    yield "false_drops_per_session", "wishes", *sessions(run)


def _dropped(run: Run) -> Mask:
    """The wishes that ended unserved after the policy had refused them."""
    wishes = run.wishes
    lost = ~wishes["served"].astype(np.bool_) & ~wishes["open"].astype(np.bool_)
    return lost & (wishes["refusals"].astype(np.int64) > 0)


def sessions(run: Run) -> tuple[Mask, Mask]:
    """Sessions, each by the first of its wishes that ended: those in which a wish was dropped,
    and all.
    """
    wishes = run.wishes
    ended = np.flatnonzero(~wishes["open"].astype(np.bool_))
    keys = wishes["client"][ended].astype(np.int64) << 32 | wishes["session"][ended].astype(
        np.int64
    )
    _, first, number = np.unique(keys, return_index=True, return_inverse=True)
    hits = np.bincount(number, weights=_dropped(run)[ended], minlength=first.size) > 0
    hit, every = np.zeros((2, wishes["open"].size), dtype=np.bool_)
    every[ended[first]] = True
    hit[ended[first[hits]]] = True
    return hit, every


def _ratio(run: Run, table: str, hit: Mask, whole: Mask, by: Cluster, level: float) -> Interval:
    columns = getattr(run, table)
    _, number = np.unique(columns[by][whole], return_inverse=True)
    parts = np.bincount(number, weights=hit[whole])
    return cluster_ratio(parts, np.bincount(number), level=level, seed=run.seed)


@dataclass(frozen=True, slots=True)
class Person:
    """What became of the wishes of one client that shares its address."""

    address: str
    cohort: str
    client: int
    wishes: int
    dropped: int

    @property
    def dropped_share(self) -> float:
        """Of the wishes that ended, those that were dropped; 0 where none ended."""
        return self.dropped / self.wishes if self.wishes else 0.0


@dataclass(frozen=True, slots=True)
class SharedAddress:
    """The honest people behind one address: how the drops of it are spread over them."""

    address: str
    people: tuple[Person, ...]

    @property
    def wishes(self) -> int:
        """Wishes of all of them that ended."""
        return sum(p.wishes for p in self.people)

    @property
    def dropped(self) -> int:
        """Those of them that were dropped."""
        return sum(p.dropped for p in self.people)

    @property
    def hurt(self) -> int:
        """People who lost at least one wish."""
        return sum(p.dropped > 0 for p in self.people)

    @property
    def worst(self) -> Person:
        """Who lost the largest share of what they wished for; the first of several."""
        return max(self.people, key=lambda p: p.dropped_share)


def people(run: Run, cohorts: Collection[str] | None = None) -> tuple[Person, ...]:
    """Every client with a wish that ended (of these cohorts; None: the honest), by number.

    Raises InputError where the run recorded totals only.
    """
    need_rows(run)
    wishes = run.wishes
    wanted = [c.honest if cohorts is None else c.name in cohorts for c in run.cohorts]
    mask = ~wishes["open"].astype(np.bool_) & np.asarray(wanted)[wishes["cohort"].astype(np.int64)]
    clients, first, number = np.unique(
        wishes["client"][mask], return_index=True, return_inverse=True
    )
    total = np.bincount(number, minlength=clients.size)
    dropped = np.bincount(number, weights=_dropped(run)[mask], minlength=clients.size)
    where = wishes["address"][mask][first], wishes["cohort"][mask][first]
    return tuple(
        Person(run.addresses[a], run.cohorts[c].name, int(client), int(n), int(d))
        for client, a, c, n, d in zip(clients, *where, total, dropped, strict=True)
    )


def shared_addresses(run: Run) -> tuple[SharedAddress, ...]:
    """The addresses that several honest clients share, and the people behind each."""
    behind: dict[str, list[Person]] = {}
    for person in people(run):
        behind.setdefault(person.address, []).append(person)
    return tuple(SharedAddress(a, tuple(p)) for a, p in behind.items() if len(p) > 1)
