"""The TLS sessions that clients can take up again."""

from __future__ import annotations

from ssl import SSLSession

from simkit.live.crowd.line import Line
from simkit.traffic.part import NS_PER_S

__all__ = ["Sessions"]

_PARTS = 4
"""After one of so many parts of a ticket's life its client takes a newer one."""


class Sessions:
    """One session for each client, from the line over TLS that it opened last.

    To take a session from a line copies it, which takes longer than a handshake that resumes it;
    so it serves for many.
    """

    def __init__(self) -> None:
        self._lines: dict[int, Line] = {}
        self._taken: dict[int, tuple[int, SSLSession]] = {}

    def shook_hands(self, client: int, line: Line) -> None:
        """A line of a client's that resumes sessions stands."""
        self._lines[client] = line

    def of(self, client: int, now_ns: int) -> SSLSession | None:
        """What a client can resume; None where it has been given nothing yet."""
        old_ns, session = self._taken.get(client, (0, None))
        if session is not None and now_ns < old_ns:
            return session
        line = self._lines.get(client)
        session = None if line is None else line.session
        if session is not None and session.has_ticket:
            life_ns = session.ticket_lifetime_hint * NS_PER_S
            self._taken[client] = now_ns + life_ns // _PARTS, session
        return session
