"""The same requests at the same times once more, through the simulation, beside what nginx said.

After a miss that moving the request by a millisecond explains, the comparison goes on as if it had
come at that time, so that one doubtful millisecond is one miss and not the first of many.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import takewhile

from simkit.live.timed.report import Miss
from simkit.policy import Gate, Planner, Step
from simkit.policy.plan import Answer, Consult, Handler, Occupy
from simkit.policy.planner import Bound

__all__ = ["Compared", "Taken", "compare"]

_SHIFTS_MS = (1, -1)
_CLOCKS_APART_MS = 1  # the end is told by another clock than the beginning
_LATE_MS = 1000


@dataclass(frozen=True, slots=True)
class Taken:
    """A request as nginx took it up: when, by its own clock, and what it logged.

    ``limit`` and ``connections`` are what `$limit_req_status` and `$limit_conn_status` say,
    ``excess`` what its error log says that the limit counted, in thousandths of a request, or None.
    ``gave_up``: the client went away while it was delayed.
    """

    number: int
    bound: Bound
    at_ms: int
    status: int
    limit: str
    connections: str = ""
    excess: int | None = None
    gave_up: bool = False
    request: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """The end of the request with that number, near that time of nginx's clock."""

    number: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class _Open:
    """A request that is delayed; ``judged``: it is known to differ from nginx's already."""

    one: Taken
    step: Step
    due_ms: int
    judged: bool

    @property
    def passed_on(self) -> bool:
        """Whether it goes on to an upstream. Otherwise it ends as soon as it goes on."""
        node = self.step.node
        while not isinstance(node, Answer):
            assert isinstance(node, Consult | Occupy)
            node = node.passed
        return node.decision.handler is Handler.PROXY and self.one.connections != "REJECTED"


@dataclass(slots=True)
class Compared:
    """What the comparison found; misses are in the order of the requests."""

    requests: int = 0
    misses: list[Miss] = field(default_factory=list)
    counted: int = 0
    counted_alike: int = 0


def compare(planner: Planner, events: Iterable[Taken | End]) -> Compared:
    """Replay requests, given in the order in which nginx took them up, and compare each.

    What `limit_conn` counts is let go where an `End` stands.
    """
    comparison = _Comparison(planner)
    for event in events:
        if isinstance(event, Taken):
            comparison.take(event)
        else:
            comparison.end(event)
    comparison.finish()
    comparison.found.misses.sort(key=lambda miss: miss.number)
    return comparison.found


class _Comparison:
    """The simulation as it goes along: its limits, and the requests that wait or are served."""

    def __init__(self, planner: Planner) -> None:
        self.found = Compared()
        self._planner = planner
        self._gate = Gate(planner)
        self._waiting: dict[int, _Open] = {}
        self._served: dict[int, Step] = {}

    def take(self, one: Taken) -> None:
        """The next request."""
        self._run((one.at_ms, 0))
        before = self._copy(self._gate)
        step = self._gate.admit(one.bound, one.at_ms)
        self.found.requests += 1
        agrees = _agrees(one, step)
        flip: int | None = None
        if not agrees:
            expected = self._expected(step, one.at_ms)
            flip, step = self._flipped(one, before, step)
            self._miss(one, expected, flip)
        if agrees or flip is not None:
            self._count(one, step)
        self._keep(one, step, one.at_ms + (flip or 0), judged=not agrees)

    def end(self, end: End) -> None:
        """A request has ended: if it was delayed, it went on before that or just then."""
        open_ = self._waiting.pop(end.number, None)
        # Timers go off in the order of their times, and of equal times in the order of setting.
        self._run(max((end.at_ms, 0), (open_.due_ms, end.number) if open_ else (0, 0)))
        if open_ is not None and open_.one.gave_up and end.at_ms < open_.due_ms + _LATE_MS:
            return
        if open_ is not None:
            early = end.at_ms < open_.due_ms - _CLOCKS_APART_MS
            self._judge(open_, self._gate.resume(open_.step, open_.due_ms), early=early)
        if end.number in self._served:
            self._gate.release(self._served.pop(end.number))

    def finish(self) -> None:
        """Let everything that waits go on."""
        for number in list(self._waiting):
            open_ = self._waiting.pop(number)
            self._judge(open_, self._gate.resume(open_.step, open_.due_ms), early=False)

    def _run(self, until: tuple[int, int]) -> None:
        """Let those go on whose delay is over before then (a time, and a number at that time).

        Only those on their way to an upstream: when the others go on shows in their ends.
        Timers are never early, but may be late: if now is not the moment at which the simulation
        agrees, a later one may be, until the request ends.
        """
        due = sorted((open_.due_ms, number) for number, open_ in self._waiting.items())
        for at in takewhile(lambda at: at < until, due):
            number, open_ = at[1], self._waiting[at[1]]
            if not open_.passed_on:
                continue
            step = self._gate.resume(open_.step, open_.due_ms)
            if open_.judged or _agrees(open_.one, step):
                self._served[number] = step
                del self._waiting[number]
            else:
                self._gate.release(step)

    def _judge(self, open_: _Open, step: Step, *, early: bool) -> None:
        one = open_.one
        if not open_.judged and (early or not _agrees(one, step)):
            self._miss(one, self._expected(step, open_.due_ms), None)
        self._served[one.number] = step

    def _keep(self, one: Taken, step: Step, now_ms: int, *, judged: bool) -> None:
        """A request waits for the end of its delay, or is served until it ends."""
        if step.decision is None:
            self._waiting[one.number] = _Open(one, step, now_ms + step.wait_ms, judged)
        else:
            self._served[one.number] = step

    def _copy(self, gate: Gate) -> Gate:
        return deepcopy(gate, {id(self._planner): self._planner})

    def _flipped(self, one: Taken, before: Gate, step: Step) -> tuple[int | None, Step]:
        """The shift that makes the simulation agree, and the step that it then takes."""
        for shift in _SHIFTS_MS:
            gate = self._copy(before)
            moved = gate.admit(one.bound, one.at_ms + shift)
            if _agrees(one, moved):
                self._gate = gate
                return shift, moved
        return None, step

    def _expected(self, step: Step, at_ms: int) -> tuple[int, str]:
        """Status and word that a step comes to if nothing happens meanwhile."""
        end = step
        if step.decision is None:
            end = self._copy(self._gate).resume(step, at_ms + step.wait_ms)
        assert end.decision is not None, "no request waits twice"
        return end.decision.status, end.status

    def _miss(self, one: Taken, expected: tuple[int, str], flip: int | None) -> None:
        self.found.misses.append(
            Miss(
                number=one.number,
                at_ms=one.at_ms,
                expected_status=expected[0],
                seen_status=one.status,
                flips_by_ms=flip,
                expected_limit=expected[1],
                seen_limit=one.limit,
                request=one.request,
                address=one.address,
            )
        )

    def _count(self, one: Taken, step: Step) -> None:
        if one.excess is not None:
            self.found.counted += 1
            self.found.counted_alike += one.excess == step.excess


def _agrees(one: Taken, step: Step) -> bool:
    """Whether nginx said the same; where a request waits, its status shows later."""
    if step.decision is None:
        return step.status == one.limit
    said = step.decision.status, step.status, step.conn_status
    return said == (one.status, one.limit, one.connections)
