"""Drops client by client: clusters, sessions, people behind one address."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simkit.engine.run import CohortName, Run
from simkit.measures.clients import people, run_shares, shared_addresses
from simkit.measures.intervals import Interval
from simkit.measures.statistics.bootstrap import cluster_ratio
from tests.made_up import Row, made_run

COHORTS = (CohortName("shoppers", True, 30), CohortName("bots", False, 25))
WISHES = 8


def crowd(*, shared: bool) -> Run:
    """30 honest clients with 8 wishes each, of which client n loses n modulo 4, and 25 bots."""
    wishes: list[Row] = []
    requests: list[Row] = []
    for client in range(55):
        cohort = int(client >= 30)
        for n in range(WISHES):
            lost = n < client % 4
            row = {"client": client, "wish": n, "cohort": cohort}
            row["address"] = 0 if shared and not cohort else client
            requests.append({**row, "refused": int(lost)})
            wishes.append({**row, "served": int(not lost), "refusals": int(lost)})
    wishes += [{"client": 0, "wish": WISHES, "open": 1, "refusals": 1}]
    run = made_run(requests, wishes, cohorts=COHORTS)
    return replace(run, addresses=tuple(f"198.51.100.{n}" for n in range(55)))


def share(run: Run, measure: str, cohort: str) -> Interval:
    found = [r for r in run_shares(run) if (r.measure, r.cohort) == (measure, cohort)]
    return found[0].interval


def test_shares_are_ratios_of_sums_with_an_interval_over_clients() -> None:
    run = crowd(shared=False)
    lost = np.arange(30) % 4
    found = share(run, "false_drops_per_wish", "shoppers")
    assert found.mean == pytest.approx(100.0 * lost.sum() / (30 * WISHES))
    assert found == cluster_ratio(lost, [WISHES] * 30, seed=run.seed).scaled(100.0)
    assert found.known
    assert share(run, "false_drops_per_request", "shoppers").mean == pytest.approx(found.mean)
    assert share(run, "misses", "bots").n == 25


def test_people_behind_one_address_are_one_cluster() -> None:
    run = crowd(shared=True)
    found = share(run, "false_drops_per_wish", "shoppers")
    assert (found.n, found.known) == (1, False)
    assert "1 cluster" in found.why
    by_client = run_shares(run, by="client")[0].interval
    assert (by_client.n, by_client.known) == (30, True)


def test_people_behind_one_address_one_by_one() -> None:
    run = crowd(shared=True)
    (office,) = shared_addresses(run)
    assert (office.address, len(office.people)) == ("198.51.100.0", 30)
    assert (office.wishes, office.dropped) == (240, sum(n % 4 for n in range(30)))
    assert office.hurt == sum(n % 4 > 0 for n in range(30))
    assert (office.worst.client, office.worst.dropped_share) == (3, 3 / 8)
    assert shared_addresses(crowd(shared=False)) == ()
    assert len(people(run)) == 30
    assert {p.cohort for p in people(run, ("bots",))} == {"bots"}


def test_sessions_are_counted() -> None:
    """Two sessions of four wishes each: the first loses what the client loses."""
    run = crowd(shared=False)
    run.wishes["session"] = run.wishes["wish"] // 4
    found = share(run, "false_drops_per_session", "shoppers")
    assert found.mean == pytest.approx(100.0 * sum(n % 4 > 0 for n in range(30)) / 60)
