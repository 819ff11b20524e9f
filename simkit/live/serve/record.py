"""What is known of a request when it is over: the variables that a log or a header may name."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic, time

from simkit.live.serve.reading import Request
from simkit.live.serve.walking import Ending
from simkit.policy.answers import NGINX_VERSION
from simkit.policy.known import is_of_nginx, is_simulated
from simkit.policy.model import Http
from simkit.policy.source import Source
from simkit.policy.values import Template, Variable
from simkit.wire import Address, Fault

__all__ = ["Peer", "Record", "is_known", "is_served", "text", "value"]

_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_OF_LINE = frozenset("uri document_uri request_uri request_method server_protocol".split())
_EMPTY = frozenset("is_args https http2 host server_name request_completion".split())
_NOWHERE = Source("", 0, "")
_UPSTREAM = frozenset("upstream_addr upstream_status upstream_response_time".split())


@dataclass(eq=False, slots=True)
class Peer:
    """The client of a connection, and the connection itself.

    ``address`` and ``port`` are the client's, ``host`` and ``local_port`` ours, the port as
    configured. ``started_s`` is on the monotonic clock.
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
    """One request as the logs see it; ``number`` counts the requests of its connection."""

    http: Http
    peer: Peer
    request: Request
    number: int
    started_s: float
    ending: Ending | None = None
    status: int = 0
    sent_bytes: int = 0
    header_bytes: int = 0
    read_bytes: int = 0
    pipelined: bool = False
    complete: bool = False
    cut_off: bool = False
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


def _local(when: float) -> str:
    at = datetime.fromtimestamp(when, UTC).astimezone()
    return f"{at:%d}/{_MONTHS[at.month - 1]}/{at:%Y:%H:%M:%S %z}"


def _iso(when: float) -> str:
    return datetime.fromtimestamp(int(when), UTC).astimezone().isoformat()


def _seconds(value: float) -> str:
    return f"{int(value * 1000) / 1000:.3f}"


def _forwarded(record: Record) -> str:
    """The list of addresses with the client's own at its end."""
    before = record.request.shape.header("X-Forwarded-For")
    own = value("remote_addr", record) or ""
    return own if before is None else f"{before}, {own}"


def _wished(record: Record) -> str:
    shape = record.request.shape
    broken = record.cut_off or shape.fault is not Fault.NONE
    return "keep-alive" if shape.keep_alive and not broken else "close"


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
    "proxy_add_x_forwarded_for": _forwarded,
    "realip_remote_port": lambda r: str(r.peer.port),
    "remote_port": lambda r: str(r.peer.port),
    "request": lambda r: r.request.line.decode("utf-8", "surrogateescape"),
    "request_completion": lambda r: "OK" if r.complete else "",
    "request_id": lambda r: r.identity,
    "request_length": lambda r: str(r.read_bytes),
    "request_time": lambda r: _seconds(max(0.0, monotonic() - r.started_s)),
    # nginx has done with keeping the connection when it logs
    "sent_http_connection": lambda r: "close" if r.headers else _wished(r),
    "server_addr": lambda r: r.peer.host,
    "ssl_cipher": lambda r: r.peer.tls_cipher or None,
    "ssl_protocol": lambda r: r.peer.tls_protocol or None,
    "ssl_server_name": lambda r: r.peer.tls_name or None,
    "status": lambda r: f"{r.status:03d}",
    "time_iso8601": lambda r: _iso(r.ended),
    "time_local": lambda r: _local(r.ended),
}
"""Variables that only a running server can give; the others are the policy's."""


def is_known(name: str, http: Http) -> bool:
    """Whether nginx knows the variable in this configuration."""
    return is_of_nginx(name) or _is_given(name, http)


def is_served(name: str, http: Http) -> bool:
    """Whether the variable gets its value here; another one is logged as a dash."""
    own = name in _OWN or name in _UPSTREAM or name.startswith("sent_http_")
    return own or is_simulated(name) or _is_given(name, http)


def _is_given(name: str, http: Http) -> bool:
    return name in http.maps or name in http.geos or name in http.assigned


def _was_sent(name: str, record: Record) -> bool:
    """Whether an empty value is one that nginx knows: then it logs nothing, else a dash."""
    if not name.startswith("http_"):
        return name in _EMPTY
    sent = (n.lower().replace("-", "_") for n, _ in record.request.shape.headers)
    return name.removeprefix("http_") in sent


def _has_line(record: Record) -> bool:
    """Whether the request line could be read, or the request became another."""
    ending = record.ending
    return bool(record.request.shape.target) or (ending is not None and ending.path_changed)


def value(name: str, record: Record) -> str | None:
    """The value of a variable at the end of a request; None where it has none."""
    own = _OWN.get(name)
    if own is not None:
        return own(record)
    if name.startswith("upstream_"):
        return record.upstream.get(name)
    if name.startswith("sent_http_"):
        return record.sent_header(name.removeprefix("sent_http_"))
    if record.ending is None or (name in _OF_LINE and not _has_line(record)):
        return None
    found = record.ending.text(Template((Variable(name),), _NOWHERE))
    if not found and not (_is_given(name, record.http) or _was_sent(name, record)):
        return None
    return found


def text(template: Template, record: Record) -> str:
    """The text of a template at the end of a request."""
    parts: list[str] = []
    for part in template.parts:
        if isinstance(part, str):
            parts.append(part)
        elif not part.captured:
            parts.append(value(part.name, record) or "")
        elif record.ending is not None:
            parts.append(record.ending.text(Template((part,), template.source)))
    return "".join(parts)
