"""The connections that a client has: which one carries an attempt, and what becomes of it."""

from __future__ import annotations

from simkit.host import NEVER, Connection, Exchange, Line, Remote
from simkit.wire import Shape, Sight, SightKind, Version

__all__ = ["Pool"]


class Pool:
    """One client's connections, by port.

    HTTP/1.x: one exchange at a time on each; the one that was freed last is used first. HTTP/2:
    a single connection carries everything.
    """

    __slots__ = ("_idle", "_keeps", "_line", "_opened", "_server", "_trunks")

    def __init__(self, server: Remote, line: Line, *, keeps: bool) -> None:
        self._server = server
        self._line = line
        self._keeps = keeps
        self._idle: dict[int, list[Connection]] = {}
        self._trunks: dict[int, Connection] = {}
        self._opened = 0

    def carry(self, exchange: Exchange, shape: Shape, now_ns: int, peer: int) -> bool:
        """Send an exchange on its way; tells whether the connection had served before.

        ``peer`` is the number of the address that a new connection comes from.
        """
        http2 = shape.version is Version.HTTP_2
        found = self._trunk(shape.port, now_ns) if http2 else self._free(shape.port, now_ns)
        exchange.connection = found or self._open(shape, http2, peer)
        exchange.connection.carried += 1
        if found is None:
            self._server.connect(exchange)
            return False
        self._server.send(exchange)
        return found.served > 0

    def _trunk(self, port: int, now_ns: int) -> Connection | None:
        trunk = self._trunks.get(port)
        if trunk is None or trunk.hung_up or trunk.known_closed(now_ns):
            return None
        return trunk

    def _free(self, port: int, now_ns: int) -> Connection | None:
        idle = self._idle.get(port)
        while idle:
            connection = idle.pop()
            if not connection.known_closed(now_ns):
                return connection
        return None

    def _open(self, shape: Shape, http2: bool, peer: int) -> Connection:
        settings = self._server.settings(shape.port)
        tls = shape.tls and settings is not None and settings.tls
        connection = Connection(self._line, self._opened, shape.port, peer, tls=tls, http2=http2)
        self._opened += 1
        if http2:
            self._trunks[shape.port] = connection
        return connection

    def done(self, connection: Connection, sight: Sight) -> None:
        """An exchange on this connection is over, as far as the client can see."""
        connection.carried -= 1
        if not sight.kept:
            if _is_lost(sight, connection):
                self._forget(connection)
        elif not self._keeps:
            self._forget(connection)
            self._server.hang_up(connection)
        elif not connection.http2:
            self._idle.setdefault(connection.port, []).append(connection)

    def leave(self) -> None:
        """The client goes on from another address: it closes what it has open and not in use."""
        for idle in self._idle.values():
            for connection in idle:
                self._server.hang_up(connection)
            idle.clear()
        for trunk in self._trunks.values():
            if not trunk.carried:
                self._server.hang_up(trunk)
        self._trunks.clear()

    def _forget(self, connection: Connection) -> None:
        if self._trunks.get(connection.port) is connection:
            del self._trunks[connection.port]


def _is_lost(sight: Sight, connection: Connection) -> bool:
    """Whether the end of an exchange was the end of its HTTP/2 connection."""
    return sight.kind is not SightKind.NO_ANSWER or connection.ready_ns == NEVER
