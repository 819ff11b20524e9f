"""Whether two runs say the same, table by table."""

from __future__ import annotations

import numpy as np

from simkit.engine import Run

TABLES = ("requests", "wishes", "clients", "answers", "series")


def differences(one: Run, other: Run, tables: tuple[str, ...] = TABLES) -> list[str]:
    """What two runs do not agree about; nothing if they are alike, engine and events apart."""
    found = [f"load {name}: {one.load[name]} and {other.load.get(name)}" for name in one.load
             if one.load[name] != other.load.get(name)]  # fmt: skip
    found += [name for name in ("rules", "addresses", "cohorts", "window_ns", "strategy")
              if getattr(one, name) != getattr(other, name)]  # fmt: skip
    if "requests" in tables and one.shapes != other.shapes:
        found.append("shapes")
    for table in tables:
        left, right = getattr(one, table), getattr(other, table)
        for name, column in left.items():
            if column.dtype != right[name].dtype or not np.array_equal(column, right[name]):
                found.append(f"{table}.{name}: {_first(column, right[name])}")
    return found


def _first(left: np.ndarray, right: np.ndarray) -> str:
    if len(left) != len(right):
        return f"{len(left)} rows and {len(right)}"
    row = int(np.flatnonzero(left != right)[0])
    return f"row {row}: {left[row]} and {right[row]}"
