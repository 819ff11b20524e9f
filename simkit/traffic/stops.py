"""When clients stop: rules by which a program gives up a host, as many scanners do.

    { on = ["network"], count = 30, in_a_row = true }      thirty errors one after the other
    { on = ["403"], share = 0.95, after = 50 }             nearly everything is forbidden

A client counts what it sees of each request. As soon as one of its rules holds it leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, model_validator

from simkit.traffic.part import Count, NotEmpty, Part
from simkit.traffic.reactions import Sighting, names_of
from simkit.wire import Sight

__all__ = ["Stop", "StopCounter"]


class Stop(Part):
    """One such rule: so many of these sightings, or more than a share of all.

    ``in_a_row``: nothing else in between. ``share`` is looked at when more than ``after`` requests
    have been seen.
    """

    on: Annotated[tuple[Sighting, ...], NotEmpty]
    count: Count | None = None
    in_a_row: bool = False
    share: Annotated[float, Field(ge=0, lt=1)] | None = None
    after: Annotated[int, Field(ge=0)] = 0

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
        self._seen = 0

    def sees(self, sight: Sight) -> bool:
        """Count a sight; whether the client stops."""
        self._seen += 1
        stops = False
        for number, rule in enumerate(self._rules):
            if rule.concerns(sight):
                self._counts[number] += 1
            elif rule.in_a_row:
                self._counts[number] = 0
            stops = stops or self._holds(rule, self._counts[number])
        return stops

    def _holds(self, rule: Stop, counted: int) -> bool:
        if rule.count is not None:
            return counted >= rule.count
        assert rule.share is not None
        return self._seen > rule.after and counted > rule.share * self._seen
