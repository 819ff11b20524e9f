"""What is in force in a location: every directive that its modules inherit, merged."""

from __future__ import annotations

from simkit.policy import syntax
from simkit.policy.model import (
    Access,
    AddHeader,
    ConnLimit,
    ErrorPage,
    Limit,
    Location,
    Zone,
)
from simkit.policy.patterns import Pattern
from simkit.policy.plan import Handler, Source
from simkit.policy.reader import Directive
from simkit.policy.scope import Scope
from simkit.policy.syntax import bad
from simkit.policy.values import Template

Zones = dict[str, Zone]

_PASSES = ("proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass")
_NO_DELAY = (1 << 62) // 1000
_CODES_FROM, _CODES_TO = 300, 599

__all__ = ["in_force", "passes"]


def in_force(
    scope: Scope,
    zones: Zones,
    source: Source,
    *,
    modifier: str = "",
    path: str = "",
    pattern: Pattern | None = None,
) -> Location:
    """The `Location` of a scope; its script and nested locations are filled in by others."""
    location = Location(modifier, path, pattern, source)
    _limits(location, scope, zones)
    _access(location, scope)
    _answers(location, scope)
    _content(location, scope)
    location.max_body_bytes = scope.scalar("client_max_body_size", 1 << 20, syntax.size_bytes)
    location.keepalive_timeout_ns = scope.time_ns("keepalive_timeout", 75)
    location.merge_slashes = scope.flag("merge_slashes", True)
    location.internal = bool(scope.here("internal"))
    return location


def _limits(location: Location, scope: Scope, zones: Zones) -> None:
    location.limits = tuple(_limit(d, zones) for d in scope.nearest("limit_req"))
    location.limit_status = scope.scalar("limit_req_status", 503, _status)
    location.limit_dry_run = scope.flag("limit_req_dry_run")
    location.conn_limits = tuple(_conn_limit(d, zones) for d in scope.nearest("limit_conn"))
    location.conn_status = scope.scalar("limit_conn_status", 503, _status)
    location.conn_dry_run = scope.flag("limit_conn_dry_run")


def _status(text: str, source: Source) -> int:
    code = syntax.whole(text, source)
    if not 400 <= code <= 599:
        raise bad(source, f'invalid status "{text}"', "it must be between 400 and 599")
    return code


def _limit(directive: Directive, zones: Zones) -> Limit:
    zone: Zone | None = None
    burst, delay = 0, 0
    for word in directive.args:
        name, _, value = word.partition("=")
        if name == "zone":
            zone = _zone(value, zones, directive.source, counts_connections=False)
        elif name == "burst":
            burst = syntax.whole(value, directive.source, least=1) * 1000
        elif name == "delay":
            delay = syntax.whole(value, directive.source, least=1) * 1000
        elif word == "nodelay":
            delay = _NO_DELAY * 1000
        else:
            raise bad(
                directive.source, f'invalid parameter "{word}"', "zone, burst, delay, nodelay"
            )
    if zone is None:
        raise bad(directive.source, '"limit_req" directive must have "zone" parameter')
    return Limit(zone, burst, delay, directive.source)


def _conn_limit(directive: Directive, zones: Zones) -> ConnLimit:
    name, number = directive.args
    zone = _zone(name, zones, directive.source, counts_connections=True)
    return ConnLimit(zone, syntax.whole(number, directive.source, least=1), directive.source)


def _zone(name: str, zones: Zones, source: Source, *, counts_connections: bool) -> Zone:
    zone = zones.get(name)
    if zone is None or zone.counts_connections is not counts_connections:
        kind = "limit_conn_zone" if counts_connections else "limit_req_zone"
        raise bad(
            source, f'zero size shared memory zone "{name}"', f"declare it with {kind} in http"
        )
    return zone


def _access(location: Location, scope: Scope) -> None:
    location.access = tuple(_access_rule(d) for d in scope.nearest("allow", "deny"))


def _access_rule(directive: Directive) -> Access:
    text = directive.args[0]
    allow = directive.name == "allow"
    if text == "all":
        return Access(allow, None, directive.source)
    if text == "unix:":
        raise bad(directive.source, '"unix:" is not simulated', "clients have addresses")
    return Access(allow, syntax.network(text, directive.source), directive.source)


def _answers(location: Location, scope: Scope) -> None:
    location.error_pages = tuple(_error_page(d) for d in scope.nearest("error_page"))
    location.recursive_error_pages = scope.flag("recursive_error_pages")
    location.add_headers = tuple(_add_header(d) for d in scope.nearest("add_header"))
    location.default_type = scope.scalar("default_type", "text/plain", lambda text, _: text)
    tokens = scope.scalar("server_tokens", "on", lambda text, _: text)
    location.server_tokens = tokens != "off"
    location.intercept_errors = scope.flag("proxy_intercept_errors")


def _error_page(directive: Directive) -> ErrorPage:
    *words, target = directive.args
    overwrite: int | None = None
    if words and words[-1].startswith("="):
        code = words.pop()[1:]
        overwrite = syntax.whole(code, directive.source) if code else 0
    codes = frozenset(_error_code(word, directive.source) for word in words)
    if not codes:
        raise bad(directive.source, "no error code is given")
    return ErrorPage(codes, overwrite, Template.parse(target, directive.source), directive.source)


def _error_code(word: str, source: Source) -> int:
    code = syntax.whole(word, source)
    if code == 499 or not _CODES_FROM <= code <= _CODES_TO:
        raise bad(source, f'invalid value "{word}"', "a code from 300 to 599, and not 499")
    return code


def _add_header(directive: Directive) -> AddHeader:
    name, value, *rest = directive.args
    if rest not in ([], ["always"]):
        raise bad(directive.source, f'invalid parameter "{rest[0]}"', 'only "always"')
    return AddHeader(name, Template.parse(value, directive.source), bool(rest), directive.source)


def passes(scope: Scope) -> Directive | None:
    """The directive that hands requests of this very level to something behind nginx."""
    found = scope.here(*_PASSES)
    return found[-1] if found else None


def _content(location: Location, scope: Scope) -> None:
    around = scope.levels()
    level = next(around)
    # an `if` in a location takes over the handler of the location; nothing else inherits one
    while level.is_condition and passes(level) is None:
        level = next(around)
    location.handler = Handler.STATIC if passes(level) is None else Handler.PROXY
    tries = scope.last("try_files")
    if tries is not None:
        location.try_files = tuple(Template.parse(word, tries.source) for word in tries.args)
        location.try_source = tries.source
