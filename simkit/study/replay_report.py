"""What a replay found, for people and for programs.

`ReplayReport.to_json` is a plain dict, the same for the same log, policy and seed:

``lines``, ``accepted``
    Lines read, and those that are requests; all others are in ``rejected``, each with its
    ``line`` and ``reason`` (the first 1,000; ``rejected_by_reason`` counts them all).
``clock``
    ``usable``, ``reason``, ``resolution_ms``, ``steps``, ``back_steps``, ``largest_back_ms``.
``rules``
    What rules that need no clock would have refused: ``file``, ``line`` and ``text`` of the
    line to look at first (the entry of a map or geo that decided, else the directive), the
    ``directive`` itself, ``because`` (what made it apply, outermost first), ``phase``, ``status``
    as it would be logged, ``requests``, ``clients``, ``kinds`` (requests and clients by what the
    agent says), ``recorded`` (requests by the class of the status in the log), ``served_then``
    (2xx and 3xx) and ``examples``.
``limits``
    For each limit that was consulted: where it stands, ``consulted``, whether it is ``judged``
    and the ``reason`` if not; else ``refused`` (``requests``, ``clients``, ``served_then``,
    ``kinds``), ``delayed`` and ``manners`` (refused requests by manner of placement), each as
    ``median``, ``low`` and ``high`` over the members of the ensemble. A range is no bound.
``assumptions``
    What the log does not say and what was taken instead.
"""

from __future__ import annotations

from dataclasses import dataclass

from simkit.accesslog import Rejections
from simkit.accesslog.agents import Kind
from simkit.accesslog.clock import Clock
from simkit.errors import printable
from simkit.policy.plan import Rule
from simkit.policy.source import Source
from simkit.study.tally import Range, Share, Tally

__all__ = ["LimitNumbers", "LimitReport", "ReplayReport", "RuleReport"]

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class RuleReport:
    """What one rule would have refused with one status."""

    rule: Rule
    status: int
    tally: Tally

    def to_json(self, *, full: bool = False) -> Json:
        """As plain data; ``full`` shows whole addresses and query strings."""
        tally = self.tally
        return {
            **_place(self.rule.decisive),
            "directive": {"name": self.rule.directive, **_place(self.rule.source)},
            "because": [_place(source) for source in self.rule.because],
            "phase": self.rule.phase.value,
            "status": self.status,
            **tally.share.to_json(),
            "kinds": {kind.value: share.to_json() for kind, share in tally.kinds.items()},
            "recorded": tally.recorded,
            "served_then": tally.served_then,
            "examples": [example.to_json(full=full) for example in tally.examples],
        }


@dataclass(frozen=True, slots=True)
class LimitNumbers:
    """What a limit did, over the members of an ensemble (one, where the log has the times).

    ``requests`` were refused, ``clients`` are those with at least one refusal, ``served_then``
    those of the requests that the log has as 2xx or 3xx, ``delayed`` waited.
    """

    requests: Range
    clients: Range
    served_then: Range
    delayed: Range
    kinds: dict[Kind, Range]
    manners: dict[str, Range]

    def to_json(self) -> Json:
        """As plain data."""
        return {
            "refused": {
                "requests": self.requests.to_json(),
                "clients": self.clients.to_json(),
                "served_then": self.served_then.to_json(),
                "kinds": {kind.value: found.to_json() for kind, found in self.kinds.items()},
            },
            "delayed": self.delayed.to_json(),
            "manners": {name: found.to_json() for name, found in self.manners.items()},
        }


@dataclass(frozen=True, slots=True)
class LimitReport:
    """A `limit_req` or `limit_conn` that requests of the log consult.

    ``status`` is what a refusal would be logged as. ``numbers`` is None where the limit cannot be
    judged, for the ``reason``. In a dry run what is counted would only be logged.
    """

    source: Source
    directive: str
    status: int
    dry_run: bool
    consulted: Share
    numbers: LimitNumbers | None
    reason: str = ""

    def to_json(self) -> Json:
        """As plain data."""
        found = {
            **_place(self.source),
            "directive": {"name": self.directive, **_place(self.source)},
            "status": self.status,
            "dry_run": self.dry_run,
            "consulted": self.consulted.to_json(),
            "judged": self.numbers is not None,
        }
        if self.numbers is None:
            return found | {"reason": self.reason}
        return found | self.numbers.to_json()


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What a policy would have done with a log's requests, had nobody answered back.

    ``kinds`` counts all requests judged. ``refused`` is what rules refuse. ``unjudged`` are lines
    of connections that never sent a request. ``damage`` says why the file could not be read to
    its end, if so. ``members`` is the size of the ensemble of
    placements, 1 where the log has the times and 0 where limits are not judged.
    """

    policy: str
    log: str
    log_format: str
    lines: int
    accepted: int
    rejected: Rejections
    clock: Clock
    kinds: dict[Kind, Share]
    refused: Share
    unjudged: int
    damage: str | None
    rules: tuple[RuleReport, ...]
    limits: tuple[LimitReport, ...]
    assumptions: tuple[str, ...]
    warnings: tuple[str, ...]
    seed: int
    members: int

    def to_json(self, *, full: bool = False) -> Json:
        """As a plain dict, described at the head of this module.

        Unless ``full``, addresses are shortened to their network, query strings dropped and
        excerpts of malformed lines left out.
        """
        return {
            "policy": self.policy,
            "log": self.log,
            "log_format": self.log_format,
            "lines": self.lines,
            "accepted": self.accepted,
            "rejected": self._rejected(full),
            "rejected_by_reason": self.rejected.by_reason(),
            "clock": _clock(self.clock),
            "kinds": {kind.value: share.to_json() for kind, share in self.kinds.items()},
            "refused": self.refused.to_json(),
            "unjudged": self.unjudged,
            "damage": self.damage,
            "rules": [rule.to_json(full=full) for rule in self.rules],
            "limits": [limit.to_json() for limit in self.limits],
            "assumptions": list(self.assumptions),
            "warnings": list(self.warnings),
            "seed": self.seed,
            "members": self.members,
        }

    def _rejected(self, full: bool) -> list[Json]:
        listed = zip(self.rejected, range(Rejections.EXCERPTS), strict=False)
        return [
            {"line": r.line, "reason": r.reason} | ({"excerpt": r.excerpt} if full else {})
            for r, _ in listed
        ]


def _place(source: Source) -> Json:
    return {"file": source.file, "line": source.line, "text": printable(source.text)}


def _clock(clock: Clock) -> Json:
    return {
        "usable": clock.usable,
        "reason": clock.reason,
        "resolution_ms": clock.resolution_ms,
        "steps": clock.steps,
        "back_steps": clock.back_steps,
        "largest_back_ms": clock.largest_back_ms,
    }
