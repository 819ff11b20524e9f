"""A configuration, read and merged: what deciding needs to know, and nothing else.

Inheritance is already done: a `Location` holds what is in force in it. Objects are compared by
identity; they are made once per policy and never changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from simkit.policy.facts import View
from simkit.policy.maps import GeoTable, MapTable
from simkit.policy.patterns import Pattern
from simkit.policy.plan import ENDLESS, Handler, Lease
from simkit.policy.realip import RealIp
from simkit.policy.referers import Referers
from simkit.policy.scope import NOWHERE, Scope
from simkit.policy.source import Source
from simkit.policy.split import SplitTable
from simkit.policy.syntax import Network
from simkit.policy.users import Users, read_users
from simkit.policy.values import Template

__all__ = [
    "Access",
    "AddHeader",
    "Break",
    "ConnLimit",
    "ConnectionSettings",
    "Credentials",
    "ErrorPage",
    "HeaderBuffers",
    "Http",
    "If",
    "Limit",
    "Listen",
    "Location",
    "Op",
    "Return",
    "Rewrite",
    "Root",
    "Server",
    "Set",
    "Zone",
]


@dataclass(frozen=True, slots=True)
class Zone:
    """A shared memory zone: of `limit_req` (rate in thousandths per second) or `limit_conn`."""

    name: str
    index: int
    key: Template
    rate: int | None
    size_bytes: int
    source: Source

    @property
    def counts_connections(self) -> bool:
        """Whether the zone belongs to `limit_conn`."""
        return self.rate is None


@dataclass(frozen=True, slots=True)
class Limit:
    """A `limit_req`; burst and delay in thousandths of a request."""

    zone: Zone
    burst: int
    delay: int
    source: Source


@dataclass(frozen=True, slots=True)
class ConnLimit:
    """A `limit_conn`."""

    zone: Zone
    connections: int
    source: Source


@dataclass(frozen=True, slots=True)
class Access:
    """An `allow` or `deny`; ``network`` None stands for all."""

    allow: bool
    network: Network | None
    source: Source


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """An `error_page`. ``overwrite``: the code after ``=``, 0 for a lone ``=``, None without."""

    codes: frozenset[int]
    overwrite: int | None
    target: Template
    source: Source


@dataclass(frozen=True, slots=True)
class AddHeader:
    """An `add_header`."""

    name: str
    value: Template
    always: bool
    source: Source


@dataclass(frozen=True, slots=True)
class Set:
    """`set $name value`."""

    name: str
    value: Template
    source: Source


@dataclass(frozen=True, slots=True)
class Return:
    """`return code`, `return code text` or `return url`; ``text`` None where none is written."""

    code: int
    text: Template | None
    source: Source


@dataclass(frozen=True, slots=True)
class Rewrite:
    """`rewrite`.

    ``path`` and ``query`` (None: no question mark) are the replacement; ``adds_query`` says that
    the old query is kept. ``code`` is that of a redirect, else 0. ``ends`` the program, and
    ``stays``: in this location.
    """

    pattern: Pattern
    path: Template
    query: Template | None
    adds_query: bool
    code: int
    ends: bool
    stays: bool
    source: Source


@dataclass(frozen=True, slots=True)
class Break:
    """`break`."""

    source: Source


@dataclass(frozen=True, slots=True)
class Credentials:
    """`auth_basic` with its file, whose relative name begins at ``home``.

    ``users`` is what the file said when the configuration was read, or the status that it gives;
    None where its name has variables in it.
    """

    realm: Template
    file: Template
    users: Users | None
    home: Path
    source: Source

    def read(self, name: str) -> Users:
        """The file of that name."""
        return read_users(self.home / name) if self.users is None else self.users


@dataclass(frozen=True, slots=True)
class Root:
    """`root` or `alias`; ``replaces`` is the part of the path that an alias stands for.

    With ``whole`` the alias is the file itself, as in a location by regular expression.
    """

    path: Template
    replaces: str = ""
    whole: bool = False

    def below(self, path: str) -> str:
        """What of a path lies below the folder."""
        return "" if self.whole else path.removeprefix(self.replaces)


@dataclass(frozen=True, slots=True)
class If:
    """An `if`. ``operator`` is empty for a bare variable, else ``=``, ``!=``, ``~`` … or ``-f`` …

    ``location`` is what is in force once the condition held (None in a server block).
    """

    operator: str
    subject: Template
    operand: Template | Pattern | None
    body: tuple[Op, ...]
    location: Location | None
    source: Source


Op = Set | Return | Rewrite | Break | If


@dataclass(eq=False, slots=True)
class Location:
    """A location, or what is in force in a server or an `if`, with everything inherited."""

    modifier: str
    path: str
    pattern: Pattern | None
    source: Source
    script: tuple[Op, ...] = ()
    limits: tuple[Limit, ...] = ()
    limit_status: int = 503
    limit_dry_run: bool = False
    conn_limits: tuple[ConnLimit, ...] = ()
    conn_status: int = 503
    conn_dry_run: bool = False
    access: tuple[Access, ...] = ()
    credentials: Credentials | None = None
    satisfy_any: bool = False
    realip: RealIp | None = None
    referers: Referers | None = None
    except_methods: frozenset[str] = frozenset()
    excepted: Location | None = None  # in force for the methods that limit_except does not name
    error_pages: tuple[ErrorPage, ...] = ()
    recursive_error_pages: bool = False
    add_headers: tuple[AddHeader, ...] = ()
    handler: Handler = Handler.STATIC
    intercept_errors: bool = False
    try_files: tuple[Template, ...] = ()
    try_source: Source | None = None
    index: tuple[Template, ...] = ()
    internal: bool = False
    auto_redirect: bool = False
    default_type: str = "text/plain"
    charset: Template | None = None
    charset_types: frozenset[str] = frozenset()
    expires: Template | None = None
    ranges: bool = True
    types: Mapping[str, str] = field(default_factory=dict)  # by extension
    root: Root = Root(Template((), Source("", 0, "")))
    server_tokens: bool = True
    pads_pages: bool = True
    etag: bool = True
    absolute_redirect: bool = True
    port_in_redirect: bool = True
    server_name_in_redirect: bool = False
    max_body_bytes: int = 1 << 20
    keepalive_timeout_ns: int = 75_000_000_000
    keepalive_header_s: int = 0  # 0: no header Keep-Alive
    lease: Lease = ENDLESS
    keepalive_disabled: frozenset[str] = frozenset()  # agents that no connection is kept for
    resets_when_timed_out: bool = False
    merge_slashes: bool = True
    scope: Scope = field(default=NOWHERE, repr=False)  # what is written here and around
    nested: Locations | None = None


@dataclass(eq=False, slots=True)
class Locations:
    """The locations of one level, as nginx keeps them."""

    exact: dict[str, Location] = field(default_factory=dict)
    prefixes: tuple[Location, ...] = ()  # longest first
    patterns: tuple[Location, ...] = ()  # as written
    named: dict[str, Location] = field(default_factory=dict)

    def every(self) -> Iterator[Location]:
        """All locations of this level and of the levels inside."""
        for location in (
            *self.exact.values(),
            *self.prefixes,
            *self.patterns,
            *self.named.values(),
        ):
            yield location
            if location.excepted is not None:
                yield location.excepted
            if location.nested is not None:
                yield from location.nested.every()


@dataclass(frozen=True, slots=True)
class Listen:
    """A `listen`: port, family and what is spoken there."""

    address: str
    port: int
    ipv6: bool
    tls: bool
    http2: bool
    default: bool
    source: Source

    @property
    def is_wildcard(self) -> bool:
        """Whether every address of the family is listened on."""
        return self.address in ("*", "::")

    @property
    def where(self) -> str:
        """Address and port as a `listen` says them."""
        return f"[{self.address}]:{self.port}" if self.ipv6 else f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """What nginx does with connections on a port; times in nanoseconds."""

    client_header_timeout_ns: int
    client_body_timeout_ns: int
    send_timeout_ns: int
    lingering_timeout_ns: int
    lingering_time_ns: int
    resumption_ns: int  # how long a TLS session can be resumed; 0: never
    keepalive_timeout_ns: int
    lease: Lease
    reset_timedout_connection: bool
    tls: bool
    http2: bool


@dataclass(frozen=True, slots=True)
class HeaderBuffers:
    """`client_header_buffer_size`, and `large_client_header_buffers`."""

    first_bytes: int
    large_count: int
    large_bytes: int


@dataclass(eq=False, slots=True)
class Server:
    """A server block. ``settings`` are those of its connections, without tls and http2."""

    names: tuple[str, ...]
    listens: tuple[Listen, ...]
    base: Location
    script: tuple[Op, ...]
    locations: Locations
    reject_handshake: bool
    settings: ConnectionSettings
    buffers: HeaderBuffers
    patterns: Mapping[str, Pattern]  # of the names that are regular expressions
    view: View
    has_certificate: bool
    source: Source

    @property
    def name(self) -> str:
        """The first name, which `$server_name` gives."""
        return self.view.server_name


@dataclass(eq=False, slots=True)
class Http:
    """The whole configuration."""

    path: Path
    servers: tuple[Server, ...]
    zones: tuple[Zone, ...]
    maps: dict[str, MapTable | SplitTable]
    geos: dict[str, GeoTable]
    assigned: frozenset[str]  # variables that `set` or a named capture gives
    worker_processes: int | None
    worker_connections: int
    warnings: tuple[str, ...]
    ignored: tuple[str, ...]
