"""What the protocols need of the server that they are spoken with."""

from __future__ import annotations

from typing import Protocol

from simkit.engine.attempt import Attempt
from simkit.live.crowd.agenda import ClockAgenda
from simkit.live.crowd.answers import Seen
from simkit.live.crowd.line import Line
from simkit.live.crowd.requests import Requests
from simkit.wire import SightKind

__all__ = ["Speaker"]


class Speaker(Protocol):
    """Who has requests made, and is told what came of them."""

    agenda: ClockAgenda
    requests: Requests

    def note(self, attempt: Attempt, line: Line, number: int) -> None:
        """The request goes out, as the one of that number on its line."""

    def answered(self, attempt: Attempt, seen: Seen) -> None:
        """There is an answer."""

    def settle(self, attempt: Attempt, kind: SightKind) -> None:
        """The request ended without one."""
