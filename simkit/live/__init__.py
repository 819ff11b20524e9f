"""Sockets: a policy on a live nginx, and a client that says exactly what it saw."""

from __future__ import annotations

from simkit.live.access import AccessLog, Record
from simkit.live.backend import Backend, SamePage
from simkit.live.connection import Connection, Ending, Exchange, Tls, exchange
from simkit.live.encode import ADDRESS_HEADER, encode
from simkit.live.http1 import Answer
from simkit.live.http2 import Http2, StreamEnd
from simkit.live.listening import Endpoint, Listen
from simkit.live.nginx import LiveNginx, check, find_nginx, nginx_version

__all__ = [
    "ADDRESS_HEADER",
    "AccessLog",
    "Answer",
    "Backend",
    "Connection",
    "Ending",
    "Endpoint",
    "Exchange",
    "Http2",
    "Listen",
    "LiveNginx",
    "Record",
    "SamePage",
    "StreamEnd",
    "Tls",
    "check",
    "encode",
    "exchange",
    "find_nginx",
    "nginx_version",
]
