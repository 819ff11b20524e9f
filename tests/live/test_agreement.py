"""The simulation beside a live nginx: the same configuration, the same requests, every answer.

Compared are the status logged, the bytes sent, how the connection ended and whether it is kept,
the status and headers that the client saw, the length of the body, and what the limits said.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from time import sleep

import pytest

from simkit.live import ADDRESS_HEADER, Connection, LiveNginx, encode, nginx_version
from simkit.live.listening import Endpoint
from simkit.live.serve.disk import Disk
from simkit.live.verify import Sent, ask_once, differences, simulated
from simkit.policy import Gate, Page, Planner, Site, Step, load_policy
from simkit.policy.answers import NGINX_VERSION
from simkit.shipped import shipped_files
from simkit.wire import Address, Shape, Version, address
from tests.live.asking import Ask, read_ask, read_asks

CONFIGS = Path(__file__).parents[1] / "policy" / "configs"
SMALL = sorted(CONFIGS.glob("*.conf"))
FILES = {"html/a.txt": b"a file\n", "html/static/shop.css": b"a { color: black }\n"}
HERE = {4: address("127.0.0.1"), 6: address("::1")}
LEAST_CONFIGURATIONS = 60
OF_FILES = ("auth_basic", "files_", "reference_")
"""Configurations that are about what lies on the disk."""
PAGES = {"/": Page(200, 5000), "/api/items": Page(200, 300)}
# The page of another nginx behind this one, for a path that its site lacks.
NOT_FOUND = Page(404, 153)


class TheSite:
    """The site that both sides have: two pages, and a few files."""

    def find(self, path: str) -> Page | None:
        """The page on a path, without its query."""
        content = FILES.get(f"html{path}")
        return PAGES.get(path) if content is None else Page(200, len(content))


class Laid(Disk):
    """The same files as they lie on the disk of nginx, and the same pages behind a proxy."""

    def find(self, path: str) -> Page:
        """The page behind a proxy."""
        return Application().find(path)


class Application:
    """The site as the backend serves it; where it has nothing, another nginx says so."""

    def find(self, path: str) -> Page:
        """The page on a path."""
        return TheSite().find(path.partition("?")[0]) or NOT_FOUND


def who(ask: Ask) -> tuple[Address, int]:
    """The address that the simulation is told, and the family that is connected by."""
    family = 6 if ask.six or (ask.address is not None and ask.address.version == 6) else 4
    return ask.address or HERE[family], family


def disagreements(path: Path, asks: list[Ask], site: Site | None = None) -> list[str]:
    """What differs; ``site`` None stands for the files as they lie on the disk."""
    found: list[str] = []
    with LiveNginx(path, site=Application(), files=FILES) as nginx:
        planner = Planner(load_policy(path), site or Laid(nginx.folder, path.parent))
        gate = Gate(planner)
        for number, ask in enumerate(a for a in asks for _ in range(a.times)):
            client, family = who(ask)
            step = gate.admit(planner.bind(ask.shape, client), number)
            if step.decision is None:
                step = gate.resume(step, number + step.wait_ms)
            gate.release(step)
            end = nginx.endpoint(ask.shape.port, family=family)
            found += compare(nginx, ask, end, step)
    return found


def compare(nginx: LiveNginx, ask: Ask, end: Endpoint, step: Step) -> list[str]:
    """Where nginx's answer to a request differs from that of a step."""
    named = ask.address if nginx.trial.by_header else None
    expected = simulated(step)
    actual = ask_once(nginx, end, sent(ask.shape, named), expected)
    return [f"{ask.text}: {found}" for found in differences(expected, actual, ask.shape.version)]


def sent(shape: Shape, named: Address | None) -> Sent:
    """The request on its way, with the address that it names as its own."""
    if shape.version is not Version.HTTP_2:
        return Sent(encode(shape, named), shape)
    own = () if named is None else ((ADDRESS_HEADER, str(named)),)
    return Sent(b"", replace(shape, headers=(*shape.headers, *own)))


def test_the_version_on_this_machine_is_the_one_that_is_modelled() -> None:
    assert nginx_version() == NGINX_VERSION, "sizes and some answers differ between versions"


def test_there_are_enough_small_configurations() -> None:
    assert len(SMALL) >= LEAST_CONFIGURATIONS


@pytest.mark.parametrize("path", SMALL, ids=[path.stem for path in SMALL])
def test_small_configurations(path: Path) -> None:
    asks = read_asks(path)
    assert asks
    found = disagreements(path, asks, None if path.stem.startswith(OF_FILES) else TheSite())
    assert not found, "\n".join(found)


AGENTS = ("gobuster/3.5", "SQLMAP", "Fuzz Faster U Fool v1.1.0", "masscan/1.3", "python-requests/2")
OF_POLICIES = [
    "GET / | Host: shop.example",
    "GET / | Host: www.shop.example",
    "GET /?q=1 HTTP/1.0 | Host: shop.example",
    "HEAD / | Host: shop.example",
    "GET /missing | Host: shop.example",
    "POST /api/items +20 | Host: shop.example",
    "GET /static/shop.css | Host: shop.example",
    "GET /static/missing.css | Host: shop.example",
    "POST /static/shop.css +5 | Host: shop.example",
    "GET /admin | Host: shop.example",
    "GET /admin/ | Host: shop.example",
    "GET /admin/x six | Host: shop.example",
    "HEAD /admin/ | Host: shop.example",
    "GET /x/../admin/ | Host: shop.example",
    "GET /drop | Host: shop.example",
    "GET /refused | Host: shop.example",
    "GET / -Agent | Host: shop.example",
    "GET / | User-Agent: | Host: shop.example",
    *(f"GET / | User-Agent: {agent} | Host: shop.example" for agent in AGENTS),
    "GET / six | User-Agent: nuclei | Host: shop.example",
    "GET / | User-Agent: Chrome/120 | Host: 192.0.2.1",
    "POST / +20 | User-Agent: nikto | Host: shop.example",
    "POST / +20000 unread | User-Agent: nikto | Host: shop.example",
    "GET / @203.0.113.5 | Host: shop.example",
    "GET / @203.0.114.5 | Host: shop.example",
    "GET / @2001:db8:bad:5::1 | Host: shop.example",
    "GET / @2001:db8:bae:5::1 | Host: shop.example",
    "GET / | Host: 192.0.2.1",
    "GET / | Host: other.example",
    "GET / six | Host: [::1]",
    "GET / | Host: shop.example:8080",
    "GET / HTTP/1.0 -Host",
    "OPTIONS / HTTP/1.0 -Host -Agent",
    "GET / -Host",
    "GET / -Host six",
    "GET / !line",
    "GET / !tls",
    "GET / !version",
    "TRACE / | Host: shop.example",
    "GET / !encoding | Host: shop.example",
    "GET /{a*9000} | Host: shop.example",
    "GET / :443 | Host: shop.example",
    "GET / :443 sni=shop.example | Host: shop.example",
    "GET / :443 sni=shop.example -Agent | Host: shop.example",
    "GET / :443 sni=shop.example | Host: other.example",
    "GET / :443 sni=other.example | Host: shop.example",
    "GET / :443 tls | Host: 192.0.2.1",
    "GET / :443 tls six | Host: [::1]",
    "GET / :443 sni=shop.example HTTP/2.0 | Host: shop.example",
    "GET / :443 sni=shop.example HTTP/2.0 -Agent | Host: shop.example",
    "GET /admin/ :443 sni=shop.example HTTP/2.0 | Host: shop.example",
    "GET / :443 sni=other.example HTTP/2.0 | Host: other.example",
    "GET / :443 sni=shop.example HTTP/2.0 | Host: other.example",
    "GET / @198.51.100.1 x25 | Host: shop.example",
    "GET / @2001:db8::1 x25 | Host: shop.example",
    "GET /admin/ @198.51.100.1 | Host: shop.example",
    "GET / @198.51.100.1 :443 sni=shop.example HTTP/2.0 | Host: shop.example",
    "GET / @198.51.100.2 | Host: shop.example",
]


@pytest.mark.parametrize("name", shipped_files("policies"))
def test_shipped_policies(name: str, tmp_path: Path) -> None:
    original = shipped_files("policies")[name]
    shutil.copytree(original.parent, tmp_path, dirs_exist_ok=True)
    # So slow that no token comes back while the test runs: then time does not matter.
    slowed = tmp_path / original.name
    slowed.write_text(original.read_text().replace("rate=10r/s", "rate=1r/m"))
    asks = [read_ask(text) for text in OF_POLICIES]
    found = disagreements(slowed, asks, Application())
    assert not found, "\n".join(found)


def test_a_timed_trace_agrees_request_by_request() -> None:
    """300 requests in uneven bursts on a kept connection, with nginx's own clock at each."""
    path = Path(__file__).parent / "configs" / "limits.conf"
    planner = Planner(load_policy(path), Application())
    gate, ask = Gate(planner), read_ask("GET / :9002")
    with (
        LiveNginx(path, site=Application()) as nginx,
        Connection(nginx.endpoint(9002)) as connection,
    ):
        for number in range(300):
            connection.send(encode(ask.shape))
            assert connection.answer() is not None
            sleep(0.001 * (number * 7 % 17))
        records = nginx.log.take(connection.port, 300)
    began_ms = 10**9
    bound = planner.bind(ask.shape, HERE[4])
    steps = [gate.admit(bound, began_ms + round(1000 * r.connection_s)) for r in records]
    assert [s.status for s in steps] == [r.limit_req for r in records]
    assert [s.decision.status for s in steps if s.decision] == [r.status for r in records]
