"""What hostile strings are given to, and what has to hold whatever they are."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Protocol

from simkit.draws import mix
from simkit.errors import InputError
from simkit.live.serve.reading import Limits, RequestReader
from simkit.policy import Gate, Planner, Policy, load_policy
from simkit.wire import Fault, Shape, address
from tests.fuzz import configurations
from tests.live.serve.hostile import make as make_request

CLIENT = address("192.0.2.1")
SHAPES = (
    Shape(),
    Shape(target="/a/../a/b?a=1&b", headers=(("Host", "a"), ("A", "b"), ("Cookie", "a=1"))),
)

__all__ = ["TARGETS", "Configurations", "Requests", "Target"]


class Target(Protocol):
    """A reader under trial. A folder of its own is what it is made with."""

    def make(self, seed: int, number: int) -> bytes:
        """The hostile string of that number."""

    def attempt(self, data: bytes) -> str:
        """Give it the string; in a word what came of it. Anything raised is a fault."""


class Configurations:
    """The reader of configurations: one clear error or a policy, and an answer for whoever asks."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / configurations.NAME
        self._texts = configurations.corpus()
        for name, content in configurations.BESIDE.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)

    def make(self, seed: int, number: int) -> bytes:
        """A configuration."""
        return configurations.make(seed, number, self._texts)

    def attempt(self, data: bytes) -> str:
        """Load it and ask it."""
        self._path.write_bytes(data)
        try:
            policy = load_policy(self._path)
        except InputError as error:
            check(error, self._path)
            return "refused"
        return self._ask(policy)

    def _ask(self, policy: Policy) -> str:
        planner = Planner(policy)
        gate = Gate(planner)
        for shape in SHAPES:
            try:
                step = gate.admit(planner.bind(shape, CLIENT), 0)
            except InputError as error:
                check(error, self._path)
                return "refused when asked"
            while step.decision is None:
                assert step.wait_ms > 0
                step = gate.resume(step, step.wait_ms)
        return "answered"


def check(error: InputError, path: Path) -> None:
    """An error says what and where, in one line that is safe to print."""
    assert error.what.strip(), "an error without words"
    assert str(error).isprintable()
    assert error.file is not None, f"an error without a file: {error}"
    assert error.line is None or error.line > 0


class Requests:
    """The reader of requests, and the policy that answers what it has read."""

    def __init__(self, folder: Path) -> None:
        path = folder / "site.conf"
        path.write_text(SITE)
        self._policy = load_policy(path)

    def make(self, seed: int, number: int) -> bytes:
        """What a client sends over one connection."""
        rng = Random(mix(mix(1, seed), number))
        if number % 10 == 0:
            return rng.randbytes(rng.randrange(80))
        return make_request(rng, long=number % 10 == 1) * (1 + number % 2)

    def attempt(self, data: bytes) -> str:
        """Read it to its end, and answer the first request that it makes."""
        reader, sent, count = RequestReader(lambda _: Limits()), 0, 0
        while sent < len(data):
            room = max(1, reader.room)
            reader.feed(data[sent : sent + room])
            sent += room
            while (request := reader.next()) is not None:
                count += 1
                shape = request.shape
                assert shape.fault is not Fault.NONE or shape.method
                assert request.header_bytes <= len(data)
                if count == 1:
                    planner = Planner(self._policy)  # a fresh one: it remembers what it is asked
                    assert Gate(planner).admit(planner.bind(shape, CLIENT), 0).decision is not None
                if shape.fault is not Fault.NONE:
                    return "refused"
                reader.take(request.body_bytes or 0)
        return "read" if count else "unfinished"


SITE = r"""
events {}
http {
    map $http_user_agent $bot { default 0; "" 1; ~*(bot) "$1"; }
    server {
        listen 80 default_server;
        error_page 400 405 414 494 501 505 /error?x=$bot;
        location / { rewrite ^/(.)(.*)$ /$2?q=$1 last; return 200 "$uri$args"; }
        location ~* \.(php|cgi)$ { return 301 https://$host$request_uri; }
        location = /error { return 403 "$uri?$args"; }
    }
}
"""

TARGETS: dict[str, type[Configurations | Requests]] = {
    "configurations": Configurations,
    "requests": Requests,
}
