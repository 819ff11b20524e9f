"""A raw client: bytes in, bytes out, and exactly how the connection ended.

Ordinary clients hide the difference between an orderly close (FIN) and a reset (RST), and give up
on what is malformed. This one sends what it is told and says what it saw.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic
from types import TracebackType
from typing import Self

from simkit.live.http1 import Answer, next_answer
from simkit.live.listening import Endpoint
from simkit.wire import Sight, SightKind

__all__ = ["Connection", "Ending", "Exchange", "Tls", "exchange"]

_CHUNK = 1 << 16
_RECORD_ALERT = 21
_NOT_TELLING = frozenset(
    """date content-length last-modified etag transfer-encoding accept-ranges expires""".split()
)


class Ending(StrEnum):
    """What the server did with the connection, as far as it was watched."""

    FIN = "fin"
    RST = "rst"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Tls:
    """How to shake hands: the name asked for (SNI, None: none) and the protocols offered."""

    name: str | None = None
    protocols: tuple[str, ...] = ()


class _Session:
    """TLS over a socket that others read and write, so that FIN and RST stay visible."""

    def __init__(self, tls: Tls) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if tls.protocols:
            context.set_alpn_protocols(list(tls.protocols))
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=tls.name)

    def opened(self) -> bytes:
        """The application bytes that are there by now."""
        parts: list[bytes] = []
        with contextlib.suppress(ssl.SSLError):
            while part := self.tls.read(_CHUNK):
                parts.append(part)
        return b"".join(parts)


class Connection:
    """One TCP connection to a loopback endpoint, with TLS if asked for.

    ``ending`` is OPEN until the server was seen to close; ``alert`` is the number of the TLS alert
    that refused the handshake (RFC 8446, section 6), or None. OSError where nobody listens.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        tls: Tls | None = None,
        source: str | None = None,
        timeout_s: float = 5.0,
    ) -> None:
        self.timeout_s = timeout_s
        self.ending = Ending.OPEN
        self.alert: int | None = None
        self.received = b""
        self._unread = b""
        self._was_reset = False
        self._socket = self._connect(endpoint, source)
        self.port = int(self._socket.getsockname()[1])
        self._session: _Session | None = None
        self._refused = tls is not None and not self._shake_hands(tls)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._socket.close()

    @property
    def certificate(self) -> bytes:
        """The certificate that the server showed, in DER; empty without TLS."""
        session = self._session
        return b"" if session is None else session.tls.getpeercert(binary_form=True) or b""

    @property
    def protocol(self) -> str | None:
        """The protocol that was agreed on in the handshake, such as ``h2``."""
        return None if self._session is None else self._session.tls.selected_alpn_protocol()

    def send(self, data: bytes) -> None:
        """Send; a connection that the server has closed by now shows when it is read."""
        if self._refused:
            return
        if self._session is not None:
            self._session.tls.write(data)
            data = self._session.outgoing.read()
        self._send_raw(data)

    def receive(self, timeout_s: float | None = None) -> bytes:
        """Some bytes of the application; nothing if the server ended it or the time is over.

        The bytes are kept in ``received`` as well, and stay there for `answer`.
        """
        until = monotonic() + (self.timeout_s if timeout_s is None else timeout_s)
        while self.ending is Ending.OPEN and (left := until - monotonic()) > 0:
            raw = self._receive_raw(left)
            data = raw if self._session is None else self._decrypt(raw)
            if data:
                self.received += data
                self._unread += data
                return data
        return b""

    def answer(self, *, head: bool = False) -> Answer | None:
        """The next HTTP/1.x answer, or None if none came in time."""
        while True:
            ended = self.ending is not Ending.OPEN
            found = next_answer(self._unread, head=head, ended=ended)
            if found is not None:
                self._unread = found[1]
                return found[0]
            if ended or (not self.receive() and self.ending is Ending.OPEN):
                return None

    def watch(self, timeout_s: float | None = None) -> Ending:
        """Read on until the server ends the connection or the time is over."""
        until = monotonic() + (self.timeout_s if timeout_s is None else timeout_s)
        while self.ending is Ending.OPEN and (left := until - monotonic()) > 0:
            self.receive(left)
        return self.ending

    def _connect(self, endpoint: Endpoint, source: str | None) -> socket.socket:
        family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            made.settimeout(self.timeout_s)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if source is not None:
                made.bind((source, 0))
            made.connect((endpoint.host, endpoint.port))
        except ConnectionResetError:
            # It stood, and was reset before the client had heard that it stands.
            self.ending = Ending.RST
        except BaseException:
            made.close()
            raise
        return made

    def _shake_hands(self, tls: Tls) -> bool:
        session, seen = _Session(tls), b""
        while True:
            try:
                session.tls.do_handshake()
            except ssl.SSLWantReadError:
                self._send_raw(session.outgoing.read())
                raw = self._receive_raw(self.timeout_s)
                if not raw:
                    return False
                seen += raw
                session.incoming.write(raw)
            except ssl.SSLError:
                self.alert = _alert(seen)
                return False
            else:
                self._send_raw(session.outgoing.read())
                self._session = session
                return True

    def _decrypt(self, raw: bytes) -> bytes:
        assert self._session is not None
        self._session.incoming.write(raw)
        data = self._session.opened()
        self._send_raw(self._session.outgoing.read())
        return data

    def _send_raw(self, data: bytes) -> None:
        if self.ending is not Ending.OPEN:
            return
        self._socket.settimeout(self.timeout_s)
        try:
            self._socket.sendall(data)
        except ConnectionResetError:
            # The system tells of a reset once, and here it has: reading will only see an end.
            self._was_reset = True
        except BrokenPipeError:
            # The server's FIN came before its RST: it closed in order.
            pass

    def _receive_raw(self, timeout_s: float) -> bytes:
        if self.ending is not Ending.OPEN:
            return b""
        self._socket.settimeout(max(timeout_s, 0.001))
        try:
            raw = self._socket.recv(_CHUNK)
        except TimeoutError:
            return b""
        except ConnectionResetError:
            self.ending = Ending.RST
            return b""
        if not raw:
            self.ending = Ending.RST if self._was_reset else Ending.FIN
        return raw


def _alert(seen: bytes) -> int | None:
    """The description in an unencrypted alert record (RFC 8446, section 5.1)."""
    at = 0
    while at + 7 <= len(seen):
        if seen[at] == _RECORD_ALERT:
            return seen[at + 6]
        at += 5 + int.from_bytes(seen[at + 3 : at + 5], "big")
    return None


@dataclass(frozen=True, slots=True)
class Exchange:
    """What came of one sending: every byte, the answers in it, and how the connection ended.

    ``port`` is the client's, by which the access log can be searched.
    """

    port: int
    received: bytes
    answers: tuple[Answer, ...]
    ending: Ending
    alert: int | None

    @property
    def sight(self) -> Sight:
        """What the client saw of the last request that it sent."""
        if self.alert is not None:
            return Sight(SightKind.TLS_ALERT)
        if self.answers:
            return _sight(self.answers[-1], kept=self.ending is Ending.OPEN)
        return Sight(_NOTHING[self.ending])


_NOTHING = {
    Ending.FIN: SightKind.EMPTY,
    Ending.RST: SightKind.RESET,
    Ending.OPEN: SightKind.NO_ANSWER,
}


def _sight(answer: Answer, *, kept: bool) -> Sight:
    headers = sorted((n.lower(), v) for n, v in answer.headers if n.lower() not in _NOT_TELLING)
    return Sight(SightKind.HTTP, answer.status, tuple(headers), len(answer.body), kept)


def exchange(
    endpoint: Endpoint,
    payload: bytes,
    *,
    heads: Sequence[bool] = (False,),
    tls: Tls | None = None,
    source: str | None = None,
    timeout_s: float = 5.0,
    settle_s: float = 0.02,
) -> Exchange:
    """Send the bytes on a new connection and say what came of it.

    ``heads`` has an entry for each answer that is waited for: whether its request was a HEAD.
    After an answer that keeps the connection it is watched for ``settle_s`` more, after any other
    for ``timeout_s``.
    """
    with Connection(endpoint, tls=tls, source=source, timeout_s=timeout_s) as connection:
        connection.send(payload)
        answers: list[Answer] = []
        for head in heads:
            found = connection.answer(head=head)
            if found is None:
                break
            answers.append(found)
        keeps = len(answers) == len(heads) and answers[-1].keeps
        ending = connection.watch(settle_s if keeps else timeout_s)
        return Exchange(
            connection.port, connection.received, tuple(answers), ending, connection.alert
        )
