"""What is known of a request when it is over: the variables that `log_format` may name."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic, time

from simkit.live.serve.reading import Request
from simkit.policy.answers import NGINX_VERSION
from simkit.policy.facts import is_raw
from simkit.policy.model import Http
from simkit.policy.plan import Ending, Source
from simkit.policy.values import Template
from simkit.wire import Address

__all__ = ["Peer", "Record", "is_known", "value"]

_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_UPSTREAM = frozenset("upstream_addr upstream_status upstream_response_time".split())


@dataclass(eq=False, slots=True)
class Peer:
    """The client of a connection, and the connection itself.

    ``address`` and ``port`` are the client's, ``host`` and ``local_port`` ours as configured.
    ``started_s`` is on the monotonic clock.
    """

    address: Address
    port: int
    host: str
    local_port: int
    serial: int
    started_s: float = field(default_factory=monotonic)
    requests: int = 0
    tls_protocol: str = ""
    tls_cipher: str = ""
    tls_name: str = ""


@dataclass(eq=False, slots=True)
class Record:
    """One request as the logs see it."""

    peer: Peer
    request: Request
    ending: Ending | None
    number: int
    started_s: float
    status: int = 0
    sent_bytes: int = 0
    header_bytes: int = 0
    read_bytes: int = 0
    pipelined: bool = False
    complete: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    upstream: dict[str, str] = field(default_factory=dict)
    ended: float = field(default_factory=time)
    identity: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def body_bytes(self) -> int:
        """How many bytes of a body were sent."""
        return max(0, self.sent_bytes - self.header_bytes)

    def sent_header(self, name: str) -> str | None:
        """A header of the answer, by its name in a variable."""
        return next((v for n, v in self.headers if n.lower().replace("-", "_") == name), None)


def time_local(when: float) -> str:
    """A time as in ``$time_local``, in the zone of this machine."""
    at = datetime.fromtimestamp(when, UTC).astimezone()
    return f"{at:%d}/{_MONTHS[at.month - 1]}/{at:%Y:%H:%M:%S %z}"


def _time_iso(when: float) -> str:
    return datetime.fromtimestamp(int(when), UTC).astimezone().isoformat()


def _seconds(value: float) -> str:
    return f"{int(value * 1000) / 1000:.3f}"


_OWN: dict[str, Callable[[Record], str | None]] = {
    "body_bytes_sent": lambda r: str(r.body_bytes),
    "bytes_sent": lambda r: str(r.sent_bytes),
    "connection": lambda r: str(r.peer.serial),
    "connection_requests": lambda r: str(r.number),
    "connection_time": lambda r: _seconds(monotonic() - r.peer.started_s),
    "hostname": lambda r: socket.gethostname().lower(),  # noqa: ARG005
    "msec": lambda r: _seconds(r.ended),
    "nginx_version": lambda r: NGINX_VERSION,  # noqa: ARG005
    "pid": lambda r: str(os.getpid()),  # noqa: ARG005
    "pipe": lambda r: "p" if r.pipelined else ".",
    "realip_remote_port": lambda r: str(r.peer.port),
    "remote_port": lambda r: str(r.peer.port),
    "request": lambda r: r.request.line.decode("utf-8", "surrogateescape") or None,
    "request_completion": lambda r: "OK" if r.complete else "",
    "request_id": lambda r: r.identity,
    "request_length": lambda r: str(r.read_bytes),
    "request_time": lambda r: _seconds(max(0.0, monotonic() - r.started_s)),
    "server_addr": lambda r: r.peer.host,
    "ssl_cipher": lambda r: r.peer.tls_cipher or None,
    "ssl_protocol": lambda r: r.peer.tls_protocol or None,
    "ssl_server_name": lambda r: r.peer.tls_name or None,
    "status": lambda r: f"{r.status:03d}",
    "time_iso8601": lambda r: _time_iso(r.ended),
    "time_local": lambda r: time_local(r.ended),
}
"""Variables that only a running server can give; the others are the policy's."""


def is_known(name: str, http: Http) -> bool:
    """Whether a log line can name the variable."""
    return (
        name in _OWN
        or name in _UPSTREAM
        or name.startswith(("sent_http_", "upstream_"))
        or is_raw(name)
        or name in http.maps
        or name in http.geos
        or name in http.assigned
        or name in _DECIDED
    )


_DECIDED = frozenset(
    """limit_req_status limit_conn_status remote_user document_root realpath_root request_filename
    request_body gzip_ratio invalid_referer geoip_country_code""".split()
)


def value(name: str, record: Record, http: Http) -> str | None:
    """The value of a variable at the end of a request; None where it has none."""
    own = _OWN.get(name)
    if own is not None:
        return own(record)
    if name.startswith("upstream_"):
        return record.upstream.get(name)
    if name.startswith("sent_http_"):
        return record.sent_header(name.removeprefix("sent_http_"))
    if record.ending is None:
        return None
    found = record.ending.variables.text(Template.parse(f"${{{name}}}", Source("", 0, "")))
    given = name in http.maps or name in http.geos or name in http.assigned
    return found if given else found or None
