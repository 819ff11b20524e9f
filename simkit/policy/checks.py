"""What nginx finds out once it has read everything: variables that are missing or go in circles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from simkit.errors import InputError
from simkit.policy.known import CHANGEABLE, is_of_nginx, is_simulated
from simkit.policy.maps import MapTable
from simkit.policy.model import Http, If, Location, Op, Return, Rewrite, Server, Set
from simkit.policy.reader import Directive
from simkit.policy.source import Source
from simkit.policy.split import SplitTable
from simkit.policy.syntax import bad
from simkit.policy.users import is_right
from simkit.policy.values import Template
from simkit.policy.variables import OF_SOCKET

_SHOWN_ONLY = ("log_format", "add_trailer")
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
_FORBIDDEN = 403
_IDLE, _SHOWS, _DECIDES = 0, 1, 2
"""What comes of a value: nothing that is simulated, something seen, another answer."""

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
    known = own | (set() if _hears_everywhere(http) else {OF_SOCKET})
    found: dict[str, None] = {}
    for template, weight in _weighed(http):
        for name in template.names:
            if not is_of_nginx(name) and name not in own:
                raise _unknown(name, template.source)
            if weight is not _IDLE and name not in known and not is_simulated(name):
                fatal = weight is _DECIDES and not allow
                found[_complain(name, template.source, fatal=fatal)] = None
    for directive in seen:
        _check_shown(directive, own)
    return (*found, *_assumed(http))


def _hears_everywhere(http: Http) -> bool:
    """Whether some server listens on all addresses, so that `$server_addr` is not known."""
    return any(listen.is_wildcard for server in http.servers for listen in server.listens)


def _assumed(http: Http) -> Iterator[str]:
    """Where passwords cannot be checked."""
    places = {p.credentials.source: p.credentials for p in _places(http) if p.credentials}
    for source, credentials in places.items():
        users = credentials.users
        if isinstance(users, int):
            what = "is not there" if users == _FORBIDDEN else "cannot be read"
            said = f"its file of users {what}, so whoever gives credentials gets a {users}"
            yield f"{source}: {source.text}: {said}"
        elif any(is_right("", stored) is None for stored in (users or {}).values()):
            yield f"{source}: {source.text}: some passwords cannot be checked, they count as right"


def _complain(name: str, source: Source, *, fatal: bool) -> str:
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
        name: {n for template in _of_map(table) for n in template.names}
        for name, table in http.maps.items()
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


def _weighed(http: Http) -> Iterator[tuple[Template, int]]:
    """Every value with variables, and how it counts; a `map` counts as what asks for it."""
    weights = dict.fromkeys(http.maps, _IDLE)
    for template, weight in _templates(http):
        yield template, weight
        _reach(template, weight, http, weights)
    for name, table in http.maps.items():
        for template in _of_map(table):
            yield template, weights[name]


def _reach(template: Template, weight: int, http: Http, weights: dict[str, int]) -> None:
    """Give the maps that a value asks for, and those that they ask for, at least its weight."""
    pending = list(template.names)
    while pending:
        name = pending.pop()
        if name in weights and weights[name] < weight:
            weights[name] = weight
            pending += (n for inner in _of_map(http.maps[name]) for n in inner.names)


def _of_map(table: MapTable | SplitTable) -> Iterator[Template]:
    yield table.subject
    yield from (entry.value for entry in table.entries)


def _templates(http: Http) -> Iterator[tuple[Template, int]]:
    """Every value outside a `map`, and whether it can change who gets which answer."""
    for zone in http.zones:
        yield zone.key, _DECIDES
    for geo in http.geos.values():
        if geo.subject is not None:
            yield geo.subject, _DECIDES
    for op in _programs(http):
        yield from ((template, _DECIDES) for template in _of_op(op))
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


def _of_location(location: Location) -> Iterator[tuple[Template, int]]:
    yield from ((page.target, _DECIDES) for page in location.error_pages)
    yield from ((word, _DECIDES) for word in (*location.try_files, *location.index))
    yield location.root.path, _SHOWS
    yield from ((header.value, _SHOWS) for header in location.add_headers)
    yield from ((value, _SHOWS) for value in (location.charset, location.expires) if value)
    if location.credentials is not None:
        yield location.credentials.realm, _DECIDES
        yield location.credentials.file, _DECIDES


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
