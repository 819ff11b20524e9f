"""What is sent in a trial: requests as lines, and how they travel."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from simkit.live.encode import ADDRESS_HEADER, encode
from simkit.live.serve.reading import Limits, RequestReader
from simkit.policy.patterns import from_bytes, to_bytes
from simkit.policy.policy import Policy
from simkit.wire import Address, Shape, Version

_ONE_RECORD = 1 << 14

__all__ = ["Case", "Manner", "Request", "Sent", "sent_bytes", "shape_read"]


class Manner(StrEnum):
    """How the requests of a case travel."""

    KEPT = "one after the other on one connection"
    PIPELINED = "in one piece on one connection"
    APART = "each on a connection of its own"
    HELD = "each on a connection of its own, all but the last waiting for a body"


@dataclass(frozen=True, slots=True)
class Request:
    """A request as text: ``lines`` are its first line and its headers, without their ends.

    ``end`` ends each line. ``raw`` takes the place of all of it where the bytes are no HTTP.
    ``chunked`` says that the body is sent in chunks.
    """

    lines: tuple[str, ...]
    body_bytes: int = 0
    chunked: bool = False
    end: str = "\r\n"
    raw: bytes = b""

    @property
    def first(self) -> str:
        """The request line."""
        return self.lines[0]

    @property
    def method(self) -> str:
        """The method, as far as the line has one."""
        return self.first.partition(" ")[0]

    @property
    def target(self) -> str:
        """The target, as far as the line has one."""
        words = self.first.split(" ")
        return words[1] if len(words) > 1 else ""

    @property
    def is_bare(self) -> bool:
        """Whether it is a line alone, as in HTTP/0.9."""
        return len(self.first.split(" ")) == 2 and len(self.lines) == 1

    def without(self, index: int) -> Request:
        """The same without one line."""
        return replace(self, lines=self.lines[:index] + self.lines[index + 1 :])

    @classmethod
    def of_shape(cls, shape: Shape) -> Request:
        """The request of that shape."""
        if shape.version is Version.HTTP_2:
            shape = replace(shape, version=Version.HTTP_1_1)
        whole = encode(replace(shape, body_bytes=0, headers=_with_length(shape)))
        head, mark, rest = whole.partition(b"\r\n\r\n")
        if rest or not (mark or shape.version is Version.HTTP_0_9):
            return cls(("",), raw=whole)
        lines = from_bytes(head.removesuffix(b"\r\n")).split("\r\n")
        return cls(tuple(lines), shape.body_bytes)


def _with_length(shape: Shape) -> tuple[tuple[str, str], ...]:
    if not shape.body_bytes or shape.header("Content-Length") is not None:
        return shape.headers
    return (*shape.headers, ("Content-Length", str(shape.body_bytes)))


@dataclass(frozen=True, slots=True)
class Case:
    """Requests that are sent together.

    ``number`` is that of its draws, or of its place in the catalogue of telling requests, whose
    name is ``name``. ``address`` is the one that the client stands for (None: whichever connects),
    ``ipv6`` says over what it connects. ``http2`` sends the requests as streams.
    """

    number: int
    requests: tuple[Request, ...]
    port: int
    ipv6: bool = False
    tls: bool = False
    sni: str | None = None
    http2: bool = False
    address: Address | None = None
    manner: Manner = Manner.KEPT
    name: str = field(default="generated")


@dataclass(frozen=True, slots=True)
class Sent:
    """One request on its way: its bytes, and how nginx reads them."""

    payload: bytes
    shape: Shape


def sent_bytes(request: Request, named: Address | None = None) -> bytes:
    """The bytes of a request; with an address, the client says that it stands for it."""
    if request.raw:
        return request.raw
    lines = list(request.lines)
    if request.is_bare:
        return to_bytes(lines[0] + request.end)
    if named is not None:
        lines.append(f"{ADDRESS_HEADER}: {named}")
    head = to_bytes("".join(line + request.end for line in (*lines, "")))
    return head + _body(request)


def _body(request: Request) -> bytes:
    if not request.chunked:
        return b"x" * request.body_bytes
    half = request.body_bytes // 2
    sizes = [size for size in (half, request.body_bytes - half) if size]
    return b"".join(b"%x\r\n%b\r\n" % (size, b"x" * size) for size in sizes) + b"0\r\n\r\n"


def shape_read(payload: bytes, case: Case, policy: Policy) -> Shape:
    """The request as nginx reads it off its connection, piece by piece.

    What nginx has not read when it decides is a body unread. Raises ValueError for bytes that do
    not end a request.
    """
    group = policy.groups.get((case.port, case.ipv6))

    def limits(host: str | None) -> Limits:
        if group is None:
            return Limits()
        first = group.find_indicated(case.sni).position if case.tls else 0
        position = first if host is None else group.find(host).position
        return Limits.of(group.servers[position])

    reader = RequestReader(limits, port=case.port, tls=case.tls, sni=case.sni)
    at = 0
    while at < len(payload):
        piece = payload[at : at + reader.room]
        reader.feed(piece)
        at += len(piece)
        found = reader.next()
        if found is not None:
            unread = at < len(payload) and not (case.tls and len(payload) <= _ONE_RECORD)
            return replace(found.shape, body_unread=unread)
    raise ValueError("this does not end a request")
