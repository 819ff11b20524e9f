"""What nginx finds out once it has read everything: variables that are missing or go in circles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from simkit.errors import InputError
from simkit.policy.known import CHANGEABLE, is_of_nginx, is_simulated
from simkit.policy.model import Http, If, Location, Op, Return, Rewrite, Server, Set
from simkit.policy.reader import Directive
from simkit.policy.source import Source
from simkit.policy.syntax import bad
from simkit.policy.users import is_right
from simkit.policy.values import Template

_SHOWN_ONLY = ("log_format", "index", "add_trailer")
_SHOWN_ONLY_ENDINGS = ("_pass", "_set_header", "_param")
"""Directives whose variables change no answer; they must exist all the same."""

_ONCE = frozenset(
    """
    absolute_redirect alias auth_basic auth_basic_user_file client_body_timeout
    client_header_buffer_size client_header_timeout client_max_body_size default_type etag internal
    keepalive_requests keepalive_time keepalive_timeout large_client_header_buffers
    limit_conn_dry_run limit_conn_status limit_except limit_req_dry_run limit_req_status
    merge_slashes msie_padding port_in_redirect proxy_intercept_errors proxy_pass real_ip_header
    real_ip_recursive recursive_error_pages reset_timedout_connection root satisfy send_timeout
    server_name_in_redirect server_tokens ssl_reject_handshake try_files underscores_in_headers
    worker_connections worker_processes
    """.split()
)
"""Directives that may stand only once in a block."""

__all__ = ["check_repeated", "check_variables"]


def check_repeated(block: Sequence[Directive]) -> None:
    """Raise InputError for a directive that stands twice in a block and must not."""
    seen: set[str] = set()
    for directive in block:
        name = "root" if directive.name == "alias" else directive.name
        if name in _ONCE and name in seen:
            raise bad(directive.source, f'"{directive.name}" directive is duplicate')
        seen.add(name)
        if directive.name not in ("map", "geo", "split_clients", "types", "upstream"):
            check_repeated(directive.block or ())


def check_variables(http: Http, seen: Sequence[Directive], *, allow: bool) -> tuple[str, ...]:
    """Check every variable that the configuration names; returns what is not simulated.

    Raises InputError for a variable that nginx does not have, for one that is not simulated unless
    ``allow``, for a name of nginx's own that is given away, and for a circle of maps.
    """
    _check_names(http)
    _check_circles(http)
    own = http.assigned | http.maps.keys() | http.geos.keys()
    found: dict[str, None] = {}
    for template, matters in _templates(http):
        for name in template.names:
            if name in own or is_simulated(name):
                continue
            found[_complain(name, template.source, fatal=matters and not allow)] = None
    for directive in seen:
        _check_shown(directive, own)
    return (*found, *_assumed(http))


def _assumed(http: Http) -> Iterator[str]:
    """Where nobody's password can be checked."""
    places = {p.credentials.source: p.credentials for p in _places(http) if p.credentials}
    for source, credentials in places.items():
        if credentials.users is None:
            what = "its file of users could not be read, so whoever gives credentials is let in"
            yield f"{source}: {source.text}: {what}"
        elif any(is_right("", stored) is None for stored in credentials.users.values()):
            yield f"{source}: {source.text}: some passwords cannot be checked, they count as right"


def _complain(name: str, source: Source, *, fatal: bool) -> str:
    if not is_of_nginx(name):
        raise _unknown(name, source)
    what = f'the variable "${name}" is not simulated'
    if fatal:
        raise bad(source, what, "take it out, or allow what is not simulated")
    return f"{source}: {source.text}: {what}, it counts as empty"


def _unknown(name: str, source: Source) -> InputError:
    return bad(source, f'unknown "{name}" variable', "nginx does not start with it")


def _check_shown(directive: Directive, own: Iterable[str]) -> None:
    shown = directive.name in _SHOWN_ONLY or directive.name.endswith(_SHOWN_ONLY_ENDINGS)
    for word in directive.args if shown else ():
        for name in Template.parse(word, directive.source).names:
            if name not in own and not is_of_nginx(name) and name != "apache_bytes_sent":
                raise _unknown(name, directive.source)


def _check_names(http: Http) -> None:
    for name, source in _given(http):
        prefixed = name.startswith(("http_", "arg_", "cookie_", "sent_http_", "sent_trailer_"))
        if is_of_nginx(name) and name not in CHANGEABLE and not prefixed:
            raise bad(source, f'the duplicate "{name}" variable', "nginx has it already")


def _given(http: Http) -> Iterator[tuple[str, Source]]:
    """The names that the configuration gives a value, and where."""
    yield from ((table.name, table.source) for table in http.maps.values())
    yield from ((table.name, table.source) for table in http.geos.values())
    for op in _programs(http):
        if isinstance(op, Set):
            yield op.name, op.source


def _check_circles(http: Http) -> None:
    """Maps that need themselves: nginx would find out with the first request."""
    needs = {
        name: {n for t in (m.subject, *(e.value for e in m.entries)) for n in t.names}
        for name, m in http.maps.items()
    }
    done: set[str] = set()
    for start in needs:
        _follow(start, needs, http, done)


def _follow(start: str, needs: dict[str, set[str]], http: Http, done: set[str]) -> None:
    path, pending = [start], [iter(sorted(needs[start]))]
    while path:
        name = next(pending[-1], None)
        if name is None:
            done.add(path.pop())
            pending.pop()
        elif name in path:
            raise bad(http.maps[name].source, f'cycle while evaluating variable "{name}"')
        elif name in needs and name not in done:
            path.append(name)
            pending.append(iter(sorted(needs[name])))


# -- where variables stand -----------------------------------------------------------------------


def _templates(http: Http) -> Iterator[tuple[Template, bool]]:
    """Every value with variables, and whether it can change who gets which answer."""
    for zone in http.zones:
        yield zone.key, True
    for table in http.maps.values():
        yield table.subject, True
        yield from ((entry.value, True) for entry in table.entries)
    for geo in http.geos.values():
        if geo.subject is not None:
            yield geo.subject, True
    for op in _programs(http):
        yield from ((template, True) for template in _of_op(op))
    for location in _places(http):
        yield from _of_location(location)


def _places(http: Http) -> Iterator[Location]:
    for server in http.servers:
        yield from _places_of(server)


def _places_of(server: Server) -> Iterator[Location]:
    for location in (server.base, *server.locations.every()):
        yield location
        for op in _every(location.script):
            if isinstance(op, If) and op.location is not None:
                yield op.location


def _of_location(location: Location) -> Iterator[tuple[Template, bool]]:
    yield from ((page.target, True) for page in location.error_pages)
    yield from ((word, True) for word in location.try_files)
    yield location.root.path, False
    yield from ((header.value, False) for header in location.add_headers)
    if location.credentials is not None:
        yield location.credentials.realm, True


def _programs(http: Http) -> Iterator[Op]:
    for server in http.servers:
        yield from _every(server.script)
        for location in server.locations.every():
            yield from _every(location.script)


def _every(script: Iterable[Op]) -> Iterator[Op]:
    for op in script:
        yield op
        if isinstance(op, If):
            yield from _every(op.body)


def _of_op(op: Op) -> Iterator[Template]:
    if isinstance(op, Set):
        yield op.value
    elif isinstance(op, If):
        yield op.subject
        if isinstance(op.operand, Template):
            yield op.operand
    elif isinstance(op, Return) and op.text is not None:
        yield op.text
    elif isinstance(op, Rewrite):
        yield op.path
        if op.query is not None:
            yield op.query
