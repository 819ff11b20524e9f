"""When who asks for what in a timed trace, drawn and laid out before anything is sent.

The rate changes every quarter of a second. Requests come in bursts with pauses between them, so
that limits pass, delay and reject. The trace is gone through in a simulation first: where a request
would wait for longer than there is time for, another client asks instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass

from simkit.draws import Purpose, exponential, integer, stream, uniform
from simkit.live.timed.callers import Target
from simkit.policy import Gate, Planner
from simkit.wire import Address, Shape

__all__ = ["Call", "Pace", "calls"]

_SEGMENT_S = 0.25
_BURST_SHARE = 0.4
_PAUSE_SHARE, _PAUSE_S = 0.001, 0.4
_CLIENTS, _CROWD, _CROWD_SHARE = 4, 400, 0.15
_VALUES = 4
_TRIES = 12
_EXCHANGE_S = 0.0007
_NAME = "timed trace"


@dataclass(frozen=True, slots=True)
class Pace:
    """Requests per second, from and to, and for how long requests may wait.

    ``wait_s`` is the longest wait of a single request. With ``in_turn`` one request waits for
    another, and ``all_waits_s`` is what they may wait together.
    """

    from_per_s: float
    to_per_s: float
    wait_s: float
    in_turn: bool
    all_waits_s: float


@dataclass(frozen=True, slots=True)
class Call:
    """A request to send: when, counted from the first, what, and from which address."""

    at_s: float
    shape: Shape
    client: Address


def calls(
    planner: Planner,
    targets: tuple[Target, ...],
    clients: Callable[[int], Address],
    *,
    requests: int,
    seed: int,
    pace: Pace,
) -> list[Call]:
    """The trace. A request is left out where whoever asks would have to wait for too long."""
    drawing = _Drawing(stream(seed, _NAME, 0), targets, clients)
    rehearsal, found, at_s = _Rehearsal(planner, pace), list[Call](), 0.0
    for number, gap_s in enumerate(_gaps(drawing.key, pace, requests)):
        at_s += gap_s
        for attempt in range(_TRIES):
            shape, client = drawing.draw(number, attempt)
            if rehearsal.admits(shape, client, at_s):
                found.append(Call(at_s, shape, client))
                break
    return found


def _gaps(key: int, pace: Pace, requests: int) -> Iterator[float]:
    """The time from each request to the one before, in seconds."""
    at_s = 0.0
    for number in range(requests):
        which = uniform(key, Purpose.ARRIVAL, 0, int(at_s / _SEGMENT_S))
        rate = pace.from_per_s + (pace.to_per_s - pace.from_per_s) * which
        gap_s = 0.0
        if uniform(key, Purpose.ARRIVAL, 1, number) >= _BURST_SHARE:
            mean_s = 1 / (rate * (1 - _BURST_SHARE))
            gap_s = exponential(mean_s, uniform(key, Purpose.ARRIVAL, 2, number))
        if uniform(key, Purpose.ARRIVAL, 3, number) < _PAUSE_SHARE:
            gap_s += _PAUSE_S
        at_s += gap_s
        yield gap_s


@dataclass(frozen=True, slots=True)
class _Drawing:
    """Who asks for what: a few clients often, and after a refusal by the rehearsal a new one."""

    key: int
    targets: tuple[Target, ...]
    clients: Callable[[int], Address]

    def draw(self, number: int, attempt: int) -> tuple[Shape, Address]:
        """What the ``number``-th request is, at the ``attempt``-th try."""
        at = number * _TRIES + attempt
        target = self.targets[integer(len(self.targets), uniform(self.key, Purpose.CHOICE, 0, at))]
        values = (None, *target.words, *(f"k{i}" for i in range(1, _VALUES)))
        value = values[integer(len(values), uniform(self.key, Purpose.CHOICE, 1, at))]
        client = self._client(at)
        if attempt:
            client = _CLIENTS + _CROWD + number
            value = f"n{number}" if target.variables else None
        return target.keyed(value), self.clients(client)

    def _client(self, at: int) -> int:
        """One of a few that ask often, or now and then one of a crowd, which fills small zones."""
        u = uniform(self.key, Purpose.ADDRESS, 0, at)
        if uniform(self.key, Purpose.ADDRESS, 1, at) < _CROWD_SHARE:
            return _CLIENTS + integer(_CROWD, u)
        # The square makes the first ones the busiest.
        return integer(_CLIENTS, u * u)


class _Rehearsal:
    """The trace at its planned times, to know beforehand how long requests will wait."""

    def __init__(self, planner: Planner, pace: Pace) -> None:
        self._planner, self._pace = planner, pace
        self._gate = Gate(planner)
        self._waited_s = 0.0
        self._free_s = 0.0

    def admits(self, shape: Shape, client: Address, at_s: float) -> bool:
        """Whether there is time for this request; if so it has been made."""
        before = deepcopy(self._gate, {id(self._planner): self._planner})
        at_s = max(at_s, self._free_s)
        step = self._gate.admit(self._planner.bind(shape, client), int(1000 * at_s))
        wait_s = step.wait_ms / 1000
        if wait_s > self._pace.wait_s or self._waited_s + wait_s > self._pace.all_waits_s:
            self._gate = before
            return False
        self._waited_s += wait_s
        if self._pace.in_turn:
            self._free_s = at_s + wait_s + _EXCHANGE_S
        self._gate.release(step)
        return True
