"""HTTP/2 on a line: many requests at once, each on a stream of its own."""

from __future__ import annotations

from dataclasses import dataclass

from simkit.engine.attempt import Attempt
from simkit.host import Kind, base
from simkit.live.crowd.answers import Seen
from simkit.live.crowd.line import Line
from simkit.live.crowd.speaking import Speaker
from simkit.live.frames import PREFACE, Flag, FrameKind, frame
from simkit.live.hpack import read_block
from simkit.wire import SightKind

__all__ = ["Http2"]

_LAST = base(Kind.WAKE)
_ENABLE_PUSH, _INITIAL_WINDOW_SIZE = 2, 4
_WIDE, _USUAL = 0x7FFFFFFF, 0xFFFF
_CANCEL = 8
_HEAD_BYTES = 9


def _setting(name: int, value: int) -> bytes:
    return name.to_bytes(2, "big") + value.to_bytes(4, "big")


# Windows so wide that nothing ever waits for them, as far as that is allowed (RFC 9113, 6.9.1).
_GREETING = (
    PREFACE
    + frame(
        FrameKind.SETTINGS, 0, 0, _setting(_ENABLE_PUSH, 0) + _setting(_INITIAL_WINDOW_SIZE, _WIDE)
    )
    + frame(FrameKind.WINDOW_UPDATE, 0, 0, (_WIDE - _USUAL).to_bytes(4, "big"))
)


@dataclass(slots=True)
class _Stream:
    """A request under way, and what has come of its answer."""

    attempt: Attempt
    seen: Seen


class Http2:
    """The streams of a line.

    What is asked in the same moment goes out together, as a browser sends the requests of a page.
    """

    __slots__ = ("_buffer", "_line", "_number", "_out", "_speaker", "_streams")

    def __init__(self, speaker: Speaker, line: Line) -> None:
        self._speaker = speaker
        self._line = line
        self._buffer = b""
        self._number = 0
        self._out = _GREETING
        self._streams: dict[int, _Stream] = {}

    def ask(self, attempt: Attempt) -> None:
        """Send a request."""
        self._number += 1
        self._speaker.note(attempt, self._line, self._number)
        stream = 2 * self._number - 1
        self._streams[stream] = _Stream(attempt, Seen(0, 0, "", keeps=True))
        block, body = self._speaker.requests.fields(attempt)
        flags = Flag.END_HEADERS | (0 if body else Flag.END_STREAM)
        request = frame(FrameKind.HEADERS, flags, stream, block)
        if body:
            request += frame(FrameKind.DATA, Flag.END_STREAM, stream, body)
        self._say(request)

    def heard(self, data: bytes) -> None:
        """Some frames, or parts of one."""
        data = self._buffer + data if self._buffer else data
        at = 0
        while len(data) - at >= _HEAD_BYTES:
            size = int.from_bytes(data[at : at + 3], "big")
            end = at + _HEAD_BYTES + size
            if len(data) < end:
                break
            stream = int.from_bytes(data[at + 5 : at + 9], "big") & _WIDE
            self._frame(data[at + 3], data[at + 4], stream, data[at + _HEAD_BYTES : end])
            at = end
        self._buffer = data[at:]

    @property
    def left(self) -> int:
        """Nothing can be passed over: bodies come in frames."""
        return 0

    def skipped(self, count: int) -> None:
        """Never called."""

    def ended(self, kind: SightKind) -> None:
        """All streams end with the connection."""
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            self._speaker.settle(stream.attempt, kind)

    def drop(self, attempt: Attempt) -> bool:
        """The stream is cancelled; the others go on."""
        for number, stream in self._streams.items():
            if stream.attempt is attempt:
                del self._streams[number]
                self._say(frame(FrameKind.RST_STREAM, 0, number, _CANCEL.to_bytes(4, "big")))
                break
        return True

    def _frame(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        stream = self._streams.get(number)
        if kind == FrameKind.DATA and stream is not None:
            stream.seen.body_bytes += len(payload)
        elif kind == FrameKind.HEADERS and stream is not None:
            status, retry_after = read_block(payload)
            stream.seen.status = status or stream.seen.status
            stream.seen.retry_after = retry_after or stream.seen.retry_after
        elif kind == FrameKind.RST_STREAM:
            self._reset(number)
            return
        else:
            self._of_connection(kind, flags, payload)
            return
        if flags & Flag.END_STREAM:
            del self._streams[number]
            self._line.connection.served += 1
            self._speaker.answered(stream.attempt, stream.seen)

    def _reset(self, number: int) -> None:
        stream = self._streams.pop(number, None)
        if stream is not None:
            self._line.connection.served += 1
            self._speaker.settle(stream.attempt, SightKind.STREAM_RESET)

    def _of_connection(self, kind: int, flags: int, payload: bytes) -> None:
        if kind in (FrameKind.SETTINGS, FrameKind.PING) and not flags & Flag.ACK:
            self._say(frame(kind, Flag.ACK, 0, payload if kind == FrameKind.PING else b""))
        elif kind == FrameKind.GOAWAY:
            # What has been asked up to its stream is still answered; for more there is a new one.
            self._line.connection.closed_ns = 0
            last = int.from_bytes(payload[:4], "big") & _WIDE
            for number in [n for n in self._streams if n > last]:
                self._speaker.settle(self._streams.pop(number).attempt, SightKind.RESET)

    def _say(self, frames: bytes) -> None:
        if not self._out or self._out is _GREETING:
            agenda = self._speaker.agenda
            agenda.at(agenda.now, _LAST | self._line.connection.place, self._flush, None)
        self._out += frames

    def _flush(self, _: None) -> None:
        out, self._out = self._out, b""
        if not self._line.closed:
            self._line.say(out)
