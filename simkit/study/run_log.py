"""A run as an access log: what nginx would have logged of it, in the order in which it would.

What a run does not record is derived, and is as good as this:

- nginx logs a request when it ends. That is taken to be half a round trip before the client saw
  the end, or the moment at which the client gave up.
- ``$request_time`` is the latency without the round trips: one on a connection that stood, two on
  a new one, three with TLS. Work and waiting of the worker within a handshake stay in it.
- The body's length and ``$limit_req_status`` are those of the way through the request's plan that
  ends as recorded. Of limits in a dry run the log says ``PASSED``, whatever they found.

A request that nothing is logged of (status 0: it never came to be answered before the window
closed, or the handshake failed) has no line. What ``access_log off``, ``access_log … if=`` and
`log_subrequest` say is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simkit.accesslog.writing import Entry
from simkit.engine.run import Run
from simkit.engine.stage import Stage, stage
from simkit.errors import InputError
from simkit.policy import Policy
from simkit.policy.answers import page_bytes
from simkit.policy.plan import Answer, Consult, Decision, Node, Occupy
from simkit.strategy import AnyStrategy, strategy_of
from simkit.traffic import CohortBase, Scenario
from simkit.wire import Address, Shape, SightKind, address

__all__ = ["logged", "run_entries"]

_NS_PER_MS = 1_000_000
_FROM_SERVER = (SightKind.RESET, SightKind.EMPTY, SightKind.STREAM_RESET, SightKind.HTTP)
_PASSED, _DELAYED, _REJECTED = "PASSED", "DELAYED", "REJECTED"
_TIMED_OUT = 408
_KEPT, _NEW, _NEW_TLS = 2, 4, 6
"""Half round trips from the beginning of an attempt until its end is seen."""

Int64s = npt.NDArray[np.int64]


def logged(run: Run) -> int:
    """How many requests of a run nginx would log."""
    answers = run.answers
    return int(answers["requests"][answers["status"].astype(np.int64) != 0].sum())


def run_entries(
    run: Run, scenario: Scenario, strategy: AnyStrategy, start: datetime
) -> Iterator[Entry]:
    """What nginx would log of a run of this scenario under this strategy, in order of time.

    ``start`` is when the run begins. Raises InputError for a run that has sums and no rows.
    """
    if not len(run.requests["sent_ns"]) and logged(run):
        raise InputError(
            "a run that recorded totals has no requests to write a log of", hint="record all"
        )
    under = strategy_of(strategy)
    ground = stage(scenario, under)
    columns = run.requests
    ended_ns, duration_ns = _times(run, ground)
    start_ms = round(start.timestamp() * 1000)
    chosen = np.flatnonzero(columns["status"])
    chosen = chosen[np.argsort(ended_ns[chosen], kind="stable")]
    came = _Arrived(run, ground)
    who, named = _address_of(under.policy), _name_of(run, under.policy)
    plans = _Plans(run, ground, came)
    cells = [columns[n][chosen].tolist() for n in ("shape", "status", "rule", "bytes")]
    places = [columns[n][chosen].tolist() for n in ("cohort", "address", "shape")]
    late = (columns["delay_ns"][chosen].astype(np.int64) > 0).tolist()
    times = (ended_ns[chosen] // _NS_PER_MS).tolist(), (duration_ns[chosen] // _NS_PER_MS).tolist()
    sent_by = zip(*places, strict=True)
    for place, *row, ended_ms, took_ms in zip(sent_by, *cells, late, *times, strict=True):
        shape, status, _, sent, _ = row
        told = plans.tell(place, *row)
        request, peer = came.at_server(*place)
        yield Entry(
            shape=request,
            address=who(request, peer),
            status=status,
            ended_ms=start_ms + ended_ms,
            duration_ms=took_ms,
            sent_bytes=sent,
            body_bytes=told.body_bytes,
            server_name=named(shape),
            peer=str(peer),
            limit_req_status=told.limit_req_status,
            limit_conn_status=told.limit_conn_status,
        )


def _times(run: Run, ground: Stage) -> tuple[Int64s, Int64s]:
    """When each request ended for the server, and how long it had it."""
    columns = run.requests
    halves = np.array([_half_ns(ground, c) for c in ground.scenario.cohorts], np.int64)
    half_ns = halves[columns["cohort"].astype(np.int64)]
    latency_ns = columns["latency_ns"].astype(np.int64)
    answered = np.isin(columns["sight"], _FROM_SERVER)
    ended_ns = columns["sent_ns"].astype(np.int64) + latency_ns - np.where(answered, half_ns, 0)
    tls = np.array([shape.tls for shape in run.shapes], np.bool_)[columns["shape"].astype(np.int64)]
    trips = np.where(columns["reused"], _KEPT, np.where(tls, _NEW_TLS, _NEW))
    return ended_ns, np.maximum(0, latency_ns - trips * half_ns)


def _half_ns(ground: Stage, cohort: CohortBase) -> int:
    """The time from a client to the server, through a CDN if there is one."""
    cdn = ground.strategy.cdn
    if cdn is None or not ground.has_edge(cohort):
        return ground.half_rtt_ns(cohort)
    return int(cdn.spec.rtt_ms * _NS_PER_MS) // 2 + ground.half_rtt_of_edges_ns


class _Sent:
    """The headers of a request, as realip asks for them."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape

    def all(self, name: str) -> list[str]:
        """The values of every header of that name."""
        return [v for n, v in self._shape.headers if n.lower() == name.lower()]


class _Arrived:
    """Requests as they came to the server: a CDN sends them from its own address."""

    def __init__(self, run: Run, ground: Stage) -> None:
        self._run = run
        self._ground = ground
        self._known: dict[tuple[int, ...], tuple[Shape, Address]] = {}

    def at_server(self, *place: int) -> tuple[Shape, Address]:
        """``place`` are cohort, address and shape: the request that came, and from where."""
        if place not in self._known:
            self._known[place] = self._came(*place)
        return self._known[place]

    def _came(self, cohort: int, number: int, shape: int) -> tuple[Shape, Address]:
        sent, who = self._run.shapes[shape], address(self._run.addresses[number])
        cdn = self._ground.strategy.cdn
        if cdn is None or not self._ground.has_edge(self._ground.scenario.cohorts[cohort]):
            return sent, who
        passed = cdn.passed_on(sent, who)
        return passed or sent, cdn.address_of(cdn.edge_of(who))


def _address_of(policy: Policy) -> Callable[[Shape, Address], str]:
    """The address that nginx takes a client to have, by its request and where that came from."""
    known = dict.fromkeys(server.base.realip for server in policy.http.servers)
    realips = [realip for realip in known if realip is not None]

    @lru_cache(maxsize=1 << 16)
    def found(shape: Shape, peer: Address) -> str:
        for realip in realips:
            named = realip.resolve(peer, _Sent(shape))
            if named is not None:
                return str(named)
        return str(peer)

    return found if realips else lambda _, peer: str(peer)


def _name_of(run: Run, policy: Policy) -> Callable[[int], str]:
    """The name of the server that answers where a request names no host."""

    @cache
    def found(shape: int) -> str:
        port = run.shapes[shape].port
        group = policy.groups.get((port, False)) or policy.groups.get((port, True))
        return "" if group is None else next(iter(group.servers[0].names), "")

    return found


class _Told(NamedTuple):
    """What a plan tells of a request beside what its row says."""

    body_bytes: int
    limit_req_status: str | None
    limit_conn_status: str | None


class _Plans:
    """Finds how a request went through its plan, by what its row says of the end."""

    def __init__(self, run: Run, ground: Stage, came: _Arrived) -> None:
        self._run = run
        self._planner = ground.planner
        self._came = came
        self._known: dict[tuple[int, ...], _Told] = {}

    def tell(self, place: tuple[int, ...], *row: int) -> _Told:
        """``row`` are shape, status, rule, bytes sent and whether it was delayed.

        Requests of one shape that end alike are alike in this, whatever the address.
        """
        if row not in self._known:
            self._known[row] = self._told(place, row)
        return self._known[row]

    def _told(self, place: tuple[int, ...], row: tuple[int, ...]) -> _Told:
        _, status, rule, sent, late = row
        if status == _TIMED_OUT and not sent:
            return _Told(0, None, None)
        plan = self._planner.plan(*self._came.at_server(*place))
        decisive = self._run.rules[rule] if rule >= 0 else None
        ways = list(_ways(plan.root, None, None))
        timely = [way for way in ways if (way.limit_req_status == _DELAYED) == bool(late)] or ways
        wanted = (status, sent, decisive)
        for way in timely:
            decision = way.decision
            if (decision.status, decision.bytes_sent, decision.rule) == wanted:
                return _Told(decision.sight.body_bytes, *way[1:])
        # What no plan has comes in place of an answer of the upstream: a page of nginx's own.
        body_bytes = page_bytes(status, tokens=True, padded=False) if sent else 0
        return _Told(body_bytes, *timely[0][1:])


class _Way(NamedTuple):
    """A way through a plan: where it ends, and what the limits on it said."""

    decision: Decision
    limit_req_status: str | None
    limit_conn_status: str | None


def _ways(node: Node, rate: str | None, connections: str | None) -> Iterator[_Way]:
    """Every way on from a node, that on which nothing is refused first; the first limit counts."""
    if isinstance(node, Consult):
        yield from _ways(node.passed, rate or _PASSED, connections)
        if not node.dry_run:
            yield from _ways(node.delayed, rate or _DELAYED, connections)
            for child in node.rejected:
                yield from _ways(child, rate or _REJECTED, connections)
    elif isinstance(node, Occupy):
        yield from _ways(node.passed, rate, connections or _PASSED)
        for child in () if node.dry_run else node.rejected:
            yield from _ways(child, rate, connections or _REJECTED)
    elif isinstance(node, Answer):
        yield _Way(node.decision, rate, connections)
