"""A headless Chromium, spoken to over two pipes: what it makes of a page, and how often it asks.

The protocol is that of its developer tools (``--remote-debugging-pipe``): JSON messages that end
with a NUL byte, commands on descriptor 3, replies and events on descriptor 4.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

Message = dict[str, Any]

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # it does not start as root with one
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--ignore-certificate-errors",
    "--remote-debugging-pipe",
    "--host-resolver-rules=MAP *.example 127.0.0.1",
)
_PATIENCE_S = 60.0
_WHOLE = """new Promise(
    done => document.readyState == 'complete' ? done() : addEventListener('load', done)
).then(_ => '')"""
_LOADS = "Network.requestWillBeSent"
_ANSWERS = "Network.responseReceived"

__all__ = ["Browser", "Page", "open_browser"]


@dataclass(frozen=True, slots=True)
class Page:
    """A window and the address in it; ``error`` is the name of a network error, or empty."""

    browser: Browser
    session: str
    error: str

    @property
    def loads(self) -> list[Message]:
        """The requests for a document that the window has made by now, first to last."""
        self.browser.listen()
        return [e["params"] for e in self._events(_LOADS) if e["params"].get("type") == "Document"]

    @property
    def status(self) -> int:
        """The status of the page that is shown."""
        self.browser.wait(lambda: any(self._documents()))
        return int(next(self._documents())["response"]["status"])

    @property
    def went_on_to(self) -> str:
        """Where the first answer sent it, if it was a redirect."""
        moved = (load["request"]["url"] for load in self.loads if "redirectResponse" in load)
        return str(next(moved, ""))

    def fetch(self, path: str, method: str = "GET") -> str:
        """Ask for a path from within the page: the status, or ``failed``."""
        return self.run(
            f"fetch({path!r}, {{method: {method!r}}}).then(r => '' + r.status, _ => 'failed')"
        )

    def run(self, script: str) -> str:
        """Run a script in the page and wait for what it comes to."""
        found = self.browser.tell(
            "Runtime.evaluate",
            self.session,
            expression=script,
            awaitPromise=True,
            userGesture=True,
        )
        return str(found["result"].get("value"))

    def submit(self, path: str) -> None:
        """Send a form to a path once the page is whole, as a person would."""
        self.run(_WHOLE)
        self.run(f"document.body.innerHTML = '<form method=post action={path}></form>'")
        self.run("document.forms[0].submit()")

    def _documents(self) -> Iterator[Message]:
        found = (e["params"] for e in self._events(_ANSWERS))
        return (params for params in found if params["type"] == "Document")

    def _events(self, method: str) -> Iterator[Message]:
        mine = (e for e in self.browser.events if e.get("sessionId") == self.session)
        return (e for e in mine if e["method"] == method)


class Browser:
    """A running browser. Names that end in ``.example`` are this machine."""

    def __init__(self, commands: int, replies: int) -> None:
        self._commands, self._replies = commands, replies
        self._number, self._waiting = 0, b""
        self.events: list[Message] = []

    def open(self, url: str, *, private: bool = True) -> Page:
        """Open an address in a window in sight: what is not in sight is not loaded again.

        A private one has sockets of its own, and opens fewer of them ahead of need.
        """
        own = self.tell("Target.createBrowserContext") if private else {}
        target = self.tell("Target.createTarget", url="about:blank", newWindow=True, **own)
        session = self.tell("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        name = str(session["sessionId"])
        self.tell("Network.enable", name)
        done = self.tell("Page.navigate", name, url=url)
        return Page(self, name, str(done.get("errorText", "")))

    def tell(self, method: str, session: str = "", /, **params: Any) -> Message:
        """Send a command and wait for its result; events that come before it are kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        until = monotonic() + _PATIENCE_S
        while monotonic() < until:
            for reply in self._read(until - monotonic()):
                if reply.get("id") != self._number:
                    self.events.append(reply)
                elif "result" in reply:
                    return dict(reply["result"])
                else:
                    pytest.fail(f"Chromium refuses {method}: {reply}")
        pytest.fail(f"Chromium does not answer {method}")

    def listen(self, seconds: float = 0.0) -> None:
        """Take what has happened, and what happens within so many seconds."""
        until = monotonic() + seconds
        while True:
            self.events += self._read(max(0.0, until - monotonic()))
            if monotonic() >= until:
                return

    def wait(self, is_so: Callable[[], bool]) -> None:
        """Listen until something is so; the test fails where it never is."""
        until = monotonic() + _PATIENCE_S
        while not is_so():
            if monotonic() > until:
                pytest.fail("Chromium did not do what it was waited for")
            self.listen(0.05)

    def _read(self, timeout_s: float) -> Iterator[Message]:
        if select.select([self._replies], [], [], timeout_s)[0]:
            data = os.read(self._replies, 1 << 16)
            if not data:
                pytest.fail("Chromium has ended")
            *whole, self._waiting = (self._waiting + data).split(b"\0")
            yield from map(json.loads, whole)


@contextmanager
def open_browser() -> Iterator[Browser]:
    """A browser with a fresh profile; the test fails where Chromium is not installed."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.fail("chromium is not on the PATH")
    with tempfile.TemporaryDirectory(prefix="simkit-chromium-", ignore_cleanup_errors=True) as made:
        words = Path(made) / "stderr"
        flags = (*_FLAGS, f"--user-data-dir={made}/profile")
        pid, commands, replies = _start([program, *flags], words, made)
        browser = Browser(commands, replies)
        try:
            yield browser
        finally:
            os.close(commands)  # the browser ends when nobody can command it
            _end(pid)
            os.close(replies)


def _start(command: list[str], words: Path, home: str) -> tuple[int, int, int]:
    """Start it in a group of its own: its number, and our ends of the pipes."""
    theirs_in, ours_out = map(_out_of_the_way, os.pipe())
    ours_in, theirs_out = map(_out_of_the_way, os.pipe())
    flags = os.O_WRONLY | os.O_CREAT
    pid = os.posix_spawn(
        command[0],
        command,
        {**os.environ, "HOME": home},
        setsid=True,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, theirs_in, 3),
            (os.POSIX_SPAWN_DUP2, theirs_out, 4),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, str(words), flags, 0o600),
        ],
    )
    os.close(theirs_in)
    os.close(theirs_out)
    return pid, ours_out, ours_in


def _out_of_the_way(descriptor: int) -> int:
    """The same file above the numbers that the browser needs, and closed in other programs."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return moved


def _end(pid: int) -> None:
    """Wait for it to end; what is left of its group then is made to."""
    until = monotonic() + 10
    ended = (0, 0)
    while ended[0] == 0 and monotonic() < until:
        sleep(0.02)
        ended = os.waitpid(pid, os.WNOHANG)
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    if ended[0] == 0:
        os.waitpid(pid, 0)
