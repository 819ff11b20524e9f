"""One request to one policy: its way through nginx's phases, and what everybody says of the end.

`Explanation.to_json` is a plain dict: ``policy``, ``request``, ``from``; ``endings``, of which the
first is the one asked for and the others are those to which limits can turn it. Each ending has

``if``
    What has to be so for it: the limit that rejects, or null.
``way``
    Each thing that looked at the request: ``phase``, ``file``, ``line``, ``text``, ``verdict`` and
    ``because`` (the entries of maps and geos that gave the values).
``decided_by``
    ``file``, ``line`` and ``text`` of the line to look at first, the ``directive`` itself, its
    ``phase`` and what made it apply; null where the site itself answered.
``logged``, ``wire``, ``curl``, ``browser``
    What the access log, the wire, curl and Chromium show; sizes of the site's own pages are null.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simkit.errors import printable
from simkit.policy.model import Http
from simkit.policy.plan import Decision, LimitUse, Rule
from simkit.policy.policy import Policy
from simkit.policy.site import Site
from simkit.policy.source import Source
from simkit.policy.watch import Note, Trail, branches
from simkit.study.sayings import browser_again, browser_says, browser_sends, curl_says
from simkit.study.wire_words import is_of_site, wire_lines
from simkit.wire import Address, Shape

Json = dict[str, object]

__all__ = ["Explanation", "explain", "limit_words", "rule_json", "source_json"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A request's way; ``ways[0]`` is the one that was asked for, the others are other endings."""

    policy: Policy
    shape: Shape
    address: Address
    ways: tuple[Trail, ...]

    @property
    def decision(self) -> Decision:
        """How the way ends that was asked for."""
        return self.ways[0].decision

    @property
    def request_line(self) -> str:
        """The request line, as far as there is one."""
        shape = self.shape
        return f"{shape.method} {shape.target} {shape.version.value}"

    def to_json(self) -> Json:
        """As plain data."""
        shape = self.shape
        return {
            "policy": str(self.policy.path),
            "request": {
                "line": printable(self.request_line),
                "headers": [[printable(n), printable(v)] for n, v in shape.headers],
                "fault": shape.fault.value or None,
                "port": shape.port,
                "tls": shape.tls,
                "sni": None if shape.sni is None else printable(shape.sni),
            },
            "from": str(self.address),
            "endings": [_ending(way, shape, self.policy.http) for way in self.ways],
            "warnings": [printable(warning) for warning in self.policy.warnings],
        }


def explain(
    policy: Policy,
    shape: Shape,
    address: Address,
    *,
    site: Site | None = None,
    over_limit: bool = False,
) -> Explanation:
    """Follow one request to every ending that it can have.

    The first way is the one on which limits let it pass; with ``over_limit`` the one on which the
    first limit that can does not. ``site`` says what there is to be had (None: whatever is asked).
    """
    ways = list(branches(policy, shape, address, site=site))
    if over_limit and len(ways) > 1:
        ways = [ways[1], ways[0], *ways[2:]]
    return Explanation(policy, shape, address, tuple(ways))


def limit_words(use: LimitUse, http: Http) -> str:
    """When a limit rejects, for a client that has been quiet before."""
    zone = http.zones[use.zone]
    if zone.rate is None:
        return f"from request {use.burst + 1} at a time on"
    at_once = use.burst // 1000 + 1
    return (
        f"after {at_once} at once ({_ordinal(at_once + 1)} on); one more every "
        f"{_interval(zone.rate)}"
    )


def _interval(rate: int) -> str:
    ms = 1_000_000 / rate
    return f"{ms / 1000:g} s" if ms >= 1000 else f"{ms:.4g} ms"


def _ordinal(number: int) -> str:
    tens = 10 <= number % 100 <= 20
    return f"{number}{'th' if tens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _ending(way: Trail, shape: Shape, http: Http) -> Json:
    decision, use = way.decision, way.rejected_by
    curl = curl_says(decision.sight, shape)
    sight, of_site = decision.sight, is_of_site(decision)
    return {
        "if": None if use is None else {**source_json(use.source), "when": limit_words(use, http)},
        "way": [_note(note) for note in way.notes],
        "decided_by": rule_json(decision.rule),
        "refused": decision.refused,
        "logged": {"status": decision.status, "body_bytes": None if of_site else sight.body_bytes},
        "wire": {
            "kind": sight.symbol,
            "lines": [printable(line) for line in wire_lines(decision, shape)],
            "bytes": None if of_site else decision.bytes_sent,
            "kept": sight.kept,
        },
        "curl": {"exit": curl.exit, "message": printable(curl.message)},
        "browser": {
            "says": printable(browser_says(sight, shape)),
            "again": browser_again(sight, shape),
            "sends_it": browser_sends(shape),
        },
    }


def _note(note: Note) -> Json:
    return {
        "phase": note.phase.value,
        **(source_json(note.source) if note.source else {"file": None, "line": None}),
        "text": printable(note.text),
        "verdict": printable(note.verdict),
        "because": [source_json(source) for source in note.because],
    }


def source_json(source: Source) -> Json:
    """A place in the configuration, as plain data."""
    return {"file": printable(source.file), "line": source.line, "text": printable(source.text)}


def rule_json(rule: Rule | None) -> Json | None:
    """A rule as plain data: where to look first, the directive itself, what made it apply."""
    if rule is None:
        return None
    because: Sequence[Source] = rule.because
    return {
        **source_json(rule.decisive),
        "directive": {"name": rule.directive, **source_json(rule.source)},
        "phase": rule.phase.value,
        "because": [source_json(source) for source in because],
    }
