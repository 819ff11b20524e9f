"""The short form of `simkit sim-to-real`: a few seconds of a smaller crowd, policy by policy.

Outcomes hang on draws and on limits, which are the same in both worlds, so they are asserted. How
far apart they may be: a limit that is asked some milliseconds earlier or later decides some
requests otherwise, and in a cohort of a hundred requests one of them is a point. CPU time hangs on
the machine and on a cost table that was not measured on it, so it is said and not judged.

Who share an address share a limit: which of their requests it hits, and what they then ask for
again, hangs on single milliseconds, so these get twice the margin.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from simkit.engine import Run, simulate
from simkit.engine.run import REQUESTS, WISHES
from simkit.live.crowd import Lived, live
from simkit.live.crowd.loopback import Loopback
from simkit.live.sim_to_real import CROWD
from simkit.live.sim_to_real.levels import with_counts
from simkit.live.sim_to_real.outcomes import counted
from simkit.measures.drops import drops_of
from simkit.measures.load import load_of
from simkit.policy import Policy, load_policy
from simkit.shipped import shipped_files
from simkit.traffic import Scenario, load_scenario
from simkit.wire import SightKind

LENGTH_S = 4.0
FEWEST = 100
POINTS = 8.0
POINTS_OF_SHARED = 16.0
SHARED = "offices"
ATTEMPTS = 0.1
COUNTS = {
    "shoppers": 20,
    "shoppers HTTP1": 8,
    "offices": 20,
    "background scan": 100,
    "TLS scan": 100,
    "flood": 3,
    "leech": 8,
}
HURRY = {"shoppers": 3.0, "shoppers HTTP1": 4.0, "offices": 2.0, "hasty partner": 0.03}
"""Seconds between what these start, so that some seconds show enough of them."""


def small_crowd() -> Scenario:
    """The crowd of the command, smaller, in more of a hurry, and on loopback."""
    scenario = with_counts(load_scenario(CROWD), COUNTS)
    cohorts = []
    for cohort in scenario.cohorts:
        every_s = HURRY.get(cohort.name, cohort.arrivals.every_s)
        until_s = None if cohort.arrivals.kind != "uniform" else LENGTH_S - 0.5
        arrivals = cohort.arrivals.model_copy(update={"every_s": every_s, "until_s": until_s})
        if cohort.name == "slowloris":
            arrivals = arrivals.model_copy(update={"from_s": 0.0})
        cohorts.append(cohort.model_copy(update={"arrivals": arrivals}))
    changed = {"length_s": LENGTH_S, "cohorts": tuple(cohorts)}
    return scenario.model_copy(update=changed)


class Pair:
    """The same run in both worlds."""

    def __init__(self, name: str, folder: Path) -> None:
        loopback = Loopback()
        self.scenario = loopback.scenario(small_crowd())
        given = load_policy(shipped_files("policies")[name])
        self.policy: Policy = loopback.policy(given, folder, self.scenario.host.certificate)
        self.lived: Lived = live(self.scenario, self.policy, seed=4)
        self.simulated: Run = simulate(self.scenario, self.policy, seed=4, engine="simpy")


@pytest.fixture(scope="module", params=["open", "polite", "silent", "reset", "hardened"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return Pair(request.param, tmp_path_factory.mktemp(request.param))


def test_cohorts_fare_alike(pair: Pair) -> None:
    live_counts, simulated = counted(pair.lived.run), counted(pair.simulated)
    judged = [name for name, one in live_counts.items() if one.requests >= FEWEST]
    assert len(judged) >= 4
    for name in judged:
        one, other = live_counts[name], simulated[name]
        points = POINTS_OF_SHARED if name == SHARED else POINTS
        shares, others = one.shares(), other.shares()
        if one.wishes < FEWEST:
            shares.pop("served")
            others.pop("served")
        for share in {*shares, *others}:
            apart = 100 * abs(shares.get(share, 0.0) - others.get(share, 0.0))
            assert apart <= points, (name, share, shares, others)
        if one.wishes >= FEWEST:
            tries = pytest.approx(other.attempts_per_wish, rel=ATTEMPTS)
            assert one.attempts_per_wish == tries, name


def test_what_came_over_the_wire_is_what_the_plan_knows_and_nginx_logged(pair: Pair) -> None:
    lived = pair.lived
    requests = len(lived.run.requests["client"])
    assert lived.strangers <= requests * 0.01
    assert lived.log.found >= requests * 0.9
    assert lived.log.unknown <= requests * 0.01
    assert lived.log.other_status <= requests * 0.02


def test_a_live_run_is_a_run(pair: Pair) -> None:
    """Its tables are those of a simulated one, so what is measured of one can be of the other."""
    run = pair.lived.run
    for table, schema in (("requests", REQUESTS), ("wishes", WISHES)):
        columns = getattr(run, table)
        assert {name: str(column.dtype) for name, column in columns.items()} == schema
    assert run.cohorts == pair.simulated.cohorts
    assert run.engine.startswith("nginx ")
    assert min(run.requests["latency_ns"].tolist()) >= 0
    cpu_ns = run.series["cpu_ns"].tolist()
    assert cpu_ns == sorted(cpu_ns)
    drops = drops_of(run)
    assert drops.honest.requests + drops.hostile.requests == len(run.requests["client"])
    assert load_of(run).server["cpu_s"] > 0


def test_the_crowd_does_the_same_things(pair: Pair) -> None:
    """Clients that nothing hinders send the very same requests, from the same addresses."""
    live_run, simulated = pair.lived.run, pair.simulated
    for name in ("background scan", "TLS scan"):
        asked = [_asked(run, name) for run in (live_run, simulated)]
        assert asked[0] == asked[1]
        assert len(asked[0]) == 100


def _asked(run: Run, name: str) -> set[tuple[str, object]]:
    (number,) = (n for n, c in enumerate(run.cohorts) if c.name == name)
    mine = run.requests["cohort"] == number
    addresses = (run.addresses[n] for n in run.requests["address"][mine].tolist())
    shapes = (run.shapes[n] for n in run.requests["shape"][mine].tolist())
    return set(zip(addresses, shapes, strict=True))


def test_the_sights_are_those_of_the_policy(pair: Pair) -> None:
    kinds = {SightKind(kind) for kind in np.unique(pair.lived.run.requests["sight"])}
    expected = {
        "open": set(),
        "polite": set(),
        "silent": {SightKind.EMPTY},
        "reset": {SightKind.RESET},
        "hardened": {SightKind.EMPTY, SightKind.TLS_ALERT},
    }[pair.policy.name]
    assert SightKind.HTTP in kinds
    assert expected <= kinds


def test_the_worker_was_counted(pair: Pair, record_property: Callable[[str, object], None]) -> None:
    live_s, simulated_s = pair.lived.run.load["cpu_s"], pair.simulated.load["cpu_s"]
    record_property("cpu_live_s", live_s)
    record_property("cpu_simulated_s", simulated_s)
    print(f"{pair.policy.name}: CPU {live_s:.3f} s live, {simulated_s:.3f} s simulated")
    assert live_s > 0
    assert pair.lived.worker.sleeps > 0
