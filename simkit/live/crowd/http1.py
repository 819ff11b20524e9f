"""HTTP/1.x on a line: one request at a time, answered before the next."""

from __future__ import annotations

from simkit.engine.attempt import Attempt
from simkit.host import Hold, Kind, base
from simkit.live.crowd.answers import AnswerReader, Seen
from simkit.live.crowd.line import Line
from simkit.live.crowd.speaking import Speaker
from simkit.wire import SightKind

__all__ = ["Http1"]

_LINE = base(Kind.LINE)
_FURTHER_LINE = b"X-a: b\r\n"
_FURTHER_PIECE = b"x"
_HEADER_END = b"\r\n\r\n"


class Http1:
    """The requests of a line, one after the other."""

    __slots__ = ("_asked", "_attempt", "_line", "_reader", "_speaker", "_unheeded")

    def __init__(self, speaker: Speaker, line: Line) -> None:
        self._speaker = speaker
        self._line = line
        self._reader = AnswerReader()
        self._attempt: Attempt | None = None
        self._unheeded: Seen | None = None
        self._asked = 0

    def ask(self, attempt: Attempt) -> None:
        """Send a request, or the beginning of a header or body that never ends."""
        self._asked += 1
        self._attempt = attempt
        self._speaker.note(attempt, self._line, self._asked)
        request = self._speaker.requests.text(attempt)
        self._reader.next_is_head = request.startswith(b"HEAD ")
        if not attempt.hold:
            self._line.say(request)
            return
        head = request[: request.index(_HEADER_END)] + b"\r\n"
        self._line.say(head if attempt.hold is Hold.HEADER else head + b"\r\n")
        self._await_line(attempt)

    def heard(self, data: bytes) -> None:
        """Some of an answer."""
        seen = self._reader.feed(data)
        if seen is not None:
            self._answered(seen)

    @property
    def left(self) -> int:
        """Bytes of a body that will come next."""
        return self._reader.left

    def skipped(self, count: int) -> None:
        """So many of them came, and nobody looked at them."""
        seen = self._reader.skip(count)
        if seen is not None:
            self._answered(seen)

    def ended(self, kind: SightKind) -> None:
        """The server closed: what had no length is complete by that."""
        seen = self._reader.end() or self._unheeded
        self._unheeded = None
        if seen is not None:
            self._answered(seen)
        elif self._attempt is not None:
            attempt, self._attempt = self._attempt, None
            self._speaker.settle(attempt, kind)

    def drop(self, attempt: Attempt) -> bool:  # noqa: ARG002
        """Nothing but closing ends a request of HTTP/1.x."""
        self._attempt = None
        return False

    def _answered(self, seen: Seen) -> None:
        attempt = self._attempt
        if attempt is None:
            return  # an answer to nothing: that of a request that was given up
        if not (attempt.heeds or self._line.closed):
            self._unheeded = seen
            return
        self._attempt = None
        self._line.connection.served += 1
        if not seen.keeps:
            self._line.close()
        self._speaker.answered(attempt, seen)

    # A header or body that never ends

    def _await_line(self, attempt: Attempt) -> None:
        agenda = self._speaker.agenda
        key = _LINE | self._line.connection.place
        agenda.at(agenda.now + attempt.line_every_ns, key, self._further_line, attempt)

    def _further_line(self, attempt: Attempt) -> None:
        if not self._line.closed:
            header = attempt.hold is Hold.HEADER
            self._line.say(_FURTHER_LINE if header else _FURTHER_PIECE)
            self._await_line(attempt)
