"""What is measured: kinds of traffic, each made of events that a cost table prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from simkit.host.costs import ANSWERS
from simkit.traffic.machine import Certificate

__all__ = [
    "CASES",
    "CERTIFICATES",
    "COOLED",
    "EVENTS",
    "LARGE_BYTES",
    "LOADS",
    "PAUSED",
    "PAUSES_US",
    "SMALL_BYTES",
    "WAKE_UP",
    "Case",
    "Load",
    "Manner",
]

Manner = Literal["new", "kept", "kept tls", "after", "tls", "resumed", "refused", "empty", "parts"]
"""How a request comes: on a ``new`` connection, on a ``kept`` one (of TLS: ``kept tls``), on a new
one ``after`` another, after a full ``tls`` handshake or one that ``resumed`` a session; a
``refused`` handshake; a connection that says nothing (``empty``); ``parts`` of a header without an
end."""

WAKE_UP = "wake_up"

CERTIFICATES: dict[Certificate, int] = {"ecdsa": 443, "rsa": 444, "rsa3072": 446}
"""The kinds of certificates, and the ports on which they are shown."""

EVENTS = (
    *(f"new.{answer}" for answer in ANSWERS),
    *(f"kept.{answer}" for answer in ANSWERS),
    "accept",
    "read",
    "delay",
    "refused",
    *(f"handshake.{kind}" for kind in CERTIFICATES),
    "resumed",
    "tls_answer",
    "body_kb",
    "tls_body_kb",
)
"""What a cost table prices beside wake-ups; ``…body_kb`` counts 1,000 bytes of answer body."""

COOLED = (WAKE_UP, "refused", *(f"handshake.{kind}" for kind in CERTIFICATES), "resumed")
"""What costs more after a pause: a wake-up the longer the worker slept, a handshake the longer ago
the one before was."""

PAUSES_US = (100, 500, 2_000, 10_000, 40_000)
"""The pauses that the prices of `COOLED` are given for."""

LARGE_BYTES = 100_000
SMALL_BYTES = 100
"""The sizes of the two files that are served."""


@dataclass(frozen=True, slots=True)
class Load:
    """How hard: the share of a core that the worker is to use, and how many requests at once.

    The generator pauses after each round until the share is kept, or for ``pause_s`` if that is
    given. ``held``: the worker gets them all at once, so it works as one that is saturated,
    whatever it does between rounds.
    """

    name: str
    utilisation: float
    at_once: int
    held: bool = False
    pause_s: float | None = None


LOADS = (Load("low", 0.1, 1), Load("middle", 0.5, 8), Load("high", 0.9, 64, held=True))
"""One request at a time, so that each pays for its own wake-up; some; many that wait in line."""

PAUSED = tuple(Load(f"after {us / 1000:g} ms", 1.0, 1, pause_s=us / 1e6) for us in PAUSES_US)
"""One request at a time, so long after the last."""


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of traffic.

    ``events`` happen for each request whose answer begins with ``begins`` and holds ``holds``;
    ``otherwise`` is what happened where it is another answer, which is an error if that is empty.
    ``a_round`` happens once for each round of requests. ``wake_ups`` is how often the simulated
    worker is woken by a request of this kind that comes alone.
    """

    name: str
    manner: Manner
    path: str
    port: int
    begins: bytes
    events: Mapping[str, float]
    holds: bytes = b""
    otherwise: Mapping[str, float] = field(default_factory=dict)
    a_round: Mapping[str, float] = field(default_factory=dict)
    wake_ups: int = 1
    most_at_once: int = 64
    cools: bool = False

    @property
    def loads(self) -> tuple[Load, ...]:
        """The loads that it is measured under; what tells how prices cool also after pauses."""
        return LOADS + PAUSED if self.cools else LOADS


_BEGINS = {
    "silent": b"",
    "limited_silent": b"",
    "page": b"HTTP/1.1 403 ",
    "limited_page": b"HTTP/1.1 429 ",
    "static": b"HTTP/1.1 200 ",
    "proxy": b"HTTP/1.1 200 ",
}


def _answer(kind: str, manner: Manner) -> Case:
    kept = manner == "kept"
    if kept and kind.endswith("silent"):
        manner = "after"  # silence ends the connection, so each needs a new one
    state = "kept" if kept else "new"
    begin = {"new.page": 1.0} if manner == "after" else {}
    limited = kind.startswith("limited_")
    return Case(
        f"{state}.{kind}",
        manner,
        f"/{kind}",
        80,
        _BEGINS[kind],
        {**begin, f"{state}.{kind}": 1.0},
        otherwise={**begin, f"{state}.static": 1.0} if limited else {},
        wake_ups=2 if kind == "proxy" or manner == "after" else 1,
        most_at_once=16 if kind == "proxy" else 64,
        cools=(state, kind) == ("kept", "page"),
    )


def _handshake(name: str, port: int, manner: Manner = "tls") -> Case:
    events = {"accept": 1.0, "kept.page": 1.0, "tls_answer": 1.0, name: 1.0}
    page = _BEGINS["page"]
    return Case(name, manner, "/page", port, page, events, wake_ups=3, most_at_once=16, cools=True)


CASES = (
    *(_answer(kind, "new") for kind in ANSWERS),
    *(_answer(kind, "kept") for kind in ANSWERS),
    Case("accept", "empty", "", 80, b"", {"accept": 1.0}),
    Case("read", "parts", "/page", 80, b"", {"read": 1.0}, a_round={"kept.page": 1.0}, wake_ups=1),
    Case(
        "delay",
        "kept",
        "/delayed",
        80,
        _BEGINS["static"],
        {"kept.static": 1.0, "delay": 1.0},
        holds=b"X-Waited: yes",
        otherwise={"kept.static": 1.0},
        wake_ups=2,
    ),
    Case(
        "body_kb",
        "kept",
        "/large",
        80,
        _BEGINS["static"],
        {"kept.static": 1.0, "body_kb": LARGE_BYTES / 1000},
        most_at_once=16,
    ),
    Case("refused", "refused", "", 445, b"\x15\x03", {"refused": 1.0}, wake_ups=2, cools=True),
    *(_handshake(f"handshake.{kind}", port) for kind, port in CERTIFICATES.items()),
    _handshake("resumed", 443, "resumed"),
    Case(
        "tls_answer",
        "kept tls",
        "/page",
        443,
        _BEGINS["page"],
        {"kept.page": 1.0, "tls_answer": 1.0},
    ),
    Case(
        "tls_body_kb",
        "kept tls",
        "/large",
        443,
        _BEGINS["static"],
        {"kept.static": 1.0, "tls_answer": 1.0, "tls_body_kb": LARGE_BYTES / 1000},
        most_at_once=16,
    ),
)
"""All that is measured; together they tell each of `EVENTS` from the others."""
