"""From the tree of directives to the model: one function for each thing that is read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from simkit.errors import InputError
from simkit.policy import syntax
from simkit.policy.checks import check_repeated, check_variables
from simkit.policy.directives import DECIDING, cannot_matter, what_is_lost
from simkit.policy.facts import HeaderNames, View
from simkit.policy.locations import build_locations
from simkit.policy.maps import MapTable, parse_geo, parse_map
from simkit.policy.model import (
    ConnectionSettings,
    HeaderBuffers,
    Http,
    If,
    Op,
    Rewrite,
    Server,
    Set,
    Zone,
)
from simkit.policy.patterns import Pattern
from simkit.policy.reader import Directive, read, unescaped
from simkit.policy.scope import Scope
from simkit.policy.script import read_script
from simkit.policy.servers import read_listens
from simkit.policy.settings import Zones, in_force, read_lease, read_realip
from simkit.policy.source import Source
from simkit.policy.split import parse_split
from simkit.policy.syntax import bad
from simkit.policy.uri import ascii_lower
from simkit.policy.values import Template

_OPAQUE = frozenset({"upstream", "types", "stream", "mail", "map", "geo", "split_clients"})
_DEFAULT_LISTEN = Directive("listen", ("80",), Source("nginx's default", 0, "listen 80"))

_ONE_WORKER: int | None = 1

__all__ = ["build"]


def build(path: Path, *, allow_unsupported: bool = False) -> Http:
    """Read a configuration file into the model.

    Raises InputError with file and line. With ``allow_unsupported`` a directive that is not
    simulated becomes a warning.
    """
    tree = tuple(map(unescaped, read(path)))
    seen = tuple(_all(tree))
    unsupported = [d for d in seen if d.name not in DECIDING and not cannot_matter(d.name, d.args)]
    if unsupported and not allow_unsupported:
        raise _not_simulated(unsupported[0])
    check_repeated(tree)
    main = Scope(tree, home=path.resolve().parent)
    http = main.inner(_only(tree, "http", path))
    zones = _zones(http)
    servers = tuple(_server(http.inner(d), d.source, zones) for d in http.here("server"))
    if not servers:
        raise InputError("there is no server block", file=path, hint="it would answer nobody")
    tables = [
        parse_map(d) if d.name == "map" else parse_split(d)
        for d in http.here("map", "split_clients")
    ]
    maps = [table for table in tables if isinstance(table, MapTable)]
    captured = (name for m in maps for pattern, _ in m.patterns for name in pattern.names)
    built = Http(
        path=path,
        servers=servers,
        zones=tuple(zones.values()),
        maps={table.name: table for table in tables},
        geos={g.name: g for g in map(parse_geo, http.here("geo"))},
        assigned=frozenset((*_assigned(servers), *captured)) - {"args"},
        worker_processes=main.scalar("worker_processes", _ONE_WORKER, _workers),
        worker_connections=_worker_connections(main),
        warnings=tuple(_warnings(seen, unsupported)),
        ignored=tuple(sorted({d.name for d in seen if cannot_matter(d.name, d.args)})),
    )
    more = check_variables(built, seen, allow=allow_unsupported)
    return replace(built, warnings=(*built.warnings, *more))


def _all(block: Sequence[Directive]) -> Iterator[Directive]:
    for directive in block:
        yield directive
        if directive.block and directive.name not in _OPAQUE:
            yield from _all(directive.block)


def _warnings(seen: Sequence[Directive], unsupported: Sequence[Directive]) -> Iterator[str]:
    for directive in unsupported:
        yield f"{directive.source}: {directive.source.text}: not simulated"
    for directive in seen:
        lost = what_is_lost(directive.name, directive.args)
        if lost is not None:
            yield f"{directive.source}: {directive.source.text}: {lost}"


def _not_simulated(directive: Directive) -> InputError:
    return bad(
        directive.source,
        f'"{directive.name}" is not simulated and could change an answer',
        "take it out, or allow what is not simulated",
    )


def _only(tree: Sequence[Directive], name: str, path: Path) -> Directive:
    found = [d for d in tree if d.name == name]
    if not found:
        raise InputError(f"there is no {name} block", file=path, hint="give a whole nginx.conf")
    if len(found) > 1:
        raise bad(found[1].source, f'"{name}" directive is duplicate')
    return found[0]


def _workers(text: str, source: Source) -> int | None:
    if text == "auto":
        return None
    return syntax.whole(text, source, least=1, most=syntax.MOST_WORKERS + 1)


def _worker_connections(main: Scope) -> int:
    events = main.here("events")
    inside = main.inner(events[0]) if events else main
    return inside.number("worker_connections", 512)


def _zones(http: Scope) -> Zones:
    found: Zones = {}
    for directive in http.here("limit_req_zone", "limit_conn_zone"):
        zone = _read_zone(directive, len(found))
        if zone.name in found:
            raise bad(directive.source, f'zone "{zone.name}" is already bound')
        found[zone.name] = zone
    return found


def _read_zone(directive: Directive, index: int) -> Zone:
    source, (key, *words) = directive.source, directive.args
    given = dict(word.partition("=")[::2] for word in words)
    unknown = set(given) - {"zone", "rate", "sync"}
    if unknown:
        raise bad(source, f'invalid parameter "{min(unknown)}"')
    name, colon, size = given.get("zone", "").partition(":")
    if not name or not colon:
        raise bad(source, f'"{directive.name}" must have a "zone=name:size" parameter')
    rate: int | None = None
    if directive.name == "limit_req_zone":
        rate = syntax.rate_milli(given.get("rate", "1r/s"), source)
    size_bytes = syntax.size_bytes(size, source)
    if size_bytes < 8 * 4096:  # nginx: at least eight pages
        raise bad(source, f'zone "{name}" is too small', "at least 32k")
    return Zone(name, index, Template.parse(key, source), rate, size_bytes, source)


def _server(scope: Scope, source: Source, zones: Zones) -> Server:
    given = {n: d.source for d in scope.here("server_name") for n in d.args}
    names = tuple(_read_name(n, place) for n, place in given.items())
    listens = scope.here("listen") or (_DEFAULT_LISTEN,)
    view = View(
        tuple(filter(None, (read_realip(scope),))),
        _shown_name(names),
        merge_slashes=scope.flag("merge_slashes", True),
        names=_header_names(scope),
    )
    return Server(
        names=names,
        listens=read_listens(listens, http2=scope.flag("http2")),
        base=in_force(scope, zones, source),
        script=read_script(scope.own, None),
        locations=build_locations(scope, zones),
        reject_handshake=scope.flag("ssl_reject_handshake"),
        settings=_connection_settings(scope),
        buffers=_buffers(scope),
        patterns={
            name: Pattern(name[1:], caseless=True, source=place)
            for name, place in given.items()
            if name.startswith("~")
        },
        view=view,
        has_certificate=bool(scope.nearest("ssl_certificate")),
        source=source,
    )


def _header_names(scope: Scope) -> HeaderNames:
    invalid = not scope.flag("ignore_invalid_headers", True)
    return HeaderNames(scope.flag("underscores_in_headers") or invalid, invalid)


def _read_name(text: str, source: Source) -> str:
    if text.startswith("~"):
        if text == "~":
            raise bad(source, f'empty regex in server name "{text}"')
        return text
    if text.lower() == "$hostname":
        raise bad(source, '"$hostname" is not simulated', "write the name")
    if re.match(r"\*(?!\..)", text) or text == ".":
        raise bad(source, f'server name "{text}" is invalid', "a * only as *. or .*")
    return ascii_lower(text)


def _shown_name(names: Sequence[str]) -> str:
    """What `$server_name` says: the first name, without a dot that it begins with."""
    return names[0].removeprefix(".") if names else ""


def _buffers(scope: Scope) -> HeaderBuffers:
    first = scope.scalar("client_header_buffer_size", 1 << 10, syntax.size_bytes)
    large = scope.last("large_client_header_buffers")
    if large is None:
        return HeaderBuffers(first, 4, 8 << 10)
    number, size = large.args
    count = syntax.whole(number, large.source, least=1)
    return HeaderBuffers(first, count, syntax.size_bytes(size, large.source))


def _connection_settings(scope: Scope) -> ConnectionSettings:
    return ConnectionSettings(
        client_header_timeout_ns=scope.time_ns("client_header_timeout", 60),
        client_body_timeout_ns=scope.time_ns("client_body_timeout", 60),
        send_timeout_ns=scope.time_ns("send_timeout", 60),
        lingering_timeout_ns=scope.time_ns("lingering_timeout", 5),
        lingering_time_ns=scope.time_ns("lingering_time", 30),
        resumption_ns=_resumption_ns(scope),
        keepalive_timeout_ns=scope.time_ns("keepalive_timeout", 75),
        lease=read_lease(scope),
        reset_timedout_connection=scope.flag("reset_timedout_connection"),
        tls=False,
        http2=False,
    )


def _resumption_ns(scope: Scope) -> int:
    """TLS sessions are resumed by tickets, which are on unless turned off, or from a cache."""
    cache = scope.last("ssl_session_cache")
    cached = cache is not None and cache.args[0] not in ("off", "none")
    if not scope.flag("ssl_session_tickets", True) and not cached:
        return 0
    return scope.time_ns("ssl_session_timeout", 300)


def _assigned(servers: Sequence[Server]) -> Iterator[str]:
    """The variables that some `set` or named capture gives a value."""
    for server in servers:
        yield from _assigned_in(server.script)
        for pattern in server.patterns.values():
            yield from pattern.names
        for location in server.locations.every():
            yield from _assigned_in(location.script)
            if location.pattern is not None:
                yield from location.pattern.names


def _assigned_in(script: Sequence[Op]) -> Iterator[str]:
    for op in script:
        if isinstance(op, Set):
            yield op.name
        elif isinstance(op, Rewrite):
            yield from op.pattern.names
        elif isinstance(op, If):
            yield from getattr(op.operand, "names", ())
            yield from _assigned_in(op.body)
