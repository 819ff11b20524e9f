"""The rows of a run: their order, and the numbers that stand in them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simkit.engine.run import Columns
from simkit.policy.plan import Rule

__all__ = ["REQUEST_ORDER", "WISH_ORDER", "Rules", "first_seen", "renumber", "sorted_rows"]

REQUEST_ORDER = ("sent_ns", "client", "wish", "item", "attempt")
WISH_ORDER = ("start_ns", "client", "wish")


class Rules:
    """Numbers for rules, in the order in which they come up. Rules live as long as their policy."""

    __slots__ = ("_numbers", "known")

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self.known: list[Rule] = []

    def number(self, rule: Rule | None) -> int:
        """The number of a rule; -1 for none."""
        if rule is None:
            return -1
        number = self._numbers.get(id(rule))
        if number is None:
            number = self._numbers[id(rule)] = len(self.known)
            self.known.append(rule)
        return number


def sorted_rows(columns: Columns, order: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """The numbers of the rows in that order.

    Engines write rows nearly in order, and few share their time: so by time first, then ties.
    """
    first = columns[order[0]]
    rows = np.argsort(first, kind="stable")
    ordered = first[rows]
    tied = np.zeros(len(rows) + 1, bool)
    tied[1:-1] = ordered[1:] == ordered[:-1]
    places = np.flatnonzero(tied[1:] | tied[:-1])
    among = rows[places]
    keys = [columns[name][among] for name in reversed(order)]
    rows[places] = among[np.lexsort(keys)]
    return rows


def first_seen(column: npt.NDArray[np.generic]) -> list[int]:
    """The numbers of a column in the order of their first appearance, without negative ones."""
    known, first = np.unique(column, return_index=True)
    order = known[np.argsort(first)].astype(np.int64)
    return [int(number) for number in order if number >= 0]


def renumber(columns: Columns, name: str, places: dict[int, int]) -> None:
    """Put each number's place in its place; -1 stays."""
    column = columns[name]
    table = np.full(max(places, default=0) + 2, -1, dtype=np.int64)  # -1 finds the last cell
    for number, place in places.items():
        table[number] = place
    columns[name] = table[column.astype(np.int64)].astype(column.dtype)
