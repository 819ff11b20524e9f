"""Whoever sends requests: a client, or an edge of a CDN for all whom it serves."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from simpy.events import Event

from simkit.engine.attempt import NO_ANSWER, Attempt
from simkit.engine.pool import Pool
from simkit.host import NEVER, Kind, base, place
from simkit.wire import Shape

if TYPE_CHECKING:
    from simkit.engine.agenda import SimpyAgenda
    from simkit.host import Remote

__all__ = ["Party"]

_PATIENCE = base(Kind.PATIENCE)


class Party:
    """One end of connections: its number, its address, its patience, and what is under way."""

    def __init__(self, number: int, agenda: SimpyAgenda, server: Remote, patience_ns: int) -> None:
        self.number = number
        self.agenda = agenda
        self.patience_ns = patience_ns
        self.address_number = -1
        """The number of its address; `Pool` connects from there."""
        self.pool: Pool
        self._server = server
        self._under_way: deque[Attempt] = deque()
        self._held: list[Attempt] = []
        self._timer_set = False
        self._serials = 0

    def next_serial(self) -> int:
        """The number of its next attempt, from 1."""
        self._serials += 1
        return self._serials

    def sees(self, event: Event) -> None:
        """An attempt has come to its end; whoever waits for it goes on after this."""
        raise NotImplementedError

    def note(self, attempt: Attempt) -> None:
        """An attempt is under way; be impatient about it, unless its request never ends."""
        if attempt.hold:
            attempt.deadline_ns = NEVER
            self._held = [one for one in self._held if not one.recorded]
            self._held.append(attempt)
            return
        under_way = self._under_way
        while under_way and under_way[0].recorded:
            under_way.popleft()
        under_way.append(attempt)
        if not self._timer_set:
            self._set_timer(attempt)

    def under_way(self) -> Iterator[Attempt]:
        """Its attempts that have not come to their end."""
        return (one for one in (*self._held, *self._under_way) if not one.recorded)

    def carry(self, attempt: Attempt, shape: Shape) -> None:
        """Put an attempt on the wire to the server."""
        attempt.reused = self.pool.carry(attempt, shape, self.agenda.now, self.address_number)

    def _set_timer(self, attempt: Attempt) -> None:
        self._timer_set = True
        key = _PATIENCE | place(self.number, 0)
        self.agenda.at(attempt.deadline_ns, key, self._lose_patience, None)

    def _lose_patience(self, _: None) -> None:
        """Give up the attempts that have taken too long; all have the same time, so in order."""
        self._timer_set = False
        while self._under_way:
            attempt = self._under_way[0]
            if not attempt.answered:
                if attempt.deadline_ns > self.agenda.now:
                    self._set_timer(attempt)
                    return
                self.give_up(attempt)
                attempt.reply(NO_ANSWER, self.agenda.now)
            self._under_way.popleft()

    def give_up(self, attempt: Attempt) -> None:
        """Tell the server that nobody waits for this any more."""
        self._server.abandon(attempt)
