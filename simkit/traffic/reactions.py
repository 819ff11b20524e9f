"""How clients react: what is seen, and what is done next.

A table maps a sighting to an `Action`. The most specific entry applies:

    what is seen              entries, most specific first
    an HTTP answer            its code, such as "429"; its class, such as "4xx"
    anything else             its name, such as "empty"; "network"

What the client wanted, an answer below 400 or a mere connection, has the entry "ok": there is
nothing to be tried again, but a client may take courage. What no entry covers means giving up this
wish and going on to the next.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from simkit.traffic.part import NotNegative, Part, Share
from simkit.wire import Sight, SightKind

__all__ = [
    "FINE",
    "GIVE_UP",
    "SLOWEST",
    "Action",
    "ReactionTable",
    "Sighting",
    "is_idempotent",
    "names_of",
    "retry_after_s",
]

_NO_ERRORS = (SightKind.HTTP, SightKind.CONNECTED)
_ERRORS = {kind: kind.name.lower() for kind in SightKind if kind not in _NO_ERRORS}
SLOWEST = 1e9
"""The largest factor of a client's gaps."""
FINE = "ok"
"""The name of what the client wanted."""
_CODE = re.compile(r"[45](xx|[0-9][0-9])")


def _known(name: str) -> str:
    if name in ("network", FINE) or name in _ERRORS.values() or _CODE.fullmatch(name):
        return name
    names = ", ".join([*_ERRORS.values(), "network", FINE])
    raise ValueError(f"is nothing that a client sees: there are {names}, and codes like 429 or 4xx")


Sighting = Annotated[str, AfterValidator(_known)]
"""The name of what is seen, as a reaction table uses it."""


class Action(Part):
    """What a client does next. With nothing set it gives up the wish.

    A *try* is one request and the resends that follow it at once; delays part one try from the
    next.
    """

    resend_at_once: Annotated[int, Field(ge=0, le=20)] = 0
    """So many immediate resends in each try."""
    resend_reused: Annotated[int, Field(ge=0, le=20)] = 0
    """So many in each try, but only where the connection had served before."""
    idempotent_only: bool = False
    """All of this is for GET, HEAD, OPTIONS, PUT and DELETE only."""
    retry_after_s: tuple[NotNegative, ...] = ()
    """The delay before each further try; when the list ends, so do the tries."""
    jitter: Share = 0.0
    """Each delay is lengthened by up to this share of itself, drawn uniformly."""
    documents_only: bool = False
    """Delayed tries are for the document of a page, not for its resources."""
    honour_retry_after: bool = False
    """A Retry-After in the answer replaces the delay of the list."""
    only_with_header: bool = False
    """No further try unless the answer carries Retry-After."""
    full_jitter: bool = False
    """Each delay is drawn uniformly between nothing and what the list says."""
    slow_down: Annotated[float, Field(ge=1)] = 1.0
    """From now on, gaps between calls are this many times as long."""
    speed_up: Annotated[float, Field(ge=1)] = 1.0
    """From now on they are this many times as short, but never shorter than they were at first."""
    change: Literal["", "agent", "address", "both"] = ""
    """It goes on as somebody else: with its next agent, from its next address."""
    leave: bool = False
    """The client quits altogether."""

    @property
    def changes_agent(self) -> bool:
        """Whether it goes on with another agent."""
        return self.change in ("agent", "both")

    @property
    def changes_address(self) -> bool:
        """Whether it goes on from another address."""
        return self.change in ("address", "both")

    def paced(self, pace: float) -> float:
        """The factor of the client's gaps after this."""
        return min(max(1.0, pace * self.slow_down / self.speed_up), SLOWEST)


GIVE_UP = Action()
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})


class ReactionTable:
    """The reactions of one cohort, ready to be asked."""

    def __init__(self, entries: Mapping[str, Action]) -> None:
        self._entries = dict(entries)
        self._found: dict[tuple[SightKind, int], Action] = {}

    def action(self, sight: Sight, method: str = "GET") -> Action:
        """What to do after this sight of a request of that method."""
        key = (sight.kind, sight.status)
        action = self._found.get(key)
        if action is None:
            action = self._found[key] = self._look_up(sight)
        if action.idempotent_only and not is_idempotent(method):
            return GIVE_UP
        return action

    def _look_up(self, sight: Sight) -> Action:
        return next((self._entries[n] for n in names_of(sight) if n in self._entries), GIVE_UP)


def names_of(sight: Sight) -> tuple[str, ...]:
    """The names that a sight has in tables, the most specific first."""
    if sight.fine:
        return (FINE,)
    if sight.kind is not SightKind.HTTP:
        return _ERRORS[sight.kind], "network"
    return str(sight.status), f"{sight.status // 100}xx"


def is_idempotent(method: str) -> bool:
    """Whether a method may be sent again without harm, as far as clients go by it."""
    return method in _IDEMPOTENT


def retry_after_s(sight: Sight) -> float | None:
    """The seconds that a Retry-After asks for, or None. A date counts as none."""
    value = sight.header("retry-after") or ""
    return float(value) if value.isdecimal() else None
