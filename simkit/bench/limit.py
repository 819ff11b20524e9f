"""`limit_req` alone: decisions on open-loop arrivals, no client, no server, no clock to run.

A zone of 10 r/s without burst, K keys, and arrivals of 20 K/s, each of a key drawn at random: 20/s
of each key, twice what is allowed. A key that was let through is refused for 100 ms, so with
Poisson arrivals of rate λ it is let through λ / (1 + 0.1 λ) times a second: a third of them all
(a renewal process; also a type I counter with dead time). The zone is warmed by one request of each
key, spread over the mean time between two that are let through, which is where a key stands in the
long run. Memory is touched at random, as in a flood from everywhere.
"""

from __future__ import annotations

import importlib
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from simkit import draws
from simkit.many_draws import mixes, units
from simkit.policy import limits

__all__ = ["RATE_PER_1000_S", "Arrivals", "Limiter", "arrivals", "decide", "keys", "passed_share"]

Ints = npt.NDArray[np.int64]

RATE_PER_1000_S = 10_000
"""What the zone allows each key: 10 requests/s, in thousandths."""

_PER_KEY_PER_S = 20
KEY_STREAM = 0x51_4B_17
WARMING_MS = 150


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Requests in the order of time: number of the key, and time in ms."""

    key: Ints
    at_ms: Ints


def passed_share() -> float:
    """The share of all requests that is let through in the long run."""
    return 1 / (1 + _PER_KEY_PER_S * 1000 / RATE_PER_1000_S)


def arrivals(key_count: int, decisions: int) -> Arrivals:
    """Evenly spaced arrivals of keys that are drawn at random: almost Poisson for each key."""
    at_ms = np.arange(decisions, dtype=np.int64) * 1000 // (_PER_KEY_PER_S * key_count)
    return Arrivals(keys(key_count, decisions), WARMING_MS + at_ms)


def keys(key_count: int, decisions: int) -> Ints:
    """``draws.integer(key_count, draws.uniform(KEY_STREAM, 0, i))`` for each i, all at once.

    The arithmetic is that of whole numbers until the last step, a product of two doubles, so the
    array says what the scalar functions say.
    """
    found = mixes(mixes(draws.mix(KEY_STREAM, 0), np.arange(decisions, dtype=np.uint64)), 0)
    return (units(found) * key_count).astype(np.int64)


class Limiter:
    """The zone, warm: the function that all of simkit decides with, in Python or compiled."""

    def __init__(self, key_count: int, *, compiled: bool = False) -> None:
        self._compiled = compiled
        self._decide: Callable[..., int] = _compiled() if compiled else decide
        zones = limits.new_zones([RATE_PER_1000_S])
        zones[limits.CAPACITY] = key_count
        entries = array("q", bytes(8 * limits.ENTRY * key_count))
        self._state = (_shared(zones), _shared(entries)) if compiled else (zones, entries)
        every = np.arange(key_count, dtype=np.int64)
        self.passed(Arrivals(every, every * WARMING_MS // key_count))

    def prepared(self, asked: Arrivals) -> Callable[[], int]:
        """What asks for all of them and says how many are let through: this is what is timed."""
        columns: tuple[Any, Any] = (asked.key, asked.at_ms)
        if not self._compiled:
            columns = (asked.key.tolist(), asked.at_ms.tolist())
        return lambda: int(self._decide(*self._state, *columns))

    def passed(self, asked: Arrivals) -> int:
        """How many requests are let through."""
        return self.prepared(asked)()


def _shared(cells: array[int]) -> Ints:
    return np.frombuffer(cells, dtype=np.int64)


@cache
def _compiled() -> Callable[..., int]:
    """`decide` for numba, which must know the functions of `simkit.policy.limits` first."""
    importlib.import_module("simkit.engine.compiled.gate")
    found: Callable[..., int] = importlib.import_module("numba").njit(decide)
    return found


def decide(
    zones: limits.Ints, entries: limits.Ints, key: Sequence[int], at_ms: Sequence[int]
) -> int:
    """Ask zone 0, which has no burst, about each request; how many it lets through."""
    passed = 0
    for i in range(len(key)):
        verdict, _ = limits.look_up(zones, entries, 0, key[i], 0, at_ms[i], True)
        if verdict == limits.PASS:
            passed += 1
    return passed
