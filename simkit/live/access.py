"""The access log that a trial writes: one JSON object a line, found again by the client's port."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

__all__ = ["FORMAT", "AccessLog", "Record"]

_POLL_S = 0.002

# Without realip the client's port is $remote_port; with it that is the port of the address that
# a header named.
_VARIABLES = {
    "port": "$realip_remote_port",
    "address": "$remote_addr",
    "connection": "$connection",
    "number": "$connection_requests",
    "status": "$status",
    "bytes_sent": "$bytes_sent",
    "body_bytes_sent": "$body_bytes_sent",
    "limit_req": "$limit_req_status",
    "limit_conn": "$limit_conn_status",
    "logged_s": "$msec",
    "request_s": "$request_time",
    "rewrite_s": "$simkit_msec",
    "connection_s": "$simkit_connection_time",
    "server_name": "$server_name",
    "request": "$request",
}


def _format(variables: dict[str, str]) -> tuple[str, ...]:
    body = ",".join(f'"{name}":"{variable}"' for name, variable in variables.items())
    return ("escape=json", "{" + body + "}")


FORMAT = _format(_VARIABLES)
"""The arguments of `log_format` after its name."""


@dataclass(frozen=True, slots=True)
class Record:
    """A line of the log.

    ``rewrite_s`` and ``connection_s`` are nginx's own clock when the server's rewrite rules ran:
    seconds since 1970 and since the connection was accepted, with milliseconds. They are 0 for
    a request that came to no rule. ``limit_req`` and ``limit_conn`` are empty where no limit was
    asked.
    """

    port: int
    address: str
    connection: int
    number: int
    status: int
    bytes_sent: int
    body_bytes_sent: int
    limit_req: str
    limit_conn: str
    logged_s: float
    request_s: float
    rewrite_s: float
    connection_s: float
    server_name: str
    request: str


def _record(line: str) -> Record:
    raw: dict[str, str] = json.loads(line)
    return Record(
        port=int(raw["port"] or 0),
        address=raw["address"],
        connection=int(raw["connection"]),
        number=int(raw["number"]),
        status=int(raw["status"]),
        bytes_sent=int(raw["bytes_sent"]),
        body_bytes_sent=int(raw["body_bytes_sent"]),
        limit_req=raw["limit_req"],
        limit_conn=raw["limit_conn"],
        logged_s=float(raw["logged_s"]),
        request_s=float(raw["request_s"]),
        rewrite_s=float(raw["rewrite_s"] or 0),
        connection_s=float(raw["connection_s"] or 0),
        server_name=raw["server_name"],
        request=raw["request"],
    )


class AccessLog:
    """The lines of a growing log. A line is handed out once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._waiting: list[Record] = []

    def take(self, port: int, count: int = 1, *, timeout_s: float = 5.0) -> list[Record]:
        """The next lines about the client with this port, at most ``count``, oldest first.

        nginx logs a request when it is done with it, which can be after the client saw the
        answer; fewer lines come back only where ``timeout_s`` passed.
        """
        until = monotonic() + timeout_s
        while True:
            self._read()
            found = [r for r in self._waiting if r.port == port][:count]
            if len(found) == count or monotonic() > until:
                self._waiting = [r for r in self._waiting if r not in found]
                return found
            sleep(_POLL_S)

    def take_all(self, count: int, *, timeout_s: float = 5.0) -> list[Record]:
        """The next lines about whomever, ``count`` and what else is there, oldest first.

        Fewer come back only where ``timeout_s`` passed without them.
        """
        until = monotonic() + timeout_s
        while True:
            self._read()
            if len(self._waiting) >= count or monotonic() > until:
                found, self._waiting = self._waiting, []
                return found
            sleep(_POLL_S)

    def _read(self) -> None:
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        text = whole.decode("utf-8", "surrogateescape")
        self._waiting += [_record(line) for line in text.split("\n") if line]
