"""Requests as they go out, made once for each shape.

One that may be passed on carries a number, by which the application behind nginx knows whose it is
(`simkit.live.crowd.application`): nginx passes headers on as they come.
"""

from __future__ import annotations

from itertools import count

from simkit.engine.attempt import Attempt
from simkit.live.encode import encode
from simkit.live.frames import literal
from simkit.policy.plan import Handler, Plan
from simkit.wire import Fault, Shape

__all__ = ["NUMBER_HEADER", "Requests"]

NUMBER_HEADER = "X-Simkit-Exchange"
_HEADER = NUMBER_HEADER.encode()
_NAMES = frozenset(("host", "connection", "keep-alive", "transfer-encoding", "upgrade"))


class Requests:
    """The bytes of requests. ``passed_on`` has those that the application may be asked for."""

    def __init__(self, shapes: list[Shape]) -> None:
        self._shapes = shapes  # grows as the crowd comes up with new ones
        self._texts: dict[int, tuple[bytes, bytes]] = {}
        self._blocks: dict[int, tuple[bytes, bytes]] = {}
        self._proxied: dict[int, tuple[Plan, bool]] = {}
        self._numbers = count(1)
        self.passed_on: dict[bytes, Attempt] = {}

    def text(self, attempt: Attempt) -> bytes:
        """A request of HTTP/1.x."""
        parts = self._texts.get(attempt.shape)
        if parts is None:
            line, mark, rest = encode(self._shapes[attempt.shape]).partition(b"\r\n")
            parts = self._texts[attempt.shape] = line + mark, rest
        if not self._is_passed_on(attempt):
            return parts[0] + parts[1]
        return b"%b%b: %b\r\n%b" % (parts[0], _HEADER, self._numbered(attempt), parts[1])

    def fields(self, attempt: Attempt) -> tuple[bytes, bytes]:
        """The header block and the body of a request of HTTP/2."""
        parts = self._blocks.get(attempt.shape)
        if parts is None:
            parts = self._blocks[attempt.shape] = _block(self._shapes[attempt.shape])
        if not self._is_passed_on(attempt):
            return parts
        name = NUMBER_HEADER.lower()
        return parts[0] + literal(name, self._numbered(attempt).decode()), parts[1]

    def _numbered(self, attempt: Attempt) -> bytes:
        number = b"%d" % next(self._numbers)
        self.passed_on[number] = attempt
        return number

    def _is_passed_on(self, attempt: Attempt) -> bool:
        plan = attempt.bound.plan
        known = self._proxied.get(id(plan))
        if known is None:
            proxied = any(leaf.handler is Handler.PROXY for leaf in plan.leaves())
            whole = self._shapes[attempt.shape].fault is Fault.NONE
            known = self._proxied[id(plan)] = plan, proxied and whole
        return known[1]


def _block(shape: Shape) -> tuple[bytes, bytes]:
    host = shape.header("Host")
    named = () if host is None else ((":authority", host),)
    pseudo = ((":method", shape.method), (":scheme", "https"), (":path", shape.target), *named)
    others = ((n.lower(), v) for n, v in shape.headers if n.lower() not in _NAMES)
    length = (("content-length", str(shape.body_bytes)),) if shape.body_bytes else ()
    fields = (*pseudo, *others, *length)
    return b"".join(literal(n, v) for n, v in fields), b"x" * shape.body_bytes
