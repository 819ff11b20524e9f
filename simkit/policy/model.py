"""A configuration, read and merged: what deciding needs to know, and nothing else.

Inheritance is already done: a `Location` holds what is in force in it. Objects are compared by
identity; they are made once per policy and never changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from simkit.policy.facts import RealIp
from simkit.policy.maps import GeoTable, MapTable
from simkit.policy.patterns import Pattern
from simkit.policy.plan import Handler, Source
from simkit.policy.syntax import Network
from simkit.policy.values import Template

__all__ = [
    "Access",
    "AddHeader",
    "Break",
    "ConnLimit",
    "ConnectionSettings",
    "ErrorPage",
    "Http",
    "If",
    "Limit",
    "Listen",
    "Location",
    "Op",
    "Return",
    "Rewrite",
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
    """`return code`, `return code text` or `return url`."""

    code: int
    text: Template | None
    source: Source


@dataclass(frozen=True, slots=True)
class Rewrite:
    """`rewrite`; ``flag`` is ``last``, ``break``, ``redirect``, ``permanent`` or empty."""

    pattern: Pattern
    replacement: Template
    flag: str
    source: Source


@dataclass(frozen=True, slots=True)
class Break:
    """`break`."""

    source: Source


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
    error_pages: tuple[ErrorPage, ...] = ()
    recursive_error_pages: bool = False
    add_headers: tuple[AddHeader, ...] = ()
    handler: Handler = Handler.STATIC
    intercept_errors: bool = False
    try_files: tuple[Template, ...] = ()
    try_source: Source | None = None
    internal: bool = False
    auto_redirect: bool = False
    default_type: str = "text/plain"
    server_tokens: bool = True
    max_body_bytes: int = 1 << 20
    keepalive_timeout_ns: int = 75_000_000_000
    merge_slashes: bool = True
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


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """What nginx does with connections on a port; times in nanoseconds."""

    client_header_timeout_ns: int
    client_body_timeout_ns: int
    send_timeout_ns: int
    keepalive_timeout_ns: int
    keepalive_time_ns: int
    keepalive_requests: int
    reset_timedout_connection: bool
    tls: bool
    http2: bool


@dataclass(eq=False, slots=True)
class Server:
    """A server block. ``settings`` are those of its connections, without tls and http2."""

    names: tuple[str, ...]
    listens: tuple[Listen, ...]
    base: Location
    script: tuple[Op, ...]
    locations: Locations
    realip: RealIp | None
    reject_handshake: bool
    settings: ConnectionSettings
    header_buffer_bytes: int
    header_buffers: int
    underscores_in_headers: bool
    source: Source

    @property
    def name(self) -> str:
        """The first name, which `$server_name` gives."""
        return self.names[0] if self.names else ""


@dataclass(eq=False, slots=True)
class Http:
    """The whole configuration."""

    path: Path
    servers: tuple[Server, ...]
    zones: tuple[Zone, ...]
    maps: dict[str, MapTable]
    geos: dict[str, GeoTable]
    assigned: frozenset[str]  # variables that `set` or a named capture gives
    uses_captures: bool  # whether any value names a capture
    worker_processes: int | None
    worker_connections: int
    warnings: tuple[str, ...]
    ignored: tuple[str, ...]
