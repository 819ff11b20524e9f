"""Every program that asks a live nginx asks as often, and as late, as simkit simulates it.

hits.txt says how often. Delays agree within `LATER_S`, or where a program draws them, both are
within what it draws from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from simkit.live import AccessLog, LiveNginx
from simkit.traffic import CATALOGUE
from tests.live.clients.programs import ALL, MORE, PROGRAMS
from tests.live.clients.simulated import requests_s
from tests.live.clients.situations import SITUATIONS, Job
from tests.live.clients.table import HITS
from tests.live.raw import CONFIGS

Times = dict[str, list[float]]

LATER_S = 0.8
"""How much later than simulated a request may come, for here nothing takes time but waiting."""
SOONER_S = 0.05

# Programs that draw delays, and the most that each may be: after a 429, and after all else.
DRAWN_S = {
    "botocore": ((1.0, 2.0), (0.05, 0.1)),
    "botocore-legacy": ((1.0, 2.0, 4.0, 8.0), (1.0, 2.0, 4.0, 8.0)),
}
AT_THE_SAME_TIME = 6


def gaps(times: Sequence[float]) -> list[float]:
    return [round(after - before, 3) for before, after in pairwise(times)]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Times]:
    """Client → situation → when nginx took up the requests; all programs run side by side."""
    with LiveNginx(CONFIGS / "clients.conf", error_level="error") as nginx:
        jobs = {p: [Job.of(p, name, nginx) for name in HITS[p]] for p in PROGRAMS}

        def run(name: str) -> None:
            one = PROGRAMS[name]
            one.start(jobs[name], tmp_path_factory.mktemp(name), one.within_s)

        # The longest first.
        order = sorted(PROGRAMS, key=lambda name: -PROGRAMS[name].within_s)
        with ThreadPoolExecutor(AT_THE_SAME_TIME) as pool:
            list(pool.map(run, order))
        return dict(times(nginx, jobs))


def times(nginx: LiveNginx, jobs: Mapping[str, Sequence[Job]]) -> Iterator[tuple[str, Times]]:
    records = AccessLog(nginx.folder / "access.log").take_all(1 << 30, timeout_s=0.2)
    for name, mine in jobs.items():
        within_s = PROGRAMS[name].within_s
        found: Times = {}
        for job in mine:
            came = sorted(r.rewrite_s for r in records if job.mark in r.request)
            found[job.name] = [s for s in came if s - came[0] < within_s]
        yield name, found


def simulated(folder: Path, client: str, name: str, within_s: float) -> list[float]:
    return [s for s in requests_s(folder, client, name) if s < within_s]


def test_every_situation_of_the_table_is_known() -> None:
    assert {name for row in HITS.values() for name in row} == set(SITUATIONS)


@pytest.mark.parametrize("client", HITS)
def test_the_table_is_what_is_simulated(client: str, tmp_path: Path) -> None:
    within_s = PROGRAMS[client].within_s if client in PROGRAMS else 60
    within_s = 7.5 if client == "wget" else within_s
    found = {n: len(simulated(tmp_path, client, n, within_s)) for n in HITS[client]}
    assert found == {name: cell.simulated for name, cell in HITS[client].items()}


@pytest.mark.parametrize("client", HITS)
def test_where_the_table_has_two_numbers_the_catalogue_says_why(client: str) -> None:
    if any(cell.live != cell.simulated for cell in HITS[client].values()):
        assert CATALOGUE[client].unsaid


@pytest.mark.parametrize("client", PROGRAMS)
def test_the_program_hits_as_often_as_the_table_says(
    client: str, asked: Mapping[str, Times]
) -> None:
    if client == "wget" and ALL:
        assert len(asked[client]["444"]) == 20
        return
    found = {name: len(came) for name, came in asked[client].items()}
    assert found == {name: cell.live for name, cell in HITS[client].items()}


@pytest.mark.parametrize("client", [name for name in PROGRAMS if name not in DRAWN_S])
def test_the_program_comes_back_when_it_is_simulated_to(
    client: str, asked: Mapping[str, Times], tmp_path: Path
) -> None:
    late = {}
    for name, came in asked[client].items():
        expected = gaps(simulated(tmp_path, client, name, PROGRAMS[client].within_s))
        both = list(zip(expected, gaps(came), strict=False))
        if not all(-SOONER_S <= live - wait <= LATER_S for wait, live in both):
            late[name] = both
    assert late == {}


@pytest.mark.parametrize("client", [name for name in PROGRAMS if name in DRAWN_S])
def test_delays_that_are_drawn_are_within_the_same_bounds(
    client: str, asked: Mapping[str, Times], tmp_path: Path
) -> None:
    throttled, usual = DRAWN_S[client]
    for name, came in asked[client].items():
        most = throttled if name.startswith("429") else usual
        expected = gaps(simulated(tmp_path, client, name, 60))
        assert all(0 <= a <= b for a, b in zip(expected, most, strict=bool(expected))), name
        assert all(0 <= a <= b + LATER_S for a, b in zip(gaps(came), most, strict=False)), name


def test_what_is_measured_is_held_here_or_in_the_tests_beside_this() -> None:
    elsewhere = {
        *("chromium", "chromium-fetch", "firefox"),  # test_browsers.py
        *("blackbox", "feed-reader", "monitor"),  # test_monitors.py
        *("gobuster", "wafw00f"),  # test_scanners.py
    }
    measured = {client.name for client in CATALOGUE.values() if "M" in client.marks}
    assert measured == {*HITS, *elsewhere}
    assert {*PROGRAMS, *MORE} == set(HITS)
