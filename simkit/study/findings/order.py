"""Rules that are never come to, for a `return` ends every request before them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from simkit.policy.model import Location
from simkit.policy.source import Source
from simkit.study.findings.case import Case, Finding, limits_of, unique

__all__ = ["return_before_access", "return_before_limit"]


def return_before_limit(case: Case) -> Iterator[Finding]:
    """A `return` that makes `limit_req` or `limit_conn` dead."""
    for source, ends in _dead(case, _limits).items():
        yield Finding(
            "return-before-limit",
            (source, *ends),
            "This limit is never consulted: `return` belongs to the rewrite phase, which comes "
            "before the limits, and ends every request that would come to it.",
            "Put what is answered behind the limit where a later phase gives it: a file "
            "(try_files), proxy_pass, or `error_page` to a location with the return. Or take the "
            "limit out.",
        )


def return_before_access(case: Case) -> Iterator[Finding]:
    """A `return` that makes `deny` or `auth_basic` dead."""
    for source, ends in _dead(case, _access).items():
        yield Finding(
            "return-before-access",
            (source, *ends),
            "This rule is never asked: `return` belongs to the rewrite phase, which comes before "
            "allow, deny and auth_basic, so everybody gets what it returns.",
            "To turn addresses away before the return, give them a value with geo and test it "
            "with `if` above the return. Else serve the answer from a file or an upstream.",
        )


def _limits(location: Location) -> tuple[Source, ...]:
    return tuple(limit.source for limit in limits_of(location))


def _access(location: Location) -> tuple[Source, ...]:
    rules = tuple(rule.source for rule in location.access if not rule.allow)
    credentials = location.credentials
    return rules if credentials is None else (*rules, credentials.source)


def _dead(
    case: Case, rules_of: Callable[[Location], tuple[Source, ...]]
) -> dict[Source, tuple[Source, ...]]:
    """The rules that no request comes to, each with the returns that see to it."""
    ends: dict[Source, list[Source]] = {}
    alive: set[Source] = set()
    for server, location in case.places:
        ended = case.ended_before(server, location)
        for source in rules_of(location):
            if ended is None:
                alive.add(source)
            else:
                ends.setdefault(source, []).append(ended.source)
    return {source: unique(found) for source, found in ends.items() if source not in alive}
