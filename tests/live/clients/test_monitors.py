"""Monitors and feed readers: one request for each check, unless Go speaks HTTP/2 to a 444."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from time import monotonic, sleep
from urllib.request import ProxyHandler, build_opener

import pytest

from simkit.engine import simulate
from simkit.live import AccessLog, LiveNginx, Record
from simkit.policy import load_policy
from tests.engine.crowds import caller, world
from tests.live.clients.programs import ALL, environment, program
from tests.live.clients.situations import SITUATIONS, Situation
from tests.live.raw import CONFIGS

CONF = CONFIGS / "clients.conf"
FIRST = {n: s for n, s in SITUATIONS.items() if s.method == "GET" and not s.used and not s.tls}
WATCHED_S = 3.5


@pytest.fixture(scope="module")
def nginx() -> Iterator[LiveNginx]:
    with LiveNginx(CONF, error_level="error") as running:
        yield running


def url(nginx: LiveNginx, situation: Situation, mark: str) -> str:
    end = nginx.endpoint(situation.port)
    scheme = "https" if situation.tls else "http"
    return f"{scheme}://{end.host}:{end.port}{situation.path}?{mark}"


def hits(nginx: LiveNginx, mark: str) -> list[Record]:
    found = AccessLog(nginx.folder / "access.log").take_all(1 << 30, timeout_s=0.1)
    return [record for record in found if f"?{mark} HTTP/" in record.request]


@contextmanager
def running(folder: Path, *command: str) -> Iterator[None]:
    process = subprocess.Popen(
        [program(command[0]), *command[1:]],
        env=environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


# HAProxy


@pytest.fixture(scope="module")
def checked(
    nginx: LiveNginx, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, list[float]]:
    """Situation → when it was checked by an HAProxy that does so each second."""
    folder = tmp_path_factory.mktemp("haproxy")
    lines = ["defaults", "mode http", "timeout connect 1s", "timeout server 5s"]
    lines += ["timeout client 5s", "frontend f", f"bind {folder}/socket"]
    for name, situation in FIRST.items():
        end = nginx.endpoint(situation.port)
        lines += [f"backend {name}", f"option httpchk GET {situation.path}?haproxy.{name} HTTP/1.0"]
        lines += [f"server one {end.host}:{end.port} check inter 1s"]
    (folder / "haproxy.cfg").write_text("\n".join(lines) + "\n")
    with running(folder, "haproxy", "-f", str(folder / "haproxy.cfg")):
        sleep(WATCHED_S + 0.5)
    return {n: [r.rewrite_s for r in hits(nginx, f"haproxy.{n}")] for n in FIRST}


@pytest.mark.parametrize("name", FIRST)
def test_haproxy_checks_once_each_time_whatever_comes(
    name: str, checked: Mapping[str, list[float]], tmp_path: Path
) -> None:
    calls = f'[{{ path = "{FIRST[name].path}" }}]'
    monitor = caller(
        client='"monitor"',
        calls=calls,
        port=FIRST[name].port,
        protocol='"HTTP/1.0"',
        keeps_connections=False,
        arrivals='{ kind = "periodic", every_s = 1 }',
    )
    here = world(tmp_path, monitor, rtt_ms=0, length_s=WATCHED_S)
    expected = len(simulate(here, load_policy(CONF), engine="simpy").requests["wish"])
    live = checked[name]
    assert expected - 1 <= len(live) <= expected + 1
    assert all(0.9 <= after - before <= 1.5 for before, after in pairwise(live))


# Prometheus' blackbox exporter: Go's net/http


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where to ask it for a check; one takes a second at most."""
    folder = tmp_path_factory.mktemp("blackbox")
    (folder / "b.yml").write_text(
        "modules:\n  one:\n    prober: http\n    timeout: 1s\n    http:\n"
        "      tls_config:\n        insecure_skip_verify: true\n"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    options = (f"--config.file={folder}/b.yml", f"--web.listen-address={address}")
    with running(folder, "prometheus-blackbox-exporter", *options):
        until = monotonic() + 20
        while monotonic() < until and not _listens(address):
            sleep(0.05)
        yield f"http://{address}/probe?module=one&target="


def _listens(address: str) -> bool:
    host, port = address.split(":")
    with socket.socket() as one:
        return one.connect_ex((host, int(port))) == 0


def check(exporter: str, nginx: LiveNginx, name: str) -> int:
    """Let it check a situation; the hits of that."""
    mark = f"blackbox.{name}"
    target = url(nginx, SITUATIONS[name], mark).replace("?", "%3F")
    build_opener(ProxyHandler({})).open(exporter + target, timeout=30).read()
    return len(hits(nginx, mark))


@pytest.mark.parametrize("name", FIRST)
def test_the_blackbox_exporter_asks_once(name: str, exporter: str, nginx: LiveNginx) -> None:
    assert check(exporter, nginx, name) == 1


def test_go_tries_a_444_over_http2_without_end(
    exporter: str, nginx: LiveNginx, tmp_path: Path
) -> None:
    """golang/go issue 52459. The catalogue has as many as an action can say."""
    monitor = caller(
        client='"blackbox"',
        calls='[{ path = "/dropped" }]',
        port=443,
        tls=True,
        protocol='"HTTP/2.0"',
        keeps_connections=False,
    )
    found = simulate(world(tmp_path, monitor, rtt_ms=0), load_policy(CONF), engine="simpy")
    assert len(found.requests["wish"]) == 21
    assert check(exporter, nginx, "stream") > 21


# newsboat


if ALL:

    @pytest.mark.parametrize("name", FIRST)
    def test_newsboat_asks_once_in_each_reload(name: str, nginx: LiveNginx, tmp_path: Path) -> None:
        urls, none = tmp_path / "urls", tmp_path / "config"
        urls.write_text(url(nginx, FIRST[name], f"newsboat.{name}") + "\n")
        none.write_text("")
        options = ("-u", str(urls), "-c", str(tmp_path / "cache"), "-C", str(none), "-x", "reload")
        subprocess.run([program("newsboat"), *options], env=environment(tmp_path), check=True)
        assert len(hits(nginx, f"newsboat.{name}")) == 1
