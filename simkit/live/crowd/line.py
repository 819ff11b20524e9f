"""A connection of a client on a real socket, from the SYN to the close.

What waits for the connection goes out as soon as it stands: a plain request right behind TCP's
handshake, a request over TLS together with the client's last flight, as in the model.
"""

from __future__ import annotations

import errno
import select
import socket
from ssl import SSLSession
from typing import Protocol

from simkit.engine.attempt import Attempt
from simkit.host import Connection
from simkit.live.crowd.agenda import ClockAgenda
from simkit.live.crowd.places import Places
from simkit.live.crowd.poller import Poller
from simkit.live.crowd.tls import RefusedError, Secret
from simkit.traffic.cohorts import Reach
from simkit.wire import SightKind

__all__ = ["Line", "Owner", "Talk"]

_CHUNK = 1 << 18
_WORTH_SKIPPING = 1 << 12
_NOWHERE = bytearray(1 << 22)
_UNDER_WAY = (0, errno.EINPROGRESS)


class Talk(Protocol):
    """A protocol spoken on a line."""

    def ask(self, attempt: Attempt) -> None:
        """Send a request; the line stands."""

    def heard(self, data: bytes) -> None:
        """The server said something."""

    @property
    def left(self) -> int:
        """How many of the next bytes nobody has to look at."""

    def skipped(self, count: int) -> None:
        """So many of them have come."""

    def ended(self, kind: SightKind) -> None:
        """The server has ended the line, in that manner."""

    def drop(self, attempt: Attempt) -> bool:
        """The client lost patience with a request; whether the line goes on without it."""


class Owner(Protocol):
    """Whom lines belong to."""

    agenda: ClockAgenda
    poller: Poller
    places: Places

    def settle(self, attempt: Attempt, kind: SightKind) -> None:
        """A request ended without an answer."""

    def stood(self, line: Line) -> None:
        """A connection stands."""

    def gone(self, line: Line) -> None:
        """A connection is no more."""

    def connected(self, line: Line, attempt: Attempt) -> None:
        """The connection stands for one who wants no more."""


class Line:
    """The socket of a `Connection`.

    ``port`` is the client's; ``waiting`` are requests for when the line stands.
    """

    __slots__ = (
        "_door",
        "_out",
        "_owner",
        "_secret",
        "_socket",
        "_wants_out",
        "address",
        "closed",
        "connection",
        "port",
        "stands",
        "talk",
        "waiting",
    )

    talk: Talk

    def __init__(
        self,
        owner: Owner,
        connection: Connection,
        address: str,
        door: tuple[str, int],
    ) -> None:
        self._owner = owner
        self._door = door
        self._secret: Secret | None = None
        self._out = b""
        self._wants_out = False
        self.connection = connection
        self.address = address
        self.port = 0
        self.stands = self.closed = False
        self.waiting: list[Attempt] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)

    def open(self, secret: Secret | None) -> None:
        """Connect, over TLS if ``secret`` is given, and begin with what waits."""
        owner, made = self._owner, self._socket
        self._secret = secret
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port = owner.places.bind(made, self.address)
        error = made.connect_ex(self._door)
        owner.poller.watch(made.fileno(), self._happens)
        if error not in _UNDER_WAY:
            self._over(_kind(error))
        elif secret is None:
            self._begin()
        else:
            secret.shake()
            self._write(secret.to_send())

    def ask(self, attempt: Attempt) -> None:
        """Send a request, now or when the line stands."""
        if self.stands:
            self.talk.ask(attempt)
        else:
            self.waiting.append(attempt)

    def say(self, data: bytes) -> None:
        """Send bytes of the protocol."""
        self._write(data if self._secret is None else self._secret.to_send(data))

    def close(self) -> None:
        """The client closes it, in order."""
        if not self.closed:
            self.closed = True
            self._owner.poller.forget(self._socket.fileno())
            self._socket.close()
            self._owner.gone(self)

    @property
    def is_secret(self) -> bool:
        """Whether TLS is agreed on."""
        return self._secret is not None and self._secret.stands

    @property
    def resumed(self) -> bool:
        """Whether that took up an earlier session."""
        return self._secret is not None and self._secret.resumed

    @property
    def session(self) -> SSLSession | None:
        """The TLS session that a further connection can resume."""
        return None if self._secret is None else self._secret.session

    # What happens to the socket

    def _happens(self, events: int) -> None:
        if events & select.EPOLLOUT:
            self._write(b"")
        if events & ~select.EPOLLOUT and not self.closed:
            self._read()

    def _write(self, data: bytes) -> None:
        out = self._out + data if self._out else data
        try:
            sent = self._socket.send(out)
        except BlockingIOError:
            sent = 0
        except OSError:
            return  # reading says in which manner it ended
        self._out = out[sent:]
        if bool(self._out) is not self._wants_out:
            self._wants_out = bool(self._out)
            events = select.EPOLLIN | (select.EPOLLOUT if self._wants_out else 0)
            self._owner.poller.change(self._socket.fileno(), events)

    def _read(self) -> None:
        left = 0 if self._secret is not None else self.talk.left
        try:
            if left >= _WORTH_SKIPPING:
                # Linux throws bytes of TCP away where it is told to truncate, and copies nothing.
                count = self._socket.recv_into(_NOWHERE, min(left, len(_NOWHERE)), socket.MSG_TRUNC)
                if count:
                    self.talk.skipped(count)
                    return
                data = b""
            else:
                data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._over(_kind(error.errno))
            return
        if not data:
            self._over(SightKind.EMPTY)
        elif self._secret is None:
            self.talk.heard(data)
        else:
            self._decrypt(self._secret, data)

    def _decrypt(self, secret: Secret, raw: bytes) -> None:
        if not secret.stands:
            if not self._shaken(secret, raw):
                return
            raw = b""  # is with TLS, and what it brought of the application too
        data = secret.opened(raw)
        if data and not self.closed:
            self.talk.heard(data)

    def _shaken(self, secret: Secret, raw: bytes) -> bool:
        """Go on with the handshake: whether it is over, and what waited is on its way."""
        try:
            over = secret.shake(raw)
        except RefusedError:
            self._over(SightKind.TLS_ALERT)
            return False
        if over:
            self._begin()
        else:
            self._write(secret.to_send())
        return over

    def _begin(self) -> None:
        """The line stands, or will have stood when the first bytes leave."""
        self.stands = True
        self._owner.stood(self)
        waiting, self.waiting = self.waiting, []
        asking = [attempt for attempt in waiting if attempt.reach is Reach.REQUEST]
        for attempt in asking:
            self.talk.ask(attempt)
        if self._secret is not None and not asking:
            self._write(self._secret.to_send())
        for attempt in waiting:
            if attempt.reach is not Reach.REQUEST:
                self._owner.connected(self, attempt)

    def _over(self, kind: SightKind) -> None:
        """The server ended it."""
        self.close()
        waiting, self.waiting = self.waiting, []
        for attempt in waiting:
            self._owner.settle(attempt, kind)
        self.talk.ended(kind)


def _kind(error: int | None) -> SightKind:
    return SightKind.REFUSED if error == errno.ECONNREFUSED else SightKind.RESET
