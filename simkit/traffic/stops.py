"""When clients stop: rules by which a program gives up a host, as many scanners do.

    { on = ["network"], count = 30, in_a_row = true }      thirty errors one after the other
    { on = ["403"], share = 0.95, after = 50 }             nearly everything is forbidden

A client counts what it sees of each request or, with ``of = "wishes"``, what came of each thing it
wanted after all resends and retries. As soon as one of its rules holds it leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from simkit.traffic.part import Count, NotEmpty, Part
from simkit.traffic.reactions import Sighting, names_of
from simkit.wire import Sight

__all__ = ["Of", "Stop", "StopCounter"]

Of = Literal["requests", "wishes"]


class Stop(Part):
    """One such rule: so many of these sightings, or more than a share of all.

    ``in_a_row``: nothing else in between. No rule is looked at before more than ``after`` have been
    counted in all.
    """

    of: Of = "requests"
    on: Annotated[tuple[Sighting, ...], NotEmpty]
    count: Count | None = None
    in_a_row: bool = False
    share: Annotated[float, Field(ge=0, lt=1)] | None = None
    after: Annotated[int, Field(ge=0, le=1_000_000_000)] = 0

    @model_validator(mode="after")
    def _has_one_measure(self) -> Stop:
        if (self.count is None) == (self.share is None):
            raise ValueError("needs either a count or a share")
        return self

    def concerns(self, sight: Sight) -> bool:
        """Whether a sight is one of those that it counts."""
        return any(name in self.on for name in names_of(sight))


class StopCounter:
    """What one client has seen so far, as its rules for stopping count it."""

    __slots__ = ("_counts", "_rules", "_seen")

    def __init__(self, rules: Sequence[Stop]) -> None:
        self._rules = rules
        self._counts = [0] * len(rules)
        self._seen = {"requests": 0, "wishes": 0}

    def sees(self, sight: Sight, of: Of = "requests") -> bool:
        """Count a sight; whether the client stops."""
        self._seen[of] += 1
        stops = False
        for number, rule in enumerate(self._rules):
            if rule.of != of:
                continue
            if rule.concerns(sight):
                self._counts[number] += 1
            elif rule.in_a_row:
                self._counts[number] = 0
            stops = stops or self._holds(rule, self._counts[number], self._seen[of])
        return stops

    def _holds(self, rule: Stop, counted: int, seen: int) -> bool:
        if seen <= rule.after:
            return False
        if rule.count is not None:
            return counted >= rule.count
        assert rule.share is not None
        return counted > rule.share * seen
