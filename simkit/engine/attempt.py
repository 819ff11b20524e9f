"""Attempts: requests on the wire, which processes can wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simpy.events import Event

from simkit.host import Exchange, Kind, base, place
from simkit.wire import Sight, SightKind

if TYPE_CHECKING:
    from simkit.engine.client import Wish
    from simkit.engine.edge import Edge
    from simkit.engine.party import Party

__all__ = ["NO_ANSWER", "Attempt"]

NO_ANSWER = Sight(SightKind.NO_ANSWER)
_SIGHT = base(Kind.SIGHT)


class Attempt(Exchange, Event):
    """A request on the wire, and the event that its `Sight` is seen."""

    __slots__ = (
        "address_number",
        "again",
        "agenda",
        "answered",
        "deadline_ns",
        "edge",
        "parent",
        "recorded",
        "reused",
        "sent_ns",
        "shape",
        "wish",
    )

    def __init__(self, party: Party, shape: int, wish: Wish | None = None) -> None:
        Exchange.__init__(self)
        self.answered = False
        """Whether the time of the sight is settled."""
        self.reused = False
        """Whether it went out on a connection that had served before."""
        self.recorded = False
        """Whether its row is written."""
        self.edge: Edge | None = None
        """The edge that it was sent to, if it was not sent to the server."""
        self.parent: Attempt | None = None
        """Of an edge's attempt: the visitor's, for which it is made."""
        self.again = False
        """Whether the edge has asked the server once more for it."""
        self.env = self.agenda = party.agenda
        self.callbacks = [party.sees]
        self.place = place(party.number, party.next_serial())
        self.shape = shape
        self.wish = wish
        self.sent_ns = self.agenda.now
        self.deadline_ns = self.sent_ns + party.patience_ns
        self.address_number = party.address_number
        """The number of the address that it was sent from."""

    @property
    def sight(self) -> Sight:
        """What is seen, once it is settled."""
        found: Sight = self._value
        return found

    def reply(self, sight: Sight, at_ns: int) -> None:
        """Settle what the client sees and when; later than its patience it sees nothing."""
        if at_ns <= self.deadline_ns and not self.answered:
            self.answered = True
            self._ok = True
            self._value = sight
            self.agenda.happens_at(at_ns, _SIGHT | self.place, self)

    def break_off(self) -> None:
        """The window ends before anything is seen."""
        self._value = NO_ANSWER
