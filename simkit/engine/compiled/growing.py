"""Arrays that grow at their end, and so may move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from simkit.engine.compiled.layout import LINE

__all__ = ["Growing"]


class Growing:
    """Records of one type, one after the other. ``room`` of them can be written without moving."""

    __slots__ = ("address", "count", "records")

    def __init__(self, dtype: np.dtype[Any], room: int = 64) -> None:
        self.count = 0
        self.records: npt.NDArray[Any]
        self.address: int
        """Where the records stand in memory, until they have to move."""
        self._move(_zeros(room, dtype))

    def __len__(self) -> int:
        return self.count

    @property
    def room(self) -> int:
        """How many records there is room for."""
        return len(self.records)

    @property
    def fields(self) -> tuple[str, ...]:
        """What a record is made of."""
        return self.records.dtype.names or ()

    @property
    def kept(self) -> npt.NDArray[Any]:
        """The records that were appended."""
        return self.records[: self.count]

    def reserve(self, room: int) -> None:
        """Make room for so many records in all; what is new is zero."""
        if room > self.room:
            wider = _zeros(max(room, 2 * self.room), self.records.dtype)
            wider[: len(self.records)] = self.records
            self._move(wider)

    def _move(self, records: npt.NDArray[Any]) -> None:
        self.records = records
        self.address = records.ctypes.data

    def append(self, record: Any) -> int:
        """Put a record (a tuple of its fields) at the end; its number."""
        self.reserve(self.count + 1)
        self.records[self.count] = record
        self.count += 1
        return self.count - 1

    def extend(self, records: Sequence[Any] | npt.NDArray[Any]) -> int:
        """Put several at the end; the number of the first."""
        first = self.count
        self.reserve(first + len(records))
        self.records[first : first + len(records)] = records
        self.count += len(records)
        return first


def _zeros(room: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Records that begin where a line of the processor's cache does."""
    raw = np.zeros(room * dtype.itemsize + LINE, np.uint8)
    first = -raw.ctypes.data % LINE
    return raw[first : first + room * dtype.itemsize].view(dtype)
