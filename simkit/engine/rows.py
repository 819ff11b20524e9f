"""The order of the rows of a run."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simkit.engine.run import Columns

__all__ = ["REQUEST_ORDER", "WISH_ORDER", "sorted_rows"]

REQUEST_ORDER = ("sent_ns", "client", "wish", "item", "attempt")
WISH_ORDER = ("start_ns", "client", "wish")


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
