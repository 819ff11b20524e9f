"""The live side of a comparison: requests on a connection to a running nginx, and what it did."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from simkit.live.access import Record
from simkit.live.connection import Connection, Ending, Exchange, Tls
from simkit.live.http1 import Answer
from simkit.live.http2 import Http2
from simkit.live.listening import Endpoint
from simkit.live.nginx import LiveNginx
from simkit.live.verify.cases import Sent
from simkit.live.verify.comparing import Seen, observed
from simkit.wire import Address, Shape, Sight, SightKind, Version

_SETTLE_S = 0.002
"""How long a kept connection is watched for an end, after nginx has logged the request."""
_CLOSES_S = 0.5
"""How long an end is waited for after an answer that says there will be none."""
_PATIENCE_S, _NO_LOG_S, _NO_ANSWER_S = 5.0, 0.05, 0.04

__all__ = ["Visit", "ask_once"]


class Visit:
    """One connection to nginx. ``source`` is the loopback address that it comes from.

    Use it in a ``with`` statement.
    """

    def __init__(
        self, nginx: LiveNginx, end: Endpoint, shape: Shape, *, source: Address | None = None
    ) -> None:
        self._nginx = nginx
        self._end = end
        protocols = ("h2",) if shape.version is Version.HTTP_2 else ()
        tls = Tls(shape.sni, protocols) if shape.tls else None
        named = None if source is None else str(source)
        self.connection = Connection(end, tls=tls, source=named, timeout_s=_PATIENCE_S)
        spoken = bool(protocols) and self.connection.protocol == "h2"
        self._http2 = Http2(self.connection) if spoken else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.connection.close()

    def ask(self, sent: Sent, expected: Seen) -> Seen:
        """Send a request and say what nginx did.

        ``expected`` says only how long to wait, and for what: an answer, an end, a log.
        """
        if self._http2 is not None:
            return self._stream(self._http2, sent, expected)
        self.connection.send(sent.payload)
        return self.hear(sent, expected)

    def hear(self, sent: Sent, expected: Seen, *, more: bool = False) -> Seen:
        """What nginx did with a request that was sent; ``more``: further ones were, behind it."""
        if expected.kind == "NO_ANSWER":
            return self._left_alone()
        answer = self.connection.answer(head=sent.shape.method == "HEAD")
        keeps = answer is not None and answer.keeps
        if more or (keeps and expected.kept):
            record = self._record(expected)  # nginx keeps the connection once it has logged
            if not more:
                self.connection.watch(_SETTLE_S)
            return observed(self._sight(answer, more=more), record, self._end)
        self.connection.watch(_CLOSES_S if keeps else _PATIENCE_S)
        sight = self._sight(answer)
        self.connection.close()  # until then nginx may linger, and log nothing
        return observed(sight, self._record(expected), self._end)

    def _left_alone(self) -> Seen:
        """The client gives up: what nginx logs then tells what it had in mind."""
        came = self.connection.receive(_NO_ANSWER_S)
        self.connection.close()
        sight = Sight(SightKind.HTTP if came else SightKind.NO_ANSWER)
        return observed(sight, self._take(_PATIENCE_S), self._end)

    def _sight(self, answer: Answer | None, *, more: bool = False) -> Sight:
        connection, answers = self.connection, () if answer is None else (answer,)
        ending = Ending.OPEN if answer is not None and more else connection.ending
        found = Exchange(connection.port, connection.received, answers, ending, connection.alert)
        return found.sight

    def _stream(self, client: Http2, sent: Sent, expected: Seen) -> Seen:
        waits = expected.kind == "NO_ANSWER"
        self.connection.timeout_s = _NO_ANSWER_S if waits else _PATIENCE_S
        shape = sent.shape
        headers = [(n.lower(), v) for n, v in shape.headers if n.lower() != "host"]
        host = shape.header("Host") or ""
        stream = client.request(host, shape.target, method=shape.method, headers=headers)
        open_ = self.connection.ending is Ending.OPEN
        if waits:
            self.connection.close()
        if stream.reset is None and not stream.status:
            return observed(Sight(SightKind.NO_ANSWER), self._record(expected), self._end)
        kind = SightKind.HTTP if stream.reset is None else SightKind.STREAM_RESET
        sight = Sight(kind, stream.status, (), stream.body_bytes, open_)
        return observed(sight, self._record(expected), self._end)

    def _record(self, expected: Seen) -> Record | None:
        return self._take(_PATIENCE_S if expected.logged else _NO_LOG_S)

    def _take(self, timeout_s: float) -> Record | None:
        found = self._nginx.log.take(self.connection.port, timeout_s=timeout_s)
        return found[0] if found else None


def ask_once(
    nginx: LiveNginx, end: Endpoint, sent: Sent, expected: Seen, *, source: Address | None = None
) -> Seen:
    """One request on a connection of its own."""
    with Visit(nginx, end, sent.shape, source=source) as visit:
        return visit.ask(sent, expected)
