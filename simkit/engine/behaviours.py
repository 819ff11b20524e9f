"""The built-in behaviours: what clients of each kind of cohort do.

Each is a SimPy process that any reader could have written; what they want comes from the scenario
and how they react from their cohort's reactions. A purpose, the number of the wish and, where it
takes several draws, a second number name every draw.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

from simpy.events import Event

from simkit import draws
from simkit.draws import Purpose
from simkit.engine.client import Attempt, Behaviour, Client, Wish
from simkit.traffic import (
    Action,
    Call,
    Caller,
    CohortBase,
    Flood,
    PageSpec,
    Probe,
    Scanner,
    Slow,
    Visitor,
)
from simkit.traffic.arrivals import LONGEST_NS
from simkit.traffic.part import NS_PER_S
from simkit.wire import Sight, SightKind

__all__ = ["BEHAVIOURS", "Start", "fulfil"]

Start = Callable[[Client], Behaviour]
"""A behaviour before it has met its client."""

_NOT_FOUND = 404


def fulfil(
    wish: Wish, target: str, item: int = 0, *, method: str = "GET", body_bytes: int = 0
) -> Generator[Event, Any, Sight]:
    """Ask for a part of a wish until it comes or the reactions have nothing more to say."""
    me = wish.client
    delayed = at_once = 0
    while True:
        attempt = wish.ask(target, item, method=method, body_bytes=body_bytes)
        sight: Sight = yield attempt
        action = me.react(sight, method)
        if sight.fine:
            break
        if _resends(action, attempt, at_once):
            at_once += 1
            continue
        delay_s = _delay_s(action, attempt, delayed)
        if delay_s is None or me.left:
            break
        delayed += 1
        at_once = 0
        yield me.sleep(delay_s)
    me.has_done_with(sight)
    return sight


def _resends(action: Action, attempt: Attempt, so_far: int) -> bool:
    if so_far < action.resend_at_once and not (action.documents_only and attempt.item):
        return True
    return attempt.reused and so_far < action.resend_reused


def _delay_s(action: Action, attempt: Attempt, so_far: int) -> float | None:
    """The seconds before the next try; None: there is none."""
    if action.documents_only and attempt.item:
        return None
    sight = attempt.sight
    wait_s = action.wait_s(sight, so_far)
    if wait_s is None or not action.draws(sight):
        return wait_s
    where = (attempt.wish_number, attempt.item << 16 | attempt.attempt)
    return action.drawn_s(wait_s, draws.uniform(attempt.key, Purpose.BACKOFF, *where))


# Visitors


def visitor(me: Client) -> Behaviour:
    """Sessions of pages, thinking in between."""
    spec = _spec(me, Visitor)
    for session, start_ns in enumerate(me.starts()):
        yield me.until(start_ns)
        yield from _session(me, spec, session)
        if me.left:
            return


def _session(me: Client, spec: Visitor, session: int) -> Behaviour:
    site = me.scenario.site
    pages = draws.geometric(spec.pages_mean, me.uniform(Purpose.LENGTH, session))
    loaded: set[str] = set()
    for number in range(pages):
        wish = me.begin()
        path = spec.pages[0] if number == 0 else _choice(spec.pages, wish)
        yield from _view(wish, site.page(path), spec.connections, loaded)
        if me.left or number == pages - 1:
            return
        think_s = me.exponential(spec.think_mean_s, Purpose.THINK, wish.number)
        yield me.sleep(min(think_s, spec.think_cap_s))


def _view(wish: Wish, page: PageSpec, connections: int, loaded: set[str]) -> Behaviour:
    """A page: its document, then what it needs and the session has not loaded yet."""
    sight = yield from fulfil(wish, page.path)
    if sight.fine:
        needed = [(i, p) for i, p in enumerate(page.resources, 1) if p not in loaded]
        lanes = len(needed) if wish.client.http2 else min(connections, len(needed))
        queue = iter(needed)
        yield wish.client.together([_load(wish, queue, loaded) for _ in range(lanes)])
    wish.end()


def _load(wish: Wish, queue: Iterator[tuple[int, str]], loaded: set[str]) -> Behaviour:
    """One of the lanes of a page: a resource after the other."""
    for item, path in queue:
        sight = yield from fulfil(wish, path, item)
        if sight.fine:
            loaded.add(path)


# Callers and probes


def caller(me: Client) -> Behaviour:
    """One call after another."""
    spec = _spec(me, Caller)
    for number, start_ns in enumerate(me.starts()):
        yield me.until(start_ns)
        wish = me.begin()
        in_turn = spec.order == "in turn"
        call = spec.calls[number % len(spec.calls)] if in_turn else _choice(spec.calls, wish)
        yield from _make(wish, call)
        if me.left:
            return


def probe(me: Client) -> Behaviour:
    """A single request."""
    spec = _spec(me, Probe)
    for start_ns in me.starts():
        yield me.until(start_ns)
        wish = me.begin()
        yield from _make(wish, _choice(spec.calls, wish))


def _make(wish: Wish, call: Call) -> Behaviour:
    yield from fulfil(wish, call.path, method=call.method, body_bytes=call.body_bytes)
    wish.end()


# Scanners


def scanner(me: Client) -> Behaviour:
    """A list of requests, if the server can be scanned at all."""
    spec = _spec(me, Scanner)
    pacer = Pacer(spec.rate_per_s)
    for start_ns in me.starts():
        yield me.until(start_ns)
        if not spec.examines or (yield from _can_be_scanned(me)):
            calls = iter(spec.asks())
            yield me.together([_scan(me, calls, pacer) for _ in range(spec.threads)])
        if me.left:
            return


def _can_be_scanned(me: Client) -> Generator[Event, Any, bool]:
    """Whether something answers, and tells what exists from what does not."""
    front = yield from _scan_one(me, Call())
    if front.kind is not SightKind.HTTP:
        return False
    absent = yield from _scan_one(me, Call(path=f"/{me.key:016x}"))
    return absent.kind is SightKind.HTTP and absent.status == _NOT_FOUND


def _scan(me: Client, calls: Iterator[Call], pacer: Pacer) -> Behaviour:
    """One of the scanner's threads."""
    for call in calls:
        if me.left:
            return
        if pacer.gap_ns:
            yield me.until(pacer.turn_ns(me.env.now, me.pace))
        yield from _scan_one(me, call)


def _scan_one(me: Client, call: Call) -> Generator[Event, Any, Sight]:
    wish = me.begin()
    found = yield from fulfil(wish, call.path, method=call.method, body_bytes=call.body_bytes)
    wish.end()
    return found


# Floods and slow clients


def flood(me: Client) -> Behaviour:
    """Requests that wait for no answer."""
    spec = _spec(me, Flood)
    only = spec.calls[0] if len(spec.calls) == 1 else None
    for start_ns in me.starts(waits=False):
        yield me.until(start_ns)
        if me.left:
            return
        wish = me.begin(single=True)
        call = only or _choice(spec.calls, wish)
        wish.ask(call.path, method=call.method, body_bytes=call.body_bytes)


def slow(me: Client) -> Behaviour:
    """Connections that are held open, and opened again."""
    spec = _spec(me, Slow)
    pacer = Pacer(spec.open_per_s)
    for start_ns in me.starts():
        yield me.until(start_ns)
        yield me.together([_hold(me, spec, pacer) for _ in range(spec.connections)])


class Pacer:
    """Turns at a rate, if there is one: each a gap after the last."""

    def __init__(self, per_s: float | None) -> None:
        self.gap_ns = 0 if per_s is None else int(NS_PER_S / per_s)
        self._next_ns = 0

    def turn_ns(self, now_ns: int, pace: float = 1.0) -> int:
        """The time of the next turn; ``pace`` stretches the gap that follows it."""
        turn = max(now_ns, self._next_ns)
        self._next_ns = turn + int(min(self.gap_ns * pace, LONGEST_NS))
        return turn


def _hold(me: Client, spec: Slow, pacer: Pacer) -> Behaviour:
    """One connection, for as long as the arrivals last."""
    until_ns = spec.arrivals.end_ns(me.scenario.window_ns)
    call, body_bytes = spec.asks_for, spec.asks_for.body_bytes if spec.what == "body" else 0
    while me.env.now < until_ns and not me.left:
        yield me.until(pacer.turn_ns(me.env.now))
        wish = me.begin()
        sight = yield wish.hold(
            call.path,
            spec.line_every_s,
            method=call.method,
            body_bytes=body_bytes,
            heeds=spec.heeds,
        )
        wish.end()
        me.react(sight, call.method)


# Small things


def _choice(options: tuple[Any, ...], wish: Wish) -> Any:
    u = wish.client.uniform(Purpose.CHOICE, wish.number)
    return options[draws.integer(len(options), u)]


def _spec(me: Client, kind: type[Any]) -> Any:
    assert isinstance(me.spec, kind)
    return me.spec


BEHAVIOURS: dict[type[CohortBase], Start] = {
    Visitor: visitor,
    Caller: caller,
    Probe: probe,
    Scanner: scanner,
    Flood: flood,
    Slow: slow,
}
"""The behaviour of each kind of cohort."""
