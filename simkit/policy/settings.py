"""What is in force in a location: every directive that its modules inherit, merged."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from simkit.policy import syntax
from simkit.policy.expiry import read_lasting
from simkit.policy.model import (
    Access,
    AddHeader,
    ConnLimit,
    Credentials,
    ErrorPage,
    Limit,
    Location,
    Root,
    Zone,
)
from simkit.policy.patterns import Pattern
from simkit.policy.plan import Handler, Lease
from simkit.policy.reader import Directive
from simkit.policy.realip import RealIp
from simkit.policy.referers import read_referers
from simkit.policy.scope import Place, Scope
from simkit.policy.source import Source
from simkit.policy.syntax import bad
from simkit.policy.uri import ascii_lower
from simkit.policy.users import read_users
from simkit.policy.values import Template

Zones = dict[str, Zone]

_PASSES = ("proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass")
_NO_DELAY = (1 << 62) // 1000
_CODES_FROM, _CODES_TO = 300, 599
_DEFAULT_TYPES = {"html": "text/html", "gif": "image/gif", "jpg": "image/jpeg"}
_WITH_CHARSET = frozenset(
    """text/html text/xml text/plain text/vnd.wap.wml application/javascript
    application/rss+xml""".split()
)
_MOST_CONNECTIONS = 65_535

__all__ = ["in_force", "passes", "read_realip"]


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
    location = Location(modifier, path, pattern, source, scope=scope)
    _limits(location, scope, zones)
    _access(location, scope)
    _answers(location, scope)
    _redirects(location, scope)
    _content(location, scope)
    _connection(location, scope)
    location.max_body_bytes = scope.scalar("client_max_body_size", 1 << 20, syntax.size_bytes)
    location.merge_slashes = scope.flag("merge_slashes", True)
    location.internal = bool(scope.nearest("internal"))
    return location


def _connection(location: Location, scope: Scope) -> None:
    location.keepalive_timeout_ns = scope.time_ns("keepalive_timeout", 75)
    for directive in scope.nearest("keepalive_timeout")[-1:]:
        if len(directive.args) > 1:
            header_ns = syntax.time_ns(directive.args[1], directive.source)
            location.keepalive_header_s = header_ns // syntax.NS_PER_S
    location.lease = read_lease(scope)
    disabled = scope.last("keepalive_disable")
    location.keepalive_disabled = _agents(disabled) if disabled else frozenset(("msie6",))
    location.resets_when_timed_out = scope.flag("reset_timedout_connection")
    location.realip = read_realip(scope)


def _agents(directive: Directive) -> frozenset[str]:
    unknown = set(directive.args) - {"none", "msie6", "safari"}
    if unknown:
        raise bad(directive.source, f'invalid value "{min(unknown)}"', "none, msie6 or safari")
    return frozenset(directive.args) - {"none"}


def read_realip(scope: Scope) -> RealIp | None:
    """`set_real_ip_from` and its companions as they are in force, or None."""
    trusted = scope.nearest("set_real_ip_from")
    if not trusted:
        return None
    header = scope.last("real_ip_header")
    name = "X-Real-IP" if header is None else header.args[0]
    if name == "proxy_protocol":
        raise bad(trusted[0].source, "the PROXY protocol is not simulated", "name a header")
    return RealIp(
        tuple(syntax.network(d.args[0], d.source) for d in trusted if d.args[0] != "unix:"),
        name,
        scope.flag("real_ip_recursive"),
        trusted[0].source,
    )


def _limits(location: Location, scope: Scope, zones: Zones) -> None:
    location.limits = tuple(_limit(d, zones) for d in scope.nearest("limit_req"))
    _each_zone_once([(limit.zone, limit.source) for limit in location.limits])
    location.limit_status = scope.scalar("limit_req_status", 503, _status)
    location.limit_dry_run = scope.flag("limit_req_dry_run")
    location.conn_limits = tuple(_conn_limit(d, zones) for d in scope.nearest("limit_conn"))
    _each_zone_once([(limit.zone, limit.source) for limit in location.conn_limits])
    location.conn_status = scope.scalar("limit_conn_status", 503, _status)
    location.conn_dry_run = scope.flag("limit_conn_dry_run")


def _each_zone_once(uses: list[tuple[Zone, Source]]) -> None:
    seen: set[str] = set()
    for zone, source in uses:
        if zone.name in seen:
            raise bad(source, f'"{source.text.split()[0]}" directive is duplicate', zone.name)
        seen.add(zone.name)


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
    most = syntax.whole(number, directive.source, least=1)
    if most > _MOST_CONNECTIONS:
        raise bad(directive.source, "connection limit must be less 65536")
    return ConnLimit(zone, most, directive.source)


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
    location.referers = read_referers(scope, scope.names)
    location.satisfy_any = scope.scalar("satisfy", False, _satisfy_any)
    realm = scope.last("auth_basic")
    if realm is None or realm.args[0] == "off":
        return
    file = scope.last("auth_basic_user_file")
    if file is None:
        return
    name, home = Template.parse(file.args[0], file.source), scope.home or Path()
    users = None if name.constant is None else read_users(home / name.constant)
    location.credentials = Credentials(
        Template.parse(realm.args[0], realm.source), name, users, home, realm.source
    )


def _satisfy_any(text: str, source: Source) -> bool:
    if text not in ("all", "any"):
        raise bad(source, f'invalid value "{text}"', 'it must be "all" or "any"')
    return text == "any"


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
    location.types = _types(scope)
    _charset(location, scope)
    location.expires = _expires(scope)
    location.ranges = scope.number("max_ranges", 1) > 0
    location.pads_pages = scope.flag("msie_padding", True)
    location.etag = scope.flag("etag", True)
    location.server_tokens = scope.scalar("server_tokens", True, _tokens)


def _tokens(text: str, source: Source) -> bool:
    if text not in ("on", "off", "build"):
        raise bad(source, f'invalid value "{text}"', "on, off or build")
    return text != "off"


def _charset(location: Location, scope: Scope) -> None:
    named, kinds = scope.last("charset"), scope.nearest("charset_types")
    if named is not None and named.args[0] != "off":
        location.charset = Template.parse(named.args[0], named.source)
    words = frozenset(word for d in kinds for word in d.args)
    location.charset_types = frozenset({"text/html", *words}) if kinds else _WITH_CHARSET


def _expires(scope: Scope) -> Template | None:
    """What `expires` says; not ``modified``, which goes by the times of files."""
    found = scope.last("expires")
    if found is None:
        return None
    *modified, text = found.args
    value = Template.parse(text, found.source)
    if value.constant is None:
        return value
    is_daily = text.startswith("@")
    if not is_daily and read_lasting(text, found.source) is None:
        return None
    return None if is_daily or modified else value


def _types(scope: Scope) -> Mapping[str, str]:
    blocks = scope.nearest("types")
    if not blocks:
        return _DEFAULT_TYPES
    lines = (line for block in blocks for line in block.block or ())
    return {ascii_lower(word): line.name for line in lines for word in line.args}


def _redirects(location: Location, scope: Scope) -> None:
    location.absolute_redirect = scope.flag("absolute_redirect", True)
    location.port_in_redirect = scope.flag("port_in_redirect", True)
    location.server_name_in_redirect = scope.flag("server_name_in_redirect")


def _error_page(directive: Directive) -> ErrorPage:
    *words, target = directive.args
    overwrite: int | None = None
    if len(words) > 1 and words[-1].startswith("="):
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
    passed = scope.nearest_of_conditions(*_PASSES)
    location.handler = Handler.PROXY if passed else Handler.STATIC
    module = passed[-1].name.removesuffix("_pass") if passed else "proxy"
    location.intercept_errors = scope.flag(f"{module}_intercept_errors")
    location.root = _root(scope)
    location.index = _index(scope)
    for tries in scope.here("try_files"):  # inherited by nothing, not even by an `if`
        location.try_files = tuple(Template.parse(word, tries.source) for word in tries.args)
        location.try_source = tries.source
        _check_last(tries)


def _index(scope: Scope) -> tuple[Template, ...]:
    lines = scope.nearest("index")
    for line in lines:
        if "" in line.args:
            raise bad(line.source, 'index "" in "index" directive is invalid')
    found = tuple(Template.parse(word, line.source) for line in lines for word in line.args)
    return found or (Template(("index.html",), Source("nginx's default", 0, "index index.html")),)


def _check_last(tries: Directive) -> None:
    word = tries.args[-1]
    if word.startswith("=") and not re.fullmatch("=[0-9]{1,3}", word):
        raise bad(tries.source, f'invalid code "{word}"', "such as =404")
    if word.startswith("=") and int(word[1:]) < _CODES_FROM and word not in ("=201", "=204"):
        raise bad(tries.source, f'nginx gives no answer at all where "{word}" is come to', "=404")


def _root(scope: Scope) -> Root:
    for level in scope.levels():
        for directive in level.here("root", "alias"):
            path = Template.parse(directive.args[0], directive.source)
            if directive.name == "root":
                return Root(Template.parse(directive.args[0].removesuffix("/"), directive.source))
            place = level.outer or Place("", "")
            return Root(path, place.path, whole=place.modifier in ("~", "~*"))
    return Root(Template(("html",), Source("nginx's default", 0, "root html")))


def read_lease(scope: Scope) -> Lease:
    """`keepalive_requests` and `keepalive_time`."""
    return Lease(scope.number("keepalive_requests", 1000), scope.time_ns("keepalive_time", 3600))
