"""Replay: a recorded access log through a policy.

What would have been refused, by which rule, and whom would it have hit? Every request is decided
as nginx would decide it, at the time that the log has. It is a dry run: the clients of the log
met another server, and what they would have done after a refusal is not in it.

Rules that need no clock are decided once. Limits are run for every member of an ensemble of
placements in time (`simkit.study.placement`), or once where the log has milliseconds, and not at
all where its clock cannot be true (`simkit.accesslog.clock`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from simkit.accesslog import LogFormat, Trace, judge_clock, read_log
from simkit.accesslog.clock import Clock
from simkit.errors import InputError
from simkit.policy import Bound, Decision, Planner, Policy, Rule
from simkit.policy.plan import Answer, Consult, Node, Occupy
from simkit.study.placement import BURST_MS, Manner, exact, placed
from simkit.study.replay_limits import Endings, Limit, run_member
from simkit.study.replay_report import LimitNumbers, LimitReport, ReplayReport, RuleReport
from simkit.study.replay_requests import Requests, find_entry
from simkit.study.tally import Crowd, Range
from simkit.wire import SightKind

__all__ = ["replay"]

Rows = npt.NDArray[np.int64]

_NOBODY = (
    "Nobody answers back: the log's clients met another server, and what they would have done "
    "after a refusal (retry, give up, change) is not in these numbers."
)
_NO_DURATION = "the log has no $request_time, so which requests overlapped is not known"


def replay(
    log: Trace | str | Path,
    policy: Policy,
    *,
    log_format: str | LogFormat | None = None,
    host: str | None = None,
    port: int | None = None,
    members: int = 20,
    seed: int = 1,
    trust_clock: bool = False,
) -> ReplayReport:
    """Put every request of a log to a policy.

    ``log`` is a Trace, or a file that `read_log` reads with ``log_format``. ``host`` and ``port``
    stand for what the log lacks (``host`` also in place of what it has); left out, they are the
    policy's own site. ``members`` is how many placements are run where the log has
    whole seconds, the manners in turn. ``trust_clock`` runs limits whatever the clock looks like.

    Raises InputError where the log cannot be read, and for members or a port that cannot be.
    """
    if members < 1:
        raise InputError(f"{members} members cannot be run", hint="at least one")
    trace = log if isinstance(log, Trace) else read_log(log, log_format)
    requests = Requests(trace, policy, find_entry(policy, host, port))
    clock = judge_clock(trace)
    if trust_clock and trace.time_ms is not None:
        clock = replace(clock, usable=True, reason=f"trusted as asked for ({clock.reason})")
    work = _Replay(trace, requests, Planner(policy))
    ensemble = _Ensemble(trace, members, seed)
    limits = tuple(work.limits(clock, ensemble))
    refused = work.refused_rows()
    return ReplayReport(
        policy=str(policy.path),
        log=trace.source,
        log_format=trace.log_format.name,
        lines=trace.lines,
        accepted=len(trace),
        rejected=trace.rejected,
        clock=clock,
        kinds=work.crowd.by_kind(requests.rows),
        refused=work.crowd.share(refused),
        unjudged=len(trace) - len(requests.rows),
        damage=trace.damage,
        rules=tuple(work.rules()),
        limits=limits,
        assumptions=tuple(work.assumptions(clock, limits)),
        warnings=tuple(work.warnings(policy)),
        seed=seed,
        members=ensemble.size if clock.usable and limits else 0,
    )


@dataclass(frozen=True, slots=True)
class _Ensemble:
    """Placements in time: several in each manner, or the one that the log has."""

    trace: Trace
    members: int
    seed: int

    @property
    def is_exact(self) -> bool:
        return self.trace.resolution_ms == 1

    @property
    def size(self) -> int:
        return 1 if self.is_exact else self.members

    def placements(self) -> Iterator[tuple[str, Rows]]:
        """The manner and, for every row of the trace, when its request began, in ms."""
        if self.is_exact:
            yield "exact", exact(self.trace)
            return
        manners = tuple(Manner)
        for member in range(self.members):
            # Turn by turn, so that a larger ensemble holds every smaller one.
            turn, manner = divmod(member, len(manners))
            yield manners[manner].value, placed(self.trace, manners[manner], self.seed, turn)


class _Replay:
    """A log's requests, bound to their plans."""

    def __init__(self, trace: Trace, requests: Requests, planner: Planner) -> None:
        self.trace = trace
        self.requests = requests
        self.planner = planner
        self.crowd = Crowd(trace)
        self.bounds = self._bound()
        self.evictions = 0
        self._rules: dict[tuple[Rule, int], Rows] | None = None

    def _bound(self) -> list[Bound]:
        """The bound plan of each pair of shape and client."""
        found, client = self.requests, self.trace.client.codes
        return [
            self.planner.bind(found.shapes[found.shape[row]], found.addresses[client[row]])
            for row in found.first.tolist()
        ]

    def _rows_of(self, pairs: list[int]) -> Rows:
        """The rows with a request whose pair is one of these."""
        wanted = np.zeros(len(self.bounds), dtype=bool)
        wanted[pairs] = True
        rows = self.requests.rows
        return rows[wanted[self.requests.pair[rows]]]

    # -- rules -----------------------------------------------------------------------------

    def _by_rule(self) -> dict[tuple[Rule, int], Rows]:
        if self._rules is None:
            pairs: dict[tuple[Rule, int], list[int]] = defaultdict(list)
            for pair, bound in enumerate(self.bounds):
                decision = _unlimited(bound.plan.root)
                if decision.refused and decision.rule is not None:
                    pairs[decision.rule, decision.status].append(pair)
            self._rules = {key: self._rows_of(found) for key, found in pairs.items()}
        return self._rules

    def refused_rows(self) -> Rows:
        """The rows that a rule refuses, whatever the limits say."""
        found = self._by_rule().values()
        return np.sort(np.concatenate(list(found))) if found else np.empty(0, dtype=np.int64)

    def rules(self) -> Iterator[RuleReport]:
        """What each rule refuses, most requests first."""
        reports = [
            RuleReport(rule, status, self.crowd.tally(rows))
            for (rule, status), rows in self._by_rule().items()
            if len(rows)
        ]
        yield from sorted(reports, key=lambda r: (-r.tally.share.requests, str(r.rule.decisive)))

    # -- limits ----------------------------------------------------------------------------

    def limits(self, clock: Clock, ensemble: _Ensemble) -> Iterator[LimitReport]:
        """What each limit refuses over the ensemble, in the order of the configuration."""
        endings = Endings()
        limited = [pair for pair, bound in enumerate(self.bounds) if bound.plan.uses()]
        for pair in limited:
            endings.add(self.bounds[pair].plan)
        rows = self._rows_of(limited)
        if not len(rows):
            return
        counts = self._counts(endings, rows, ensemble) if clock.usable else None
        for limit, number in sorted(endings.limits.items(), key=_in_order):
            pairs = [p for p in limited if number in endings.consulted[self.bounds[p].plan]]
            reason = self._unjudged(limit, clock)
            numbers = None if reason or counts is None else counts.numbers(number)
            yield LimitReport(
                source=limit.source,
                directive=limit.directive,
                status=endings.statuses.get(number, 0),
                dry_run=limit.dry_run,
                consulted=self.crowd.share(self._rows_of(pairs)),
                numbers=numbers,
                reason=reason,
            )

    def _unjudged(self, limit: Limit, clock: Clock) -> str:
        if not clock.usable:
            return f"the log's clock cannot serve for limits: {clock.reason}"
        if limit.directive == "limit_conn" and self.trace.duration_ms is None:
            return _NO_DURATION
        return ""

    def _counts(self, endings: Endings, rows: Rows, ensemble: _Ensemble) -> _Counts:
        counts = _Counts(self.crowd, endings, rows)
        bounds = [self.bounds[pair] for pair in self.requests.pair[rows].tolist()]
        durations = self.trace.duration_ms
        lasting = [0] * len(rows) if durations is None else durations[rows].tolist()
        for manner, start_ms in ensemble.placements():
            member = run_member(self.planner, endings, bounds, start_ms[rows], lasting)
            counts.add(manner, member.ending)
            self.evictions = max(self.evictions, member.evictions)
        return counts

    # -- words -----------------------------------------------------------------------------

    def assumptions(self, clock: Clock, limits: tuple[LimitReport, ...]) -> Iterator[str]:
        """What was assumed, in sentences."""
        yield _NOBODY
        yield from self.requests.assumptions
        unheard = self._rows_of([p for p, b in enumerate(self.bounds) if _unheard(b)])
        if len(unheard):
            yield (
                f"{len(unheard):,} requests came where the policy does not listen (by port, or by "
                "IPv4 or IPv6): they would have found no server, and count as not refused."
            )
        if len(self.trace) > len(self.requests.rows):
            missing = len(self.trace) - len(self.requests.rows)
            yield f"{missing:,} lines are connections that sent no request: nothing to judge."
        if limits:
            yield "Rules are counted as if no limit had refused before them."
        if limits and clock.usable and self.trace.resolution_ms != 1:
            yield (
                "The log has whole seconds. Limits were run with requests put into their second "
                f"at random and in bursts of at most {BURST_MS} ms for each client; the range "
                "over these placements is no bound."
            )
        yield from (f"{note[0].upper()}{note[1:]}." for note in self.trace.notes)

    def warnings(self, policy: Policy) -> Iterator[str]:
        """What stands against the policy's numbers."""
        yield from policy.warnings
        yield from self.planner.warnings
        if any(bound.plan.volatile for bound in self.bounds):
            yield "rules that read a clock or a random number were decided once for each request"
        if self.evictions:
            yield f"limit zones were full: up to {self.evictions:,} entries were forced out"


class _Counts:
    """What the limits did, member by member."""

    def __init__(self, crowd: Crowd, endings: Endings, rows: Rows) -> None:
        self._crowd = crowd
        self._rows = rows
        self._refused_by = endings.refused_by()
        self._waited = [endings.waited_for(limit) for limit in range(len(endings.limits))]
        self._refused: list[list[Rows]] = [[] for _ in self._waited]
        self._delayed: list[list[int]] = [[] for _ in self._waited]
        self._manners: list[str] = []

    def add(self, manner: str, ending: Rows) -> None:
        """Enter one member."""
        self._manners.append(manner)
        refused_by = self._refused_by[ending]
        for limit, waited in enumerate(self._waited):
            self._refused[limit].append(self._rows[refused_by == limit])
            self._delayed[limit].append(int(waited[ending].sum()))

    def numbers(self, limit: int) -> LimitNumbers:
        """What one limit did over all members."""
        refused = self._refused[limit]
        shares = [self._crowd.share(rows) for rows in refused]
        kinds = [self._crowd.by_kind(rows) for rows in refused]
        seen = sorted({kind for found in kinds for kind in found}, key=self._crowd.kinds.index)
        return LimitNumbers(
            requests=Range.of([share.requests for share in shares]),
            clients=Range.of([share.clients for share in shares]),
            served_then=Range.of([self._crowd.served_then(rows) for rows in refused]),
            delayed=Range.of(self._delayed[limit]),
            kinds={
                kind: Range.of([k[kind].requests if kind in k else 0 for k in kinds])
                for kind in seen
            },
            manners=self._by_manner([share.requests for share in shares]),
        )

    def _by_manner(self, requests: list[int]) -> dict[str, Range]:
        found: dict[str, list[int]] = defaultdict(list)
        for manner, count in zip(self._manners, requests, strict=True):
            found[manner].append(count)
        return {manner: Range.of(counts) for manner, counts in found.items()}


def _unlimited(node: Node) -> Decision:
    """What a plan comes to when every limit lets the request pass."""
    while isinstance(node, Consult | Occupy):
        node = node.passed
    assert isinstance(node, Answer)
    return node.decision


def _unheard(bound: Bound) -> bool:
    root = bound.plan.root
    return isinstance(root, Answer) and root.decision.sight.kind is SightKind.REFUSED


def _in_order(item: tuple[Limit, int]) -> tuple[str, int]:
    return item[0].source.file, item[0].source.line
