"""Reading HTTP/1.x answers off a connection, byte for byte."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Answer", "next_answer"]

_BODILESS = (204, 304)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as received. ``wire_bytes`` counts status line, headers and body as sent.

    ``complete`` is false where the connection ended before the body did. An HTTP/0.9 answer has
    status 0 and no headers.
    """

    version: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    wire_bytes: int
    complete: bool = True

    def header(self, name: str) -> str | None:
        """The value of the first header of that name (case does not matter), or None."""
        wanted = name.lower()
        return next((v for n, v in self.headers if n.lower() == wanted), None)

    @property
    def keeps(self) -> bool:
        """Whether the answer says that the connection stays, by RFC 9112, section 9.3."""
        wish = (self.header("Connection") or "").lower()
        if self.version == "HTTP/1.1":
            return "close" not in wish
        return "keep-alive" in wish


def next_answer(data: bytes, *, head: bool, ended: bool) -> tuple[Answer, bytes] | None:
    """The first answer in the data and what is left, or None where more has to come.

    ``head`` says that the request was a HEAD, ``ended`` that nothing more will come. Interim
    answers (1xx) are passed over.
    """
    if not data:
        return None
    if not b"HTTP/1.".startswith(data[:7]):
        return (Answer("HTTP/0.9", 0, (), data, len(data)), b"") if ended else None
    top, mark, rest = data.partition(b"\r\n\r\n")
    if not mark:
        return (Answer("", 0, (), data, len(data), complete=False), b"") if ended else None
    version, status, headers = _top(top)
    if 100 <= status < 200:
        return next_answer(rest, head=head, ended=ended)
    bare = Answer(version, status, headers, b"", len(top) + 4)
    if head or status in _BODILESS:
        return bare, rest
    return _with_body(bare, rest, ended)


def _top(top: bytes) -> tuple[str, int, tuple[tuple[str, str], ...]]:
    first, *lines = top.decode("latin-1").split("\r\n")
    version, status = first.split(" ")[:2]
    pairs = (line.partition(":") for line in lines)
    return version, int(status), tuple((name, value.strip()) for name, _, value in pairs)


def _with_body(bare: Answer, rest: bytes, ended: bool) -> tuple[Answer, bytes] | None:
    if (bare.header("Transfer-Encoding") or "").lower() == "chunked":
        return _chunked(bare, rest, ended)
    length = bare.header("Content-Length")
    if length is None:
        return (_filled(bare, rest, len(rest), True), b"") if ended else None
    size = int(length)
    if len(rest) >= size:
        return _filled(bare, rest[:size], size, True), rest[size:]
    return (_filled(bare, rest, len(rest), False), b"") if ended else None


def _chunked(bare: Answer, rest: bytes, ended: bool) -> tuple[Answer, bytes] | None:
    body, at = b"", 0
    while (line_end := rest.find(b"\r\n", at)) >= 0:
        size = int(rest[at:line_end].split(b";")[0], 16)
        at = line_end + 2 + size + 2
        if len(rest) < at:
            break
        body += rest[line_end + 2 : line_end + 2 + size]
        if size == 0:
            return _filled(bare, body, at, True), rest[at:]
    return (_filled(bare, body, len(rest), False), b"") if ended else None


def _filled(bare: Answer, body: bytes, body_wire_bytes: int, complete: bool) -> Answer:
    total = bare.wire_bytes + body_wire_bytes
    return Answer(bare.version, bare.status, bare.headers, body, total, complete)
