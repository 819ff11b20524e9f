"""What a difference says, in words that claim no more than its interval does."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from simkit.measures.intervals import Interval

__all__ = ["NOT_FOUND", "Finding", "Verdict", "verdict"]

NOT_FOUND = "no difference found at this precision"
"""The words for an interval that holds zero: it says how small a difference must be, not that
there is none."""

_EXACT = "the same, as computed"


class Finding(Enum):
    """What came of a comparison."""

    MORE = "more"
    LESS = "less"
    SAME = "the same"
    LITTLE = "no difference that matters"
    NOT_FOUND = "no difference found"
    UNKNOWN = "no interval"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A finding with the interval it rests on; ``unit`` is that of the values compared.

    ``margin`` is how large a difference may be without mattering, in the same unit.
    """

    finding: Finding
    interval: Interval
    unit: str = ""
    margin: float = 0.0

    @property
    def decided(self) -> bool:
        """Whether the comparison came to an end: a difference, or none at all."""
        return self.finding not in (Finding.NOT_FOUND, Finding.UNKNOWN)

    @property
    def alike(self) -> bool:
        """Whether it is known that there is no difference, or none that matters."""
        return self.finding in (Finding.SAME, Finding.LITTLE)

    @property
    def text(self) -> str:
        """A phrase for people, with the interval and its unit."""
        found = self.interval
        match self.finding:
            case Finding.UNKNOWN:
                return found.why or "no interval"
            case Finding.SAME:
                return f"the same in all {found.n} replications" if found.n else _EXACT
            case Finding.LITTLE:
                return f"{self.finding.value}: at most {self.margin:.3g}{self._unit}"
            case Finding.NOT_FOUND:
                return f"{NOT_FOUND}: it lies between {found.low:+.3g} and {self._end(found.high)}"
            case _:
                ends = sorted((abs(found.low), abs(found.high)))
                span = " to ".join(dict.fromkeys(f"{end:.3g}" for end in ends))
                return f"{self.finding.value} by {span}{self._unit}"

    def _end(self, value: float) -> str:
        return f"{value:+.3g}{self._unit}"

    @property
    def _unit(self) -> str:
        """A difference of percentages is one of percentage points."""
        return " percentage points" if self.unit == "%" else f" {self.unit}".rstrip()


def verdict(difference: Interval, unit: str = "", margin: float = 0.0) -> Verdict:
    """What the interval of a difference says.

    A difference that is certain can still be too small for anybody to mind: where the whole
    interval lies within ``margin`` of zero, that is what is found.
    """
    return Verdict(_finding(difference, margin), difference, unit, margin)


def _finding(found: Interval, margin: float) -> Finding:
    if not found.known:
        return Finding.UNKNOWN
    if found.low == found.high == 0.0:
        return Finding.SAME
    if -margin <= found.low and found.high <= margin:
        return Finding.LITTLE
    if found.excludes(0.0):
        return Finding.MORE if found.mean > 0.0 else Finding.LESS
    return Finding.NOT_FOUND
