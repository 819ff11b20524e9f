"""From a decision to the bytes of an answer: status line, headers in nginx's order, body.

What is answered, the policy has decided; here it gets its words. Only conditional requests and
ranges are looked at here, as nginx does in its header filters, after every phase.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import formatdate, parsedate_to_datetime
from time import time

from simkit.live.serve.disk import OpenFile
from simkit.live.serve.walking import Ending
from simkit.policy import Decision
from simkit.policy.answers import page, product, reason
from simkit.policy.model import Location
from simkit.policy.reply import WITH_HEADERS
from simkit.wire import Shape, Version

__all__ = ["Head", "conditional", "of_decision", "of_file", "remapped", "rendered", "with_expiry"]

Headers = tuple[tuple[str, str], ...]

_OK, _NO_CONTENT, _NOT_MODIFIED, _PARTIAL = 200, 204, 304, 206
_PRECONDITION_FAILED, _UNSATISFIABLE = 412, 416
_RANGE = re.compile(r"bytes= *(?:([0-9]{1,18}) *- *([0-9]{0,18})|-([0-9]{1,18})) *", re.IGNORECASE)
_ENTITY = re.compile(r"(?:W/)?(\"[^\"]*\")")
_ORIGIN = re.compile(r"(https?)://([^/:?#\[\]]+|\[[^\]]*\])(?::([0-9]{1,5}))?")
_PORTS = {"http": 80, "https": 443}
_RANGES = ("Accept-Ranges", "bytes")


@dataclass(frozen=True, slots=True)
class Head:
    """An answer before it is written.

    ``length`` is None where it is not known, ``first`` and ``extra`` are headers before and after
    Connection. ``start`` and ``length`` say which part of a file is sent.
    """

    status: int
    content_type: str = ""
    length: int | None = 0
    modified_s: int | None = None
    first: Headers = ()
    chunked: bool = False
    kept: bool = False
    extra: Headers = ()
    body: bytes = b""
    start: int = 0
    reason: str | None = None
    hint_s: int = 0


def of_decision(decision: Decision, ending: Ending, *, kept: bool) -> Head:
    """The answer that is one of nginx's own pages, or the text of a `return`."""
    draft, location = ending.draft, ending.location
    assert draft is not None
    words = ending.words
    if words is None:
        tokens = location.server_tokens
        words = page(ending.code, tokens=tokens, padded=False)
        if len(words) != draft.body_bytes:
            words = page(ending.code, tokens=tokens, padded=True)
    body = words.encode("utf-8", "surrogateescape")
    own, extra = _split(draft.extra, ending)
    kind = draft.content_type
    head = Head(decision.status, kind, len(body), first=own, kept=kept, extra=extra, body=body)
    if decision.status == _NO_CONTENT:
        return replace(head, content_type="", length=None, body=b"")
    return head


def _split(headers: Headers, ending: Ending) -> tuple[Headers, Headers]:
    """A Location that nginx made absolute stands before Connection, all else after it."""
    origin = ending.absolute("/")
    own = tuple(h for h in headers if h[0] == "Location" and h[1].startswith(origin))
    return own, tuple(h for h in headers if h not in own)


def of_file(decision: Decision, ending: Ending, file: OpenFile, *, kept: bool) -> Head:
    """The answer that is a file of the site."""
    draft, location = ending.draft, ending.location
    assert draft is not None
    tag = (("ETag", file.tag),) if location.etag else ()
    ok = decision.status == _OK
    return Head(
        decision.status,
        draft.content_type,
        file.size_bytes,
        file.changed_s if ok else None,
        kept=kept,
        extra=(*tag, *draft.extra, *((_RANGES,) if ok and location.ranges else ())),
    )


def rendered(head: Head, shape: Shape, *, tokens: bool) -> tuple[bytes, Headers]:
    """The header section, and its headers for the log; nothing in HTTP/0.9."""
    headers = list(_in_order(head))
    if shape.version is Version.HTTP_0_9:
        return b"", tuple(headers)
    said = f"{head.status:03d} {reason(head.status)}" if head.reason is None else head.reason
    fixed = [("Server", product(tokens=tokens)), ("Date", formatdate(time(), usegmt=True))]
    fixed = [(n, v) for n, v in fixed if not any(n == m for m, _ in head.first)]
    lines = [f"HTTP/1.1 {said}", *(f"{n}: {v}" for n, v in (*fixed, *headers)), "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape"), tuple(headers)


def _in_order(head: Head) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    if head.content_type:
        lines.append(("Content-Type", head.content_type))
    if head.length is not None:
        lines.append(("Content-Length", str(head.length)))
    if head.modified_s is not None:
        lines.append(("Last-Modified", formatdate(head.modified_s, usegmt=True)))
    lines += head.first
    if head.chunked:
        lines.append(("Transfer-Encoding", "chunked"))
    lines.append(("Connection", "keep-alive" if head.kept else "close"))
    if head.kept and head.hint_s:
        lines.append(("Keep-Alive", f"timeout={head.hint_s}"))
    return [*lines, *head.extra]


def with_expiry(head: Head, ending: Ending) -> Head:
    """With what `expires` adds; it stands behind an ETag."""
    lasts = None if ending.draft is None else ending.draft.lasts
    if lasts is None or head.status not in WITH_HEADERS:
        return head
    tag = 1 if head.extra and head.extra[0][0] == "ETag" else 0
    added = lasts.headers(time())
    return replace(head, extra=(*head.extra[:tag], *added, *head.extra[tag:]))


def remapped(head: Head, host: str | None, ports: Mapping[int, int]) -> Head:
    """With redirects to the server itself leading to where a port really listens.

    ``ports`` maps configured ports to real ones. Only what names the host of the request changes.
    """

    def moved(header: tuple[str, str]) -> tuple[str, str]:
        found = _ORIGIN.match(header[1]) if header[0].lower() == "location" else None
        if found is None or found[2].lower() != host:
            return header
        real = ports.get(int(found[3] or _PORTS[found[1]]))
        if real is None:
            return header
        return header[0], f"{found[1]}://{found[2]}:{real}{header[1][found.end() :]}"

    return replace(head, first=tuple(map(moved, head.first)), extra=tuple(map(moved, head.extra)))


def conditional(head: Head, shape: Shape, location: Location) -> Head:
    """The answer after If-Match and its kin, and after Range."""
    if head.status != _OK:
        return head
    code = _condition(head, shape, _since(location))
    if code == _PRECONDITION_FAILED:
        return _own_page(head, code, location)
    if code == _NOT_MODIFIED:
        kept = tuple(h for h in head.extra if h != _RANGES)
        return replace(head, status=code, content_type="", length=None, extra=kept, body=b"")
    return _ranged(head, shape, location)


def _own_page(head: Head, code: int, location: Location, extra: Headers = ()) -> Head:
    body = page(code, tokens=location.server_tokens, padded=False).encode()
    return Head(code, "text/html", len(body), kept=head.kept, extra=extra, body=body)


def _since(location: Location) -> str:
    """How `if_modified_since` compares times."""
    return location.scope.scalar("if_modified_since", "exact", lambda text, _: text)


def _condition(head: Head, shape: Shape, how: str) -> int:
    tag = next((v for n, v in head.extra if n == "ETag"), None)
    since, match = shape.header("If-Unmodified-Since"), shape.header("If-Match")
    if since is not None and not _unmodified(head, since):
        return _PRECONDITION_FAILED
    if match is not None and not _matches(match, tag):
        return _PRECONDITION_FAILED
    modified, none = shape.header("If-Modified-Since"), shape.header("If-None-Match")
    if modified is None and none is None:
        return _OK
    changed = modified is not None and not _is_old(_seconds(modified), head.modified_s, how)
    other = none is not None and not _matches(none, tag)
    return _OK if changed or other else _NOT_MODIFIED


def _is_old(asked: int | None, changed_s: int | None, how: str) -> bool:
    """Whether what the client has from that time is still good."""
    if asked is None or changed_s is None or how == "off":
        return False
    return asked >= changed_s if how == "before" else asked == changed_s


def _unmodified(head: Head, since: str) -> bool:
    asked = _seconds(since)
    return head.modified_s is not None and asked is not None and asked >= head.modified_s


def _seconds(text: str) -> int | None:
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (ValueError, OverflowError):
        return None


def _matches(wanted: str, tag: str | None) -> bool:
    if wanted == "*":
        return True
    return tag is not None and tag in _ENTITY.findall(wanted)


def _ranged(head: Head, shape: Shape, location: Location) -> Head:
    """One range is sent as asked for; of several, the whole."""
    asked, only_if = shape.header("Range"), shape.header("If-Range")
    seekable = _RANGES in head.extra and head.length is not None
    if asked is None or not seekable or head.length is None:
        return head
    if only_if is not None and not _is_same(head, only_if):
        return head
    if not asked.lower().startswith("bytes=") or "," in asked:
        return head
    found = _RANGE.fullmatch(asked)
    start, stop = (0, 0) if found is None else _span(found, head.length)
    extra = tuple(h for h in head.extra if h != _RANGES)
    if start >= stop:
        says = (("Content-Range", f"bytes */{head.length}"),)
        return _own_page(head, _UNSATISFIABLE, location, says)
    says = (("Content-Range", f"bytes {start}-{stop - 1}/{head.length}"),)
    return replace(head, status=_PARTIAL, length=stop - start, start=start, extra=extra + says)


def _is_same(head: Head, only_if: str) -> bool:
    if only_if.startswith('"'):
        return ("ETag", only_if) in head.extra
    return _seconds(only_if) == head.modified_s


def _span(found: re.Match[str], size: int) -> tuple[int, int]:
    if found[3] is not None:
        return max(0, size - int(found[3])), size
    start = int(found[1])
    return start, min(size, int(found[2]) + 1) if found[2] else size
