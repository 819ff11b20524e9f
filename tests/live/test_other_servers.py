"""How other servers do not answer, as a client sees it: HAProxy live, Apache's own check."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from simkit.live import Ending, Endpoint, Exchange, exchange
from simkit.live.listening import Listen, free_ports
from tests.live.raw import get

SBIN = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
REJECT, DROP, RESET, TARPIT = (Listen(4, "*", port) for port in range(8001, 8005))
HAPROXY = """
global
    maxconn 100
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 5s
    timeout tarpit 300ms
frontend reject
    bind {reject}
    http-request reject
frontend drop
    bind {drop}
    http-request silent-drop
frontend reset
    bind {reset}
    tcp-request connection reject
frontend tarpit
    bind {tarpit}
    http-request tarpit deny_status 403
"""
APACHE = """
ServerName localhost
Listen 127.0.0.1:18998
DefaultRuntimeDir {folder}
PidFile {folder}/pid
ErrorLog {folder}/error.log
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule rewrite_module {modules}/mod_rewrite.so
RewriteEngine on
RewriteRule ^ - [R={code},L]
"""


def program(name: str) -> str:
    found = shutil.which(name, path=SBIN)
    if found is None:
        pytest.fail(f"{name} is not on this machine")
    return found


@pytest.fixture(scope="module")
def haproxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Listen, Endpoint]]:
    ends = free_ports([REJECT, DROP, RESET, TARPIT])
    names = zip(("reject", "drop", "reset", "tarpit"), ends.values(), strict=True)
    config = tmp_path_factory.mktemp("haproxy") / "haproxy.cfg"
    config.write_text(HAPROXY.format(**{name: f"{e.host}:{e.port}" for name, e in names}))
    command = [program("haproxy"), "-db", "-q", "-f", str(config)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        wait_until_it_answers(ends[REJECT], process)
        yield ends
        process.terminate()


def wait_until_it_answers(end: Endpoint, process: subprocess.Popen[bytes]) -> None:
    until = monotonic() + 10
    while monotonic() < until and process.poll() is None:
        try:
            exchange(end, get())
        except OSError:
            sleep(0.02)
        else:
            return
    pytest.fail("haproxy does not listen")


def seen(end: Endpoint) -> Exchange:
    return exchange(end, get(), timeout_s=1.0)


def test_haproxy_reject_is_the_same_symbol_as_444(haproxy: dict[Listen, Endpoint]) -> None:
    found = seen(haproxy[REJECT])
    assert (found.received, found.ending) == (b"", Ending.FIN)


def test_haproxy_silent_drop_leaves_the_client_waiting(haproxy: dict[Listen, Endpoint]) -> None:
    found = seen(haproxy[DROP])
    assert (found.received, found.ending) == (b"", Ending.OPEN)


def test_haproxy_rejects_a_connection_with_a_reset(haproxy: dict[Listen, Endpoint]) -> None:
    found = seen(haproxy[RESET])
    assert (found.received, found.ending) == (b"", Ending.RST)


def test_haproxy_tarpit_answers_late(haproxy: dict[Listen, Endpoint]) -> None:
    began = monotonic()
    assert seen(haproxy[TARPIT]).sight.status == 403
    assert monotonic() - began >= 0.29


def apache_accepts(code: int, folder: Path) -> tuple[bool, str]:
    """Whether Apache starts with a RewriteRule that answers this code, and its words."""
    modules = next(p for p in Path("/usr").glob("lib*/**/mod_rewrite.so")).parent
    config = folder / "apache.conf"
    config.write_text(APACHE.format(folder=folder, modules=modules, code=code))
    names = ("apache2", "httpd")
    found = next((p for n in names if (p := shutil.which(n, path=SBIN))), None) or program(names[0])
    done = subprocess.run(
        [found, "-t", "-d", str(folder), "-f", str(config)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode == 0, done.stderr


def test_claim_16_apache_refuses_a_rewrite_rule_with_444(tmp_path: Path) -> None:
    assert apache_accepts(403, tmp_path)[0]
    accepted, said = apache_accepts(444, tmp_path)
    assert not accepted
    assert "invalid HTTP response code '444' for flag 'R'" in said
