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
from enum import IntEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from simkit.traffic.part import MOST, NotNegative, Part, Share
from simkit.wire import Sight, SightKind

__all__ = [
    "FINE",
    "GIVE_UP",
    "SLOWEST",
    "Action",
    "MethodClass",
    "ReactionTable",
    "Sighting",
    "method_class",
    "names_of",
    "retry_after_s",
]

_NO_ERRORS = (SightKind.HTTP, SightKind.CONNECTED)
_ERRORS = {kind: kind.name.lower() for kind in SightKind if kind not in _NO_ERRORS}
SLOWEST = MOST
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


class MethodClass(IntEnum):
    """Methods as clients tell them apart before they send something again (RFC 9110, 9.2)."""

    SAFE = 0
    """GET, HEAD, OPTIONS, TRACE."""
    IDEMPOTENT = 1
    """PUT and DELETE besides."""
    OTHER = 2
    """POST, PATCH and the rest."""


Methods = Literal["any", "idempotent", "safe"]
_MOST = {"any": MethodClass.OTHER, "idempotent": MethodClass.IDEMPOTENT, "safe": MethodClass.SAFE}


class Action(Part):
    """What a client does next. With nothing set it gives up the wish.

    A *try* is one request and the resends that follow it at once; delays part one try from the
    next. ``…_for`` says for which methods.
    """

    resend_at_once: Annotated[int, Field(ge=0, le=20)] = 0
    """So many immediate resends in each try."""
    resend_for: Methods = "any"
    resend_reused: Annotated[int, Field(ge=0, le=20)] = 0
    """So many in each try, but only where the connection had served before."""
    resend_reused_for: Methods = "any"
    retry_after_s: Annotated[tuple[NotNegative, ...], Field(max_length=1000)] = ()
    """The delay before each further try; when the list ends, so do the tries."""
    retry_for: Methods = "any"
    jitter: Share = 0.0
    """Each delay is lengthened by up to this share of itself, drawn uniformly."""
    shorten: Share = 0.0
    """Each delay is shortened by up to this share of itself, drawn uniformly: 1 is full jitter."""
    documents_only: bool = False
    """Delayed tries and resends at once are for the document of a page, not for its resources."""
    honour_retry_after: bool = False
    """A Retry-After in the answer replaces the delay of the list."""
    only_with_header: bool = False
    """No further try unless the answer carries Retry-After."""
    longest_retry_after_s: NotNegative | None = None
    """No further try where it asks for a longer wait."""
    zero_is_none: bool = False
    """A Retry-After of 0 is taken for none."""
    slow_down: Annotated[float, Field(ge=1, le=SLOWEST)] = 1.0
    """From now on, gaps between calls are this many times as long."""
    speed_up: Annotated[float, Field(ge=1, le=SLOWEST)] = 1.0
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

    def for_methods_of(self, kind: MethodClass) -> Action:
        """The same as far as it is for methods of that class."""
        none: dict[str, object] = {}
        if kind > _MOST[self.resend_for]:
            none["resend_at_once"] = 0
        if kind > _MOST[self.resend_reused_for]:
            none["resend_reused"] = 0
        if kind > _MOST[self.retry_for]:
            none["retry_after_s"] = ()
        return self.model_copy(update=none) if none else self

    def wait_s(self, sight: Sight, so_far: int) -> float | None:
        """The wait before the next try, of which there were so many; None: there is none.

        What is drawn is not in it yet, see `drawn_s`.
        """
        if so_far >= len(self.retry_after_s):
            return None
        asked = self.asked_s(sight)
        if asked is None:
            return None if self.only_with_header else self.retry_after_s[so_far]
        if self.longest_retry_after_s is not None and asked > self.longest_retry_after_s:
            return None
        return asked if self.honour_retry_after else self.retry_after_s[so_far]

    def asked_s(self, sight: Sight) -> float | None:
        """The wait that an answer asks for, if this action takes it for one."""
        asked = retry_after_s(sight)
        return None if self.zero_is_none and asked == 0 else asked

    def drawn_s(self, wait_s: float, u: float) -> float:
        """A wait of the list with the spread that is drawn, for a uniform ``u``."""
        return wait_s * (1.0 + self.jitter * u - self.shorten * u)

    def draws(self, sight: Sight) -> bool:
        """Whether the wait is one of the list, and spread."""
        spread = bool(self.jitter or self.shorten)
        return spread and not (self.honour_retry_after and self.asked_s(sight) is not None)


GIVE_UP = Action()
_CLASSES = {
    **dict.fromkeys(("GET", "HEAD", "OPTIONS", "TRACE"), MethodClass.SAFE),
    **dict.fromkeys(("PUT", "DELETE"), MethodClass.IDEMPOTENT),
}


class ReactionTable:
    """The reactions of one cohort, ready to be asked."""

    def __init__(self, entries: Mapping[str, Action]) -> None:
        self._entries = dict(entries)
        self._found: dict[tuple[SightKind, int, MethodClass], Action] = {}

    def action(self, sight: Sight, method: str = "GET") -> Action:
        """What to do after this sight of a request of that method."""
        kind = method_class(method)
        key = (sight.kind, sight.status, kind)
        action = self._found.get(key)
        if action is None:
            action = self._found[key] = self._look_up(sight).for_methods_of(kind)
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


def method_class(method: str) -> MethodClass:
    """What a method is to a client that may send it again."""
    return _CLASSES.get(method, MethodClass.OTHER)


def retry_after_s(sight: Sight) -> float | None:
    """The seconds that a Retry-After asks for, or None. A date counts as none."""
    value = sight.header("retry-after") or ""
    return min(float(value), MOST) if value.isdecimal() else None
