"""What clients need of a server: five calls, whether it is simulated or on real sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from simkit.host.wire import Connection, Exchange
    from simkit.policy import ConnectionSettings

__all__ = ["Remote"]


class Remote(Protocol):
    """A server as its clients reach it. What they see of it comes by `Exchange.reply`."""

    def settings(self, port: int) -> ConnectionSettings | None:
        """What holds on a port; None where nobody listens."""

    def connect(self, exchange: Exchange) -> None:
        """The client opens the connection of this exchange, in order to send it there."""

    def send(self, exchange: Exchange) -> None:
        """The client sends on a connection that it has."""

    def hang_up(self, connection: Connection) -> None:
        """The client closes the connection, in order."""

    def abandon(self, exchange: Exchange) -> None:
        """The client's patience has ended."""
