"""Limits in a replay: the same requests again for each placement in time.

Only requests whose plan consults a limit are run, in the order of their times; equal times keep
the order of the log. What a delayed request waits for, and when a request lets go of what
`limit_conn` counts, are events between the arrivals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simkit.policy import Bound, Gate, Plan, Planner, Source, Step
from simkit.policy.plan import Answer, Consult, LimitUse, Node, Occupy

__all__ = ["Ending", "Endings", "Limit", "Member", "run_member"]

_NEVER_DELAYED = 1 << 60
_PASSED = -1

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit as it stands in the configuration."""

    source: Source
    directive: str
    dry_run: bool


class Ending(NamedTuple):
    """How a request left the limits: the limit that refused it (-1: none), those it waited for."""

    refused_by: int = _PASSED
    waited_for: tuple[int, ...] = ()


@dataclass(slots=True)
class Endings:
    """All ways through the limits of some plans. ``limits`` and ``endings`` are numbered."""

    limits: dict[Limit, int] = field(default_factory=dict)
    statuses: dict[int, int] = field(default_factory=dict)
    consulted: dict[Plan, tuple[int, ...]] = field(default_factory=dict)
    endings: dict[Ending, int] = field(default_factory=dict)
    by_leaf: dict[Node, int] = field(default_factory=dict)

    def add(self, plan: Plan) -> None:
        """Enter the limits and the leaves of a plan; again does no harm."""
        if plan not in self.consulted:
            found: set[int] = set()
            self._enter(plan.root, Ending(), found)
            self.consulted[plan] = tuple(sorted(found))

    def _enter(self, node: Node, so_far: Ending, found: set[int]) -> None:
        if isinstance(node, Answer):
            self.by_leaf[node] = self.endings.setdefault(so_far, len(self.endings))
            if so_far.refused_by != _PASSED:
                self.statuses.setdefault(so_far.refused_by, node.decision.status)
        elif isinstance(node, Consult | Occupy):
            self._branch(node, so_far, found)

    def _branch(self, node: Consult | Occupy, so_far: Ending, found: set[int]) -> None:
        directive = "limit_req" if isinstance(node, Consult) else "limit_conn"
        numbers = [self._number(use, directive, node.dry_run) for use in node.uses]
        found.update(numbers)
        if isinstance(node, Consult) and node.delayed is not node.passed:
            pairs = zip(numbers, node.uses, strict=True)
            waits = tuple(n for n, use in pairs if use.delay < _NEVER_DELAYED)
            waited = Ending(so_far.refused_by, (*so_far.waited_for, *waits))
            self._enter(node.delayed, waited, found)
        self._enter(node.passed, so_far, found)
        for number, child in zip(numbers, node.rejected, strict=True):
            first = number if so_far.refused_by == _PASSED else so_far.refused_by
            self._enter(child, Ending(first, so_far.waited_for), found)

    def _number(self, use: LimitUse, directive: str, dry_run: bool) -> int:
        return self.limits.setdefault(Limit(use.source, directive, dry_run), len(self.limits))

    def refused_by(self) -> Ints:
        """By ending: the limit that refused, -1 if none did."""
        return np.array([ending.refused_by for ending in self.endings], dtype=np.int64)

    def waited_for(self, limit: int) -> npt.NDArray[np.bool_]:
        """By ending: whether the request waited for this limit."""
        return np.array([limit in ending.waited_for for ending in self.endings], dtype=bool)


@dataclass(frozen=True, slots=True)
class Member:
    """One placement, run: the ending of each request, and entries forced out of full zones."""

    ending: Ints
    evictions: int


class _Run:
    """One pass through the gate."""

    def __init__(self, planner: Planner) -> None:
        self.gate = Gate(planner)
        self._later: list[tuple[int, int, int, Step]] = []
        self._pushed = 0

    def until(self, now_ms: float, finish: Callable[[int, Step, int], None]) -> None:
        """Everything that is due: delays that end, requests that end."""
        while self._later and self._later[0][0] <= now_ms:
            at_ms, _, request, step = heappop(self._later)
            if step.decision is not None:
                self.gate.release(step)
            else:
                finish(request, self.gate.resume(step, at_ms), at_ms)

    def push(self, at_ms: int, request: int, step: Step) -> None:
        """Come back to a step later; of equal times the first pushed comes first."""
        heappush(self._later, (at_ms, self._pushed, request, step))
        self._pushed += 1


def run_member(
    planner: Planner,
    endings: Endings,
    bounds: Sequence[Bound],
    start_ms: Ints,
    duration_ms: Iterable[int],
) -> Member:
    """Take requests through all limits, each at its time.

    ``bounds``, ``start_ms`` and ``duration_ms`` have one entry for each request, in the order of
    the log; a request holds what `limit_conn` counts for its duration and what it was delayed.
    """
    run = _Run(planner)
    durations = list(duration_ms)
    found = [0] * len(bounds)
    by_leaf = endings.by_leaf
    times = start_ms.tolist()

    def finish(request: int, step: Step, now_ms: int) -> None:
        found[request] = by_leaf[step.node]
        if step.held:
            run.push(now_ms + max(durations[request], 0), request, step)

    for request in np.argsort(start_ms, kind="stable").tolist():
        now_ms = times[request]
        run.until(now_ms, finish)
        step = run.gate.admit(bounds[request], now_ms)
        if step.wait_ms:
            run.push(now_ms + step.wait_ms, request, step)
        else:
            finish(request, step, now_ms)
    run.until(float("inf"), finish)
    return Member(np.array(found, dtype=np.int64), run.gate.evictions)
