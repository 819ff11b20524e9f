"""A server of another version than the modelled one is called out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from simkit.live.probe import Compared, server_version
from simkit.policy import load_policy
from simkit.policy.answers import NGINX_VERSION, version_note
from simkit.study.probe import probe
from simkit.wire import Sight, SightKind
from tests.cli.commands import simkit


class Other(BaseHTTPRequestHandler):
    """A server that goes by another version."""

    protocol_version = "HTTP/1.1"
    timeout = 0.3  # for a request that does not come to its end

    def version_string(self) -> str:
        return "nginx/1.27.0 \x1b[31m"

    def do_GET(self) -> None:
        self.send_response(403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def answered(*names: str | None) -> list[Compared]:
    report = probe(load_policy(Path(__file__).parent / "configs" / "edge.conf"))
    headers = [() if name is None else (("server", name),) for name in names]
    sights = [Sight(SightKind.HTTP, 200, one) for one in headers]
    return [Compared(report.rows[0], seen=sight) for sight in sights]


@pytest.mark.parametrize(
    ("names", "version"),
    [
        ((None, "nginx/1.26.1"), "1.26.1"),
        (("nginx", "nginx/1.9 (Ubuntu)"), "1.9"),
        (("cloudflare", "nginx", "openresty/1.25.3.1"), None),
        ((), None),
    ],
)
def test_the_version_is_that_of_the_first_server_header_that_names_one(
    names: tuple[str | None, ...], version: str | None
) -> None:
    assert server_version(answered(*names)) == version


def test_only_another_version_is_worth_a_note() -> None:
    assert version_note(None) is version_note(NGINX_VERSION) is None
    note = version_note("1.27.0")
    assert note is not None
    assert "1.27.0" in note
    assert NGINX_VERSION in note


def test_probe_warns_of_the_version_that_it_meets(tmp_path: Path, port: int) -> None:
    path = tmp_path / "nginx.conf"
    path.write_text("events {} http { server { client_header_timeout 1h; return 403; } }")
    done = simkit("probe", path, "--live", "127.0.0.1", "--ports", f"80={port}")
    assert done.returncode == 1
    expected = f"this nginx is 1.27.0, modelled is {NGINX_VERSION}: some answers may differ"
    assert done.stderr == f"simkit: warning: {expected}\n"
