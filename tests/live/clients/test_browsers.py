"""Browsers hit a live nginx as often as simkit simulates: pages, and what scripts ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from simkit.engine import simulate
from simkit.live import AccessLog, LiveNginx, Record
from simkit.policy import Policy, load_policy
from simkit.traffic import CLIENTS
from simkit.traffic.part import NS_PER_S
from tests.engine.crowds import caller, cohort, world
from tests.live.browser import Browser, Page, open_browser
from tests.live.clients.programs import ALL
from tests.live.firefox import Firefox, open_firefox
from tests.live.raw import CONFIGS

HOST = "site.example"
POLICY = CONFIGS / "clients.conf"
PORTS = {"444": 80, "reset": 81, "stream": 443}
CODES = ("403", "429", "told/429", "503", "told/503")
SIX = (
    "Promise.all([1, 2, 3, 4, 5, 6].map(n => fetch(`/page?${n}.MARK`)"
    ".then(r => r.text()))).then(_ => '')"
)
A_MOMENT = "new Promise(done => setTimeout(done, 400)).then(_ => '')"
WATCHED_S = 100.0 if ALL else 8.0
"""How long pages are watched. Chromium loads them again after 1, 5, 30 and 60 s."""
LATER_S = 2.5
"""How much later than simulated a load may come: it waits from when the error is painted."""
AT_ONCE_S = 0.9


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load_policy(POLICY)


@pytest.fixture(scope="module")
def nginx() -> Iterator[LiveNginx]:
    with LiveNginx(POLICY, error_level="error") as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with open_browser() as running:
        yield running


@pytest.fixture(scope="module")
def firefox() -> Iterator[Firefox]:
    with open_firefox() as running:
        yield running


def site(nginx: LiveNginx, port: int) -> str:
    return f"{'https' if port == 443 else 'http'}://{HOST}:{nginx.endpoint(port).port}"


def hits(nginx: LiveNginx, mark: str) -> list[Record]:
    """The requests so far whose target ends so, as nginx took them up."""
    found = AccessLog(nginx.folder / "access.log").take_all(1 << 30, timeout_s=0.1)
    return sorted(
        (r for r in found if f"{mark} HTTP/" in r.request), key=lambda record: record.rewrite_s
    )


def loads(times_s: Sequence[float]) -> list[list[float]]:
    """Requests parted where nothing came for as long as the first reload waits."""
    found: list[list[float]] = []
    for time_s in times_s:
        if not found or time_s - found[-1][-1] > AT_ONCE_S:
            found.append([])
        found[-1].append(time_s)
    return found


def visit(folder: Path, policy: Policy, client: str, ending: str) -> list[float]:
    """When the front page, which is dropped, is asked for, simulated, in seconds."""
    tab = cohort(
        "visitor",
        client=f'"{client}"',
        pages='["/"]',
        pages_mean=1,
        port=PORTS[ending],
        tls=ending == "stream",
        protocol='"HTTP/2.0"' if ending == "stream" else '"HTTP/1.1"',
    )
    here = world(folder, tab, length_s=WATCHED_S, rtt_ms=0)
    sent = simulate(here, policy, engine="simpy").requests["sent_ns"].tolist()
    return [ns / NS_PER_S for ns in sent]


def fetched(folder: Path, policy: Policy, client: str, ending: str, method: str, used: bool) -> int:
    """How often a script's request is on the wire, simulated; ``used``: after a page."""
    calls = f'{{ path = "/dropped", method = "{method}" }}'
    one = caller(
        client=f'"{client}"',
        calls=f'[{{ path = "/page" }}, {calls}]' if used else f"[{calls}]",
        port=PORTS[ending],
        tls=ending == "stream",
        protocol='"HTTP/2.0"' if ending == "stream" else '"HTTP/1.1"',
        arrivals='{ kind = "periodic", every_s = 30 }',
    )
    wishes = simulate(world(folder, one, length_s=90, rtt_ms=0), policy, engine="simpy").wishes
    return int(wishes["attempts"][1 if used else 0])


# Chromium


@pytest.fixture(scope="module")
def tabs(chromium: Browser, nginx: LiveNginx) -> Mapping[str, Page]:
    """Pages that are dropped, in private windows and in the usual one, watched for a while."""
    found = {
        f"{ending}.{where}": chromium.open(
            f"{site(nginx, port)}/?{ending}.{where}", private=where == "private"
        )
        for ending, port in PORTS.items()
        for where in ("private", "usual")
    }
    chromium.listen(WATCHED_S)
    return found


@pytest.mark.parametrize("where", ["private", "usual"])
@pytest.mark.parametrize("ending", PORTS)
def test_chromium_loads_a_dropped_page_as_simulated(
    ending: str,
    where: str,
    tabs: Mapping[str, Page],
    nginx: LiveNginx,
    policy: Policy,
    tmp_path: Path,
) -> None:
    """3 requests in each load simulated, 1 to 4 live; 1 in both where a stream is reset."""
    assert tabs[f"{ending}.{where}"].error
    live = loads([r.rewrite_s for r in hits(nginx, f"/?{ending}.{where}")])
    expected = loads(visit(tmp_path, policy, "chromium", ending))
    assert {len(load) for load in expected} == {1 if ending == "stream" else 3}
    assert {len(load) for load in live} <= ({1} if ending == "stream" else {1, 2, 3, 4})
    assert len(live) == len(expected)
    for (a, b), (c, d) in zip(pairwise(expected), pairwise(live), strict=True):
        assert -0.05 <= (d[0] - c[0]) - (b[0] - a[0]) <= LATER_S


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
@pytest.mark.parametrize("ending", ["444", "reset"])
def test_chromium_sends_again_on_every_connection_that_had_served(
    ending: str, method: str, chromium: Browser, nginx: LiveNginx, policy: Policy, tmp_path: Path
) -> None:
    page = chromium.open(f"{site(nginx, PORTS[ending])}/page?{ending}.{method}")
    assert page.status == 200
    marks = [f"/dropped?{ending}.{method}.{n}" for n in ("one", "six", "none")]
    assert page.fetch("/page?again") == "200"
    page.run(A_MOMENT)
    page.fetch(marks[0], method)
    page.run(SIX.replace("MARK", marks[1]))  # their connections are idle, in a moment
    page.run(A_MOMENT)
    page.fetch(marks[1], method)
    page.fetch(marks[2], method)
    one, (*used, fresh), none = (hits(nginx, f" {mark}") for mark in marks)
    had_served = {record.connection for record in hits(nginx, f".{marks[1]}")}
    assert fetched(tmp_path, policy, "chromium-fetch", ending, method, used=True) == 2
    assert 2 <= len(one) <= 4  # what was opened ahead for the page counts as well
    assert len(none) == fetched(tmp_path, policy, "chromium-fetch", ending, method, used=False) == 1
    # Fewer than six connections may do for six pages, and others may have been opened ahead.
    assert len(had_served) >= 2
    assert {record.connection for record in used if record.number > 1} == had_served
    assert fresh.number == 1


@pytest.mark.parametrize("code", CODES)
def test_chromium_takes_a_code_for_an_answer(
    code: str, chromium: Browser, nginx: LiveNginx
) -> None:
    page = chromium.open(f"{site(nginx, 80)}/page?{code}")
    assert page.status == 200
    for method in ("GET", "POST"):
        page.fetch(f"/{code}?{method}", method)
        assert len(hits(nginx, f"/{code}?{method}")) == 1
    assert all(code[-3:] not in CLIENTS[client] for client in ("chromium", "chromium-fetch"))


# Firefox


@pytest.mark.parametrize("ending", PORTS)
def test_firefox_asks_ten_times_at_once_and_never_later(
    ending: str, firefox: Firefox, nginx: LiveNginx, policy: Policy, tmp_path: Path
) -> None:
    firefox.open(f"{site(nginx, PORTS[ending])}/?firefox.{ending}")
    firefox.open(f"{site(nginx, PORTS[ending])}/page?after.{ending}")
    expected = visit(tmp_path, policy, "firefox", ending)
    live = [r.rewrite_s for r in hits(nginx, f"/?firefox.{ending}")]
    assert len(live) == len(expected) == 10
    assert live[-1] - live[0] < 0.5


@pytest.mark.parametrize(
    ("ending", "method", "used"),
    [
        ("444", "GET", True),
        ("444", "GET", False),
        ("reset", "GET", True),
        ("stream", "GET", True),
        ("stream", "POST", True),
        ("444", "POST", False),
        ("444", "PUT", False),
        ("444", "POST", True),
    ],
)
def test_firefox_sends_a_scripts_request_again_as_simulated(
    ending: str,
    method: str,
    used: bool,
    firefox: Firefox,
    nginx: LiveNginx,
    policy: Policy,
    tmp_path: Path,
) -> None:
    firefox.open(f"{site(nginx, PORTS[ending])}/page?{ending}.{method}.{used}")
    firefox.run(A_MOMENT)
    if not used:
        for _ in range(3):  # that ends the connections of the page
            firefox.fetch("/dropped?use-up", "POST")
    mark = f"/dropped?firefox.{ending}.{method}.{used}"
    assert firefox.fetch(mark, method) == "failed"
    live = len(hits(nginx, mark))
    assert fetched(tmp_path, policy, "firefox", ending, method, used) == live


@pytest.mark.parametrize("code", CODES)
def test_firefox_takes_a_code_for_an_answer(code: str, firefox: Firefox, nginx: LiveNginx) -> None:
    firefox.open(f"{site(nginx, 80)}/page?firefox.{code}")
    for method in ("GET", "POST"):
        firefox.fetch(f"/{code}?firefox.{method}", method)
        assert len(hits(nginx, f"/{code}?firefox.{method}")) == 1
    assert code[-3:] not in CLIENTS["firefox"]
