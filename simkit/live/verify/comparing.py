"""One answer as both sides can tell it, and where they differ.

Compared are the status logged, the bytes sent, how the connection ended and whether it is kept,
the status and headers that the client saw, the length of the body, and what the limits said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from simkit.errors import printable
from simkit.live.access import Record
from simkit.live.listening import Endpoint
from simkit.policy.gate import Step
from simkit.wire import Sight, Version

_LEFT_OUT = {Version.HTTP_2: ("headers", "bytes_sent"), Version.HTTP_0_9: ("status",)}
"""In HTTP/2 the size of headers depends on their compression, and the client here reads none; in
HTTP/0.9 there are none."""
_DELAYED = 499

__all__ = ["Difference", "Seen", "as_configured", "differences", "observed", "simulated"]


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer: what is logged, what the client saw, and what the limits said.

    ``logged`` is 0 where nothing is logged, ``kind`` the name of a `SightKind`.
    """

    logged: int
    bytes_sent: int
    kind: str
    status: int
    body_bytes: int
    kept: bool
    headers: tuple[tuple[str, str], ...]
    limit_req: str = ""
    limit_conn: str = ""

    def to_json(self) -> dict[str, object]:
        """As plain data."""
        return {
            "logged": self.logged,
            "bytes_sent": self.bytes_sent,
            "kind": self.kind,
            "status": self.status,
            "body_bytes": self.body_bytes,
            "kept": self.kept,
            "headers": [[printable(n), printable(v)] for n, v in self.headers],
            "limit_req_status": self.limit_req,
            "limit_conn_status": self.limit_conn,
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """A field of `Seen` that the two sides do not agree on, with what each says."""

    field: str
    simulated: object
    nginx: object

    def __str__(self) -> str:
        name = self.field.replace("_", " ")
        return printable(f"{name}: simulated {self.simulated!r}, nginx {self.nginx!r}")


def simulated(step: Step) -> Seen:
    """What the simulation says of a request that is decided, or has to wait for long."""
    decision = step.decision
    if decision is None:
        return Seen(_DELAYED, 0, "NO_ANSWER", 0, 0, False, (), step.status, step.conn_status)
    seen = _seen(decision.sight, decision.status, decision.bytes_sent)
    return replace(seen, limit_req=step.status, limit_conn=step.conn_status)


def observed(sight: Sight, record: Record | None, end: Endpoint) -> Seen:
    """What nginx did: what the client saw, and the line of the log (None: there is none)."""
    if record is None:
        return as_configured(_seen(sight, 0, 0), end)
    seen = _seen(sight, record.status, record.bytes_sent)
    seen = replace(seen, limit_req=record.limit_req, limit_conn=record.limit_conn)
    return as_configured(seen, end)


def _seen(sight: Sight, logged: int, bytes_sent: int) -> Seen:
    return Seen(
        logged,
        bytes_sent,
        sight.kind.name,
        sight.status,
        sight.body_bytes,
        sight.kept,
        tuple((name, value.strip(" ")) for name, value in sight.headers),
    )


def as_configured(seen: Seen, end: Endpoint) -> Seen:
    """Without the traces of the harness: the free port that stands for the configured one."""
    was, port = f":{end.port}", end.listen.port
    wanted = "" if port == (443 if end.tls else 80) else f":{port}"
    headers = tuple(
        (name, value.replace(was, wanted, 1) if name == "location" else value)
        for name, value in seen.headers
    )
    shorter = sum(len(old[1]) - len(new[1]) for old, new in zip(seen.headers, headers, strict=True))
    return replace(seen, headers=headers, bytes_sent=seen.bytes_sent - shorter)


def differences(expected: Seen, actual: Seen, version: Version) -> tuple[Difference, ...]:
    """Every field in which the two differ."""
    if version is Version.HTTP_0_9 and expected.kind == "HTTP" and not expected.body_bytes:
        expected = replace(expected, kind="EMPTY")  # no header, no body: not a byte
    return tuple(
        Difference(name, getattr(expected, name), getattr(actual, name))
        for name in _compared(version)
        if getattr(expected, name) != getattr(actual, name)
    )


def _compared(version: Version) -> Iterable[str]:
    left_out = _LEFT_OUT.get(version, ())
    return (name for name in Seen.__dataclass_fields__ if name not in left_out)
