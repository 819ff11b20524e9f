"""What an answer looks like on the wire: in lines for one request, in a word for a table."""

from __future__ import annotations

from pathlib import Path

from simkit.policy.answers import reason
from simkit.policy.plan import Decision, Handler, Phase, Rule
from simkit.policy.source import Source
from simkit.policy.watch import Trail
from simkit.wire import Shape, Sight, SightKind, Version

_KINDS = {
    SightKind.NO_ANSWER: "nothing at all",
    SightKind.REFUSED: "RST to the SYN: connection refused",
    SightKind.RESET: "RST, not a byte before it",
    SightKind.EMPTY: "FIN, not a byte before it",
    SightKind.STREAM_RESET: "RST_STREAM (PROTOCOL_ERROR); the connection stays",
    SightKind.TLS_ALERT: "TLS alert unrecognized_name, then FIN; no certificate",
}
_SHORT = {
    SightKind.NO_ANSWER: "nothing",
    SightKind.REFUSED: "RST to the SYN",
    SightKind.RESET: "RST, 0 bytes",
    SightKind.EMPTY: "FIN, 0 bytes",
    SightKind.STREAM_RESET: "RST_STREAM",
    SightKind.TLS_ALERT: "TLS alert",
}
_FIRST_ERROR = 400
_NAMES = {"www-authenticate": "WWW-Authenticate", "etag": "ETag"}

__all__ = [
    "answered_by",
    "decided_by",
    "is_of_site",
    "logged_words",
    "place",
    "wire_lines",
    "wire_short",
]


def wire_lines(decision: Decision, shape: Shape) -> tuple[str, ...]:
    """Status line and headers (without the date), or how the connection ended; then the bytes."""
    sight = decision.sight
    if sight.kind is not SightKind.HTTP:
        return (_KINDS[sight.kind],)
    if shape.version is Version.HTTP_0_9:
        return (f"no status line and no headers (HTTP/0.9), {sight.body_bytes:,} bytes of body",)
    if is_of_site(decision):
        return (_head(sight, shape)[0], "(headers and body are the site's, if it has the page)")
    return (*_head(sight, shape), _size(decision), _connection(sight, shape))


def is_of_site(decision: Decision) -> bool:
    """Whether the site answers: how large its pages are, no policy says."""
    served = decision.handler in (Handler.STATIC, Handler.PROXY)
    return decision.rule is None and served and decision.sight.status < _FIRST_ERROR


def _head(sight: Sight, shape: Shape) -> tuple[str, ...]:
    http2 = shape.version is Version.HTTP_2
    first = f":status: {sight.status}" if http2 else f"HTTP/1.1 {sight.status} "
    headers = (f"{_NAMES.get(n, n.title())}: {value}" for n, value in sight.headers)
    return ((first if http2 else first + reason(sight.status)).rstrip(), *headers)


def _size(decision: Decision) -> str:
    return f"({decision.sight.body_bytes:,} bytes of body, {decision.bytes_sent:,} in all)"


def _connection(sight: Sight, shape: Shape) -> str:
    if shape.version is Version.HTTP_2:
        return "(the connection stays)"
    return "(the connection is kept)" if sight.kept else "(then FIN)"


def wire_short(decision: Decision) -> str:
    """The same in a few words."""
    sight = decision.sight
    if sight.kind is not SightKind.HTTP:
        return _SHORT[sight.kind]
    if is_of_site(decision):
        return f"{sight.status}, the site's page"
    return f"{sight.status}, {sight.body_bytes:,} bytes"


def logged_words(decision: Decision) -> str:
    """What the access log says."""
    if not decision.status:
        return "nothing"
    if is_of_site(decision):
        return str(decision.status)
    return f"{decision.status}, {decision.sight.body_bytes:,} bytes of body"


def decided_by(rule: Rule | None, home: Path) -> str:
    """The rule behind an answer with file and line; what made it apply stands behind it."""
    if rule is None:
        return "no rule: the site itself answers"
    if rule.directive == "nginx":
        when = ", before any rule" if rule.phase is Phase.PARSE else ""
        return f"nginx itself{when}: {rule.source.text} (in force: {place(rule.source, home)})"
    lines = (f"{place(s, home)} {s.text}" for s in (*reversed(rule.because), rule.source))
    return " → ".join(lines)


def error_page_of(way: Trail) -> Source | None:
    """The `error_page` that a request went through first, or None."""
    found = (n.source for n in way.notes if n.source is not None)
    return next((source for source in found if source.text.startswith("error_page ")), None)


def answered_by(way: Trail, home: Path) -> str | None:
    """Where an `error_page` took a request, or None where none did."""
    first = error_page_of(way)
    if first is None:
        return None
    sources = [note.source for note in way.notes if note.source is not None]
    taken = dict.fromkeys(sources[sources.index(first) :])
    return " → ".join(f"{place(source, home)} {source.text}" for source in taken)


def place(source: Source, home: Path) -> str:
    """``file:line``, the file as seen from the folder of the policy where it lies below it."""
    path = Path(source.file)
    near = path.relative_to(home).as_posix() if path.is_relative_to(home) else source.file
    return f"{near}:{source.line}"
