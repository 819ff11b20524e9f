"""How long a study will still take, from how long its finished cells took.

Cells of one strategy at one point cost alike; a flood ten times as large costs ten times as much.
So each cell that is left is expected to take what the finished ones of its strategy and point
took, or if there is none, those of its point, its strategy, or all. What took the longest of its
kind is the first, which also makes the plans: it counts only while it is alone. The work that is
left is divided by how much work was done in a second so far, by all processes together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

Group = tuple[str, str]

__all__ = ["Estimate", "about"]


class Estimate:
    """What is left of a study, and what is known of its costs."""

    def __init__(self, left: Iterable[Group]) -> None:
        """``left`` has one (strategy, point) for each cell to be run."""
        self._left = Counter(left)
        self._took_s: dict[Group, list[float]] = {}
        self._busy_s = 0.0

    def finished(self, group: Group, took_s: float) -> None:
        """A cell was run, in ``took_s`` seconds of one process."""
        self._left[group] -= 1
        self._took_s.setdefault(group, []).append(took_s)
        self._busy_s += took_s

    def remaining_s(self, elapsed_s: float) -> float | None:
        """The seconds to the end, ``elapsed_s`` after the start; None while nothing is known."""
        if not self._busy_s or elapsed_s <= 0.0:
            return None
        work_s = sum(n * self._expected_s(group) for group, n in self._left.items() if n)
        return work_s * elapsed_s / self._busy_s

    def _expected_s(self, group: Group) -> float:
        strategy, point = group
        known = self._took_s
        likes = (
            [group] if group in known else [],
            [g for g in known if g[1] == point],
            [g for g in known if g[0] == strategy],
            list(known),
        )
        like = next(groups for groups in likes if groups)
        return sum(_typical_s(known[g]) for g in like) / len(like)


def _typical_s(took_s: list[float]) -> float:
    later = took_s[1:] or took_s
    return sum(later) / len(later)


def about(seconds: float) -> str:
    """A duration no more exact than an estimate is."""
    if seconds < 10:
        return "less than 10 s"
    if seconds < 95:
        return f"about {round(seconds, -1):.0f} s"
    if seconds < 95 * 60:
        return f"about {seconds / 60:.0f} min"
    return f"about {seconds / 3600:.1f} h"
