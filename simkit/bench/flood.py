"""The whole model under a flood: 20,000 requests/s from any number of bots, `recommended` applied.

The requests are fixed, for each bot sends one each ``every_s`` from a phase of its own: a window of
``requests / 20,000`` seconds holds exactly that many, provided each bot sends a whole number.
With 1,000 bots each keeps its connection and half of what it sends is over the limit of its
address; with 10,000 or more, none is over its limit and every request comes on a connection of its
own, for the server has to close idle ones to make room. Both are what a real server would see.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simkit.engine import Run
from simkit.policy import Policy, load_policy
from simkit.shipped import find
from simkit.traffic import Scenario, load_scenario

__all__ = ["POLICY", "RATE_PER_S", "Flooded", "counted", "digest", "policy", "scenario"]

RATE_PER_S = 20_000
POLICY = "recommended"


@dataclass(frozen=True, slots=True)
class Flooded:
    """What a flood came to; ``digest`` stands for its tables."""

    requests: int
    events: int
    digest: str


def scenario(clients: int, requests: int) -> Scenario:
    """The flood with that many bots and, all together, exactly that many requests."""
    if requests % clients:
        raise ValueError(f"{clients} clients cannot send {requests} requests, each as many")
    base = load_scenario(Path(__file__).resolve().parent / "flood.toml")
    cohort = base.cohorts[0]
    every = {"every_s": clients / RATE_PER_S}
    bots = cohort.model_copy(
        update={"count": clients, "arrivals": cohort.arrivals.model_copy(update=every)}
    )
    return base.model_copy(update={"length_s": requests / RATE_PER_S, "cohorts": (bots,)})


def policy() -> Policy:
    """The shipped policy that the flood meets."""
    return load_policy(find("policies", POLICY))


def counted(run: Run, requests: int) -> Flooded:
    """What a run came to. Raises AssertionError where it lacks requests, or has too many."""
    sent = int(run.clients["requests"].sum())
    if sent != requests:
        raise AssertionError(f"{sent} requests, not {requests}")
    return Flooded(sent, run.events, digest(run))


def digest(run: Run) -> str:
    """A hash of all tables: the same on both engines, and in every repetition."""
    found = hashlib.blake2b(digest_size=8)
    for table in (run.requests, run.wishes, run.clients, run.answers):
        for name, column in table.items():
            found.update(name.encode())
            found.update(np.ascontiguousarray(column).tobytes())
    return found.hexdigest()
