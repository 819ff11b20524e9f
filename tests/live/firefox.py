"""A headless Firefox, spoken to over a socket: pages, and what their scripts ask for.

The protocol is Marionette's: messages of JSON, each with its length and a colon in front.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

__all__ = ["Firefox", "open_firefox"]

_NAMES = ("firefox-esr", "firefox")
_PATIENCE_S = 60.0
# What it would otherwise do by itself when it starts, and a name that is this machine.
_PREFERENCES: Mapping[str, str | int | bool] = {
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "browser.aboutwelcome.enabled": False,
    "browser.region.network.url": "",
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.search.update": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.push.connection.enabled": False,
    "dom.security.https_first": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.dns.localDomains": "site.example",
    "network.proxy.type": 0,
    "network.trr.mode": 5,
    "services.settings.server": "data:,none",
    "toolkit.telemetry.enabled": False,
}


class Firefox:
    """A running Firefox with one window. ``site.example`` is this machine."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._waiting = b""
        self._number = 0
        self._receive()  # it says first who it is

    def open(self, url: str) -> None:
        """Go to an address; it need not answer."""
        self._command("WebDriver:Navigate", url=url)

    def run(self, promise: str) -> str:
        """Run a script in the page and wait for what its promise comes to."""
        script = f"const [done] = arguments; ({promise}).then(done, e => done('failed'))"
        found = self._command("WebDriver:ExecuteAsyncScript", script=script, args=[])
        return str(found["value"])

    def fetch(self, path: str, method: str = "GET") -> str:
        """Ask for a path from within the page: the status, or ``failed``."""
        return self.run(f"fetch({path!r}, {{method: {method!r}}}).then(r => '' + r.status)")

    def begin(self) -> None:
        """Begin a session that takes any certificate."""
        self._command("WebDriver:NewSession", acceptInsecureCerts=True)

    def _command(self, name: str, **given: Any) -> dict[str, Any]:
        self._number += 1
        message = json.dumps([0, self._number, name, given])
        self._connection.sendall(f"{len(message)}:{message}".encode())
        _, _, error, found = self._receive()
        if error and name == "WebDriver:Navigate":
            return {}  # it shows an error page
        if error:
            pytest.fail(f"Firefox refuses {name}: {error}")
        return dict(found)

    def _receive(self) -> Any:
        length, _, rest = self._more(b"").partition(b":")
        while not length.isdigit() or len(rest) < int(length):
            length, _, rest = self._more(self._waiting).partition(b":")
        size = int(length)
        self._waiting = rest[size:]
        return json.loads(rest[:size])

    def _more(self, so_far: bytes) -> bytes:
        if not so_far and self._waiting:
            return self._waiting
        data = self._connection.recv(1 << 16)
        if not data:
            pytest.fail("Firefox has ended")
        self._waiting = so_far + data
        return self._waiting


@contextmanager
def open_firefox() -> Iterator[Firefox]:
    """A Firefox with a fresh profile; the test fails where it is not installed."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.fail("firefox-esr is not on the PATH")
    with tempfile.TemporaryDirectory(prefix="simkit-firefox-", ignore_cleanup_errors=True) as made:
        port = _free_port()
        profile = _profile(Path(made), port)
        process = subprocess.Popen(
            [program, "--headless", "--no-remote", "--marionette", "--profile", str(profile)],
            env={**os.environ, "HOME": made},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            with _connect(port) as connection:
                browser = Firefox(connection)
                browser.begin()
                yield browser
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _profile(home: Path, port: int) -> Path:
    preferences = {**_PREFERENCES, "marionette.port": port}
    lines = (f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in preferences.items())
    profile = home / "profile"
    profile.mkdir()
    (profile / "user.js").write_text("".join(lines))
    return profile


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _connect(port: int) -> socket.socket:
    until = monotonic() + _PATIENCE_S
    while monotonic() < until:
        try:
            connection = socket.create_connection(("127.0.0.1", port))
        except OSError:
            sleep(0.1)
        else:
            connection.settimeout(_PATIENCE_S)
            return connection
    pytest.fail("Firefox does not listen to Marionette")
