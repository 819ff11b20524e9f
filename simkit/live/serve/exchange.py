"""One request and its answer: decide, wait, answer, read the rest, log."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field, replace
from time import time
from typing import Any, TypeVar

from simkit.live.serve.bodies import Body, BodyError
from simkit.live.serve.complaints import about, complaint
from simkit.live.serve.deciding import Decider, Turn
from simkit.live.serve.ending import Over
from simkit.live.serve.journal import Journal
from simkit.live.serve.proxy import Answer, Proxy, UpstreamError
from simkit.live.serve.reading import RequestReader
from simkit.live.serve.record import Record
from simkit.live.serve.respond import (
    Head,
    conditional,
    of_decision,
    of_file,
    remapped,
    rendered,
    with_expiry,
)
from simkit.live.serve.stream import Stream
from simkit.live.serve.walking import Ending
from simkit.policy import Handler, Page
from simkit.policy.model import Location
from simkit.policy.reader import Directive
from simkit.policy.scope import NOWHERE, Scope
from simkit.policy.settings import passes
from simkit.policy.syntax import NS_PER_S
from simkit.wire import Fault, Shape, SightKind, Version

__all__ = ["Exchange", "Shared"]

T = TypeVar("T")
Headers = tuple[tuple[str, str], ...]

_LEFT, _TIMED_OUT, _NOT_MODIFIED, _PRECONDITION_FAILED = 499, 408, 304, 412
_PIECE = 1 << 16
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_MOST_BODY_BYTES = 64 << 20
"""What is kept of a body that no `client_max_body_size` bounds."""


@dataclass(eq=False, slots=True)
class Shared:
    """What all connections of a server share."""

    decider: Decider
    proxy: Proxy
    journal: Journal
    log: Callable[[Record], None]
    ports: dict[int, int] = field(default_factory=dict)  # configured to real, where they differ
    stopping: bool = False


class Exchange:
    """A request on a connection, from its header to its line in the log.

    ``may_keep`` says whether the connection may live on by its age and number of requests.
    """

    def __init__(
        self,
        shared: Shared,
        stream: Stream,
        reader: RequestReader,
        record: Record,
        may_keep: Callable[[Location], bool],
    ) -> None:
        self._shared = shared
        self._stream = stream
        self._reader = reader
        self._record = record
        self._may_keep = may_keep
        request = record.request
        self._body = Body(request.framing, request.body_bytes)
        self._sent_before = stream.sent_bytes
        self._collected: bytes | None = None
        self._gave_up = False
        self._kept = False

    async def run(self) -> Location | None:
        """Serve it; the location in force at the end. Raises Over where the connection ends."""
        record, decider = self._record, self._shared.decider
        record.read_bytes = record.request.header_bytes
        turn = decider.begin(record.request.shape, record.peer.address)
        try:
            await self._wait(turn)
            await self._answer(turn)
            await self._read_away()
        except OSError:
            raise Over(quiet=True) from None
        finally:
            decider.release(turn)
            self._write_log()
        return turn.location

    def _write_log(self) -> None:
        record = self._record
        record.ended = time()
        record.sent_bytes = self._stream.sent_bytes - self._sent_before
        self._shared.log(record)

    # -- before the answer -------------------------------------------------------------------

    async def _wait(self, turn: Turn) -> None:
        """Wait as long as the limits say; a client that leaves meanwhile is logged as 499."""
        while turn.step.decision is None:
            await self._unless_gone(asyncio.sleep(turn.step.wait_ms / 1000), turn)
            self._shared.decider.resume(turn)

    async def _unless_gone(self, wait: Coroutine[Any, Any, T], turn: Turn) -> T:
        task, gone = asyncio.ensure_future(wait), asyncio.ensure_future(self._stream.gone())
        try:
            await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            self._record.status = _LEFT
            self._record.ending = turn.ending
            self._complain("info", "client prematurely closed connection", turn)
            raise Over(quiet=True)
        finally:
            for each in (task, gone):
                each.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await asyncio.gather(task, gone, return_exceptions=True)

    def _complain(self, level: str, text: str, turn: Turn) -> None:
        scope = turn.location.scope if turn.location is not None else None
        whole = about(text, self._record)
        self._shared.journal.say(level, whole, scope=scope, serial=self._record.peer.serial)

    # -- answering ---------------------------------------------------------------------------

    async def _answer(self, turn: Turn) -> None:
        self._note(turn)
        if turn.decision.sight.kind is not SightKind.HTTP:
            raise Over(reset=turn.decision.sight.kind is SightKind.RESET, quiet=True)
        if turn.decision.handler is Handler.PROXY:
            await self._pass_on(turn)
        else:
            await self._answer_self(turn)

    def _note(self, turn: Turn) -> None:
        """Take over what was decided."""
        self._record.status = turn.decision.status
        self._record.ending = turn.ending
        found = complaint(turn, self._shared.decider.disk)
        if found is not None:
            self._complain(*found, turn)

    async def _answer_self(self, turn: Turn) -> None:
        ending = self._ending(turn)
        if ending.reads_body:
            await self._expect(turn)
            if not self._read_what_came():
                self._shared.decider.instead(turn, replace(turn.shape, fault=Fault.BAD_BODY))
                await self._answer(turn)
                return
        kept = self._keeps(turn)
        if turn.decision.handler is Handler.STATIC:
            await self._send_file(turn, ending, kept)
            return
        kept = self._read_what_came() and kept
        head = of_decision(turn.decision, ending, kept=kept)
        await self._send(self._finished(head, turn), turn)

    @staticmethod
    def _ending(turn: Turn) -> Ending:
        assert turn.ending is not None
        return turn.ending

    def _keeps(self, turn: Turn) -> bool:
        ending = self._ending(turn)
        kept = turn.decision.sight.kept
        if ending.is_located:
            kept = kept and self._may_keep(ending.location)
        return kept and not self._shared.stopping and turn.shape.fault is Fault.NONE

    def _finished(self, head: Head, turn: Turn) -> Head:
        ending = self._ending(turn)
        return conditional(with_expiry(head, ending), turn.shape, ending.location)

    async def _send_file(self, turn: Turn, ending: Ending, kept: bool) -> None:
        disk = self._shared.decider.disk
        file = disk.open(ending.folder, ending.below)
        if file is None:  # gone since it was looked for
            raise Over(quiet=True)
        try:
            head = self._finished(of_file(turn.decision, ending, file, kept=kept), turn)
            await self._send(head, turn)
            if not head.body and head.status != _NOT_MODIFIED and turn.shape.method != "HEAD":
                await self._send_pieces(file.descriptor, head.start, head.length or 0)
        finally:
            os.close(file.descriptor)

    async def _send_pieces(self, descriptor: int, start: int, length: int) -> None:
        stop = start + length
        while start < stop:
            data = os.pread(descriptor, min(_PIECE, stop - start), start)
            if not data:
                raise Over(quiet=True)
            await self._write(data)
            start += len(data)

    async def _send(self, head: Head, turn: Turn) -> None:
        """Write status line, headers and what is at hand of the body, at once."""
        ending = self._ending(turn)
        record = self._record
        self._kept = head.kept
        if self._shared.ports:
            head = remapped(head, ending.host, self._shared.ports)
        top, record.headers = rendered(head, turn.shape, tokens=ending.location.server_tokens)
        record.status, record.header_bytes = head.status, len(top)
        body = b"" if turn.shape.method == "HEAD" else head.body
        await self._write(top + body)
        record.complete = head.status != _PRECONDITION_FAILED

    async def _write(self, data: bytes) -> None:
        if not data:
            return
        timeout_s = self._scope.time_ns("send_timeout", 60) / NS_PER_S
        try:
            async with asyncio.timeout(timeout_s):
                await self._stream.write(data)
        except TimeoutError:
            raise Over(reset=self._resets, quiet=True) from None

    @property
    def _scope(self) -> Scope:
        ending = self._record.ending
        return NOWHERE if ending is None else ending.location.scope

    @property
    def _resets(self) -> bool:
        return self._scope.flag("reset_timedout_connection")

    # -- the body of the request -------------------------------------------------------------

    async def _expect(self, turn: Turn) -> None:
        wish = turn.shape.header("Expect") or ""
        if turn.shape.version is Version.HTTP_1_1 and wish.lower() == "100-continue":
            await self._write(_CONTINUE)

    def _read_what_came(self) -> bool:
        """Take what of the body came with the header; False where it is malformed."""
        data = self._reader.take(self._reader.waiting) if not self._body.done else b""
        try:
            _, rest = self._body.take(data)
        except BodyError:
            return False
        self._reader.give_back(rest)
        return True

    async def _read_away(self) -> None:
        """Read the rest of the body away; end the connection where the answer said so."""
        malformed = not self._read_what_came()
        if not self._kept:
            linger = not self._body.done or self._reader.waiting > 0 or self._stream.has_unread
            raise Over(linger=linger and not self._stream.ended)
        if malformed:
            raise Over(quiet=True)
        scope = self._scope
        try:
            async with asyncio.timeout(scope.time_ns("lingering_time", 30) / NS_PER_S):
                async for _ in self._rest(scope.time_ns("lingering_timeout", 5) / NS_PER_S):
                    pass
        except (TimeoutError, BodyError):
            raise Over(reset=self._resets, quiet=True) from None

    async def _rest(self, timeout_s: float) -> AsyncIterator[bytes]:
        """The content of the rest of the body. TimeoutError, BodyError; Over at its early end."""
        while not self._body.done:
            data = self._reader.take(self._reader.waiting)
            if not data:
                async with asyncio.timeout(timeout_s):
                    data = await self._stream.read(self._body.room)
            if not data:
                raise Over(quiet=True)
            content, rest = self._body.take(data)
            self._reader.give_back(rest)
            yield content

    async def _collect(self, turn: Turn) -> bytes | None:
        """The whole body, for an upstream; None where something else was decided about it."""
        if self._collected is not None:
            return self._collected
        try:
            self._collected = await self._read_body(turn)
        except BodyError:
            self._decide_about_body(turn, replace(turn.shape, fault=Fault.BAD_BODY))
            return None
        except TimeoutError:
            self._record.status = _TIMED_OUT
            self._complain("info", "client timed out (110: Connection timed out)", turn)
            raise Over(reset=self._resets, quiet=True) from None
        except Over:
            self._record.status = 400
            raise
        if self._collected is not None:
            self._record.read_bytes += self._body.read_bytes
        return self._collected

    async def _read_body(self, turn: Turn) -> bytes | None:
        """The whole body; None where it is too large, which has been decided about then."""
        most = self._ending(turn).location.max_body_bytes
        timeout_s = self._scope.time_ns("client_body_timeout", 60) / NS_PER_S
        parts: list[bytes] = []
        size = 0
        async for part in self._rest(timeout_s):
            size += len(part)
            parts.append(part)
            if size > (most or _MOST_BODY_BYTES):
                if not most:
                    self._complain("crit", "a body without a bound is too large to be kept", turn)
                    raise Over(quiet=True)
                self._decide_about_body(turn, replace(turn.shape, body_bytes=size))
                return None
        return b"".join(parts)

    def _decide_about_body(self, turn: Turn, shape: Shape) -> None:
        """Decide anew; whatever comes of it, no upstream gets a part of the body."""
        self._shared.decider.instead(turn, shape)
        self._gave_up = True

    # -- passing on --------------------------------------------------------------------------

    async def _pass_on(self, turn: Turn) -> None:
        await self._expect(turn)
        body = b"" if self._gave_up else await self._collect(turn)
        if body is None:
            await self._answer(turn)
            return
        answer = await self._ask(turn, body)
        if answer is None:
            await self._answer(turn)
            return
        try:
            await self._relay(answer, turn)
        finally:
            answer.close()

    async def _ask(self, turn: Turn, body: bytes) -> Answer | None:
        """The answer of the upstream; None where the policy makes another of it."""
        ending = self._ending(turn)
        directive = _pass_of(ending.location)
        asked = self._shared.proxy.pass_on(directive, turn, self._record, body)
        try:
            answer = await self._unless_gone(asked, turn)
        except UpstreamError as error:
            self._record.upstream = error.seen
            self._complain("error", error.what, turn)
            self._shared.decider.answered(turn, Page(error.status), failed=True)
            return None
        self._record.upstream = answer.seen
        self._shared.decider.answered(turn, Page(answer.status, answer.length or 0))
        if turn.decision.handler is not Handler.PROXY:
            answer.close()
            return None
        return answer

    async def _relay(self, answer: Answer, turn: Turn) -> None:
        ending = self._ending(turn)
        self._record.ending = ending
        new = turn.shape.version is Version.HTTP_1_1
        endless = answer.length is None and not answer.bare
        kept = self._keeps(turn) and (new or not endless)
        added = ending.draft.extra if ending.draft else ()
        moved, headers = _moved(answer.headers, ending)
        head = Head(
            answer.status,
            answer.content_type,
            answer.length,
            first=moved,
            chunked=endless and new,
            kept=kept,
            extra=(*headers, *added),
            reason=answer.reason,
        )
        await self._send(with_expiry(head, ending), turn)
        self._record.complete = False
        try:
            async for piece in answer.body():
                await self._write(_chunk(piece) if head.chunked else piece)
        except UpstreamError as error:
            self._complain("error", error.what, turn)
            raise Over from None
        if head.chunked:
            await self._write(b"0\r\n\r\n")
        self._record.complete = True


def _moved(headers: Headers, ending: Ending) -> tuple[Headers, Headers]:
    """A Location that is but a path becomes absolute, and stands before Connection."""
    paths = [h for h in headers if h[0].lower() == "location" and h[1].startswith("/")]
    made = tuple(("Location", ending.absolute(url)) for _, url in paths)
    return made, tuple(h for h in headers if h not in paths)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _pass_of(location: Location) -> Directive:
    """The directive that passes requests of a location on."""
    for scope in location.scope.levels():
        found = passes(scope)
        if found is not None:
            return found
        if not scope.is_condition:
            break
    raise AssertionError("a location that passes requests on says where to")
