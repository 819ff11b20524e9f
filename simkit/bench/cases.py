"""What is measured: each case with its size, fixed and stated, and how often."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

from simkit.bench.case import COMPILED, OURS, SIMPY, Case
from simkit.bench.peers import PEERS

__all__ = ["CLIENTS", "KEYS", "MOST", "cases"]

CLIENTS = (1_000, 10_000, 100_000, 1_000_000)
KEYS = (8_000, 1_000_000)

_SLOW = "takes minutes: left out of a quick run"

MANY = {1_000: 5_000_000, 10_000: 5_000_000, 100_000: 10_000_000, 1_000_000: 20_000_000}
"""Requests of a long flood by number of clients: setting up a larger crowd takes longer."""
MOST = 100_000_000
"""The requests of the run whose memory is of interest."""


def cases(quick: bool) -> list[Case]:
    """All cases of a run, those that cannot be measured here among them.

    A quick run takes a tenth of the requests and three samples instead of five, and leaves out
    what takes minutes.
    """
    repeats = 3 if quick else 5
    queue = _queue(5_000 if quick else 50_000, repeats)
    limit = _limit(200_000 if quick else 2_000_000, repeats)
    return [*queue, *_flood(repeats, quick), *limit, *_start(repeats, quick)]


def _queue(requests: int, repeats: int) -> Iterator[Case]:
    for name, peer in PEERS.items():
        found = importlib.util.find_spec(peer.library)
        absent = "" if found else f"not installed: {peer.library}"
        loops = 100 if "recursion" in name else 1
        yield Case("queue", name, requests, loops=loops, repeats=repeats, missing=absent)
    for engine in OURS:
        yield Case("queue", engine, requests, repeats=repeats)


def _flood(repeats: int, quick: bool) -> Iterator[Case]:
    """Both engines on the same floods, then the compiled one on longer ones."""
    for clients in CLIENTS:
        requests = max(10_000 if quick else 500_000 // (clients // 1_000), clients)
        many_clients = clients > 100_000
        why = _SLOW if quick and many_clients else ""
        for engine in OURS:
            times = 1 if many_clients else repeats
            yield Case("flood", engine, requests, clients, repeats=times, missing=why)
    for clients, many in MANY.items():
        requests = 1_000_000 if quick else many
        yield Case("flood", COMPILED, requests, clients, 1, repeats, record="totals")
    why = _SLOW if quick else ""
    yield Case("flood", COMPILED, MOST, CLIENTS[0], 1, 1, record="totals", missing=why)


def _limit(decisions: int, repeats: int) -> Iterator[Case]:
    for size in KEYS:
        for engine in OURS:
            yield Case("limit", engine, decisions, size, repeats=repeats)


def _start(repeats: int, quick: bool) -> Iterator[Case]:
    """Without compiled code, with a cache of it, and with an empty cache: that takes a minute."""
    slow = _SLOW if quick else ""
    yield Case("start", SIMPY, 1_000, 10, repeats=repeats)
    yield Case("start", COMPILED, 1_000, 10, repeats=repeats, cache="cached", missing=slow)
    yield Case("start", COMPILED, 1_000, 10, repeats=1, cache="cold", missing=slow)
