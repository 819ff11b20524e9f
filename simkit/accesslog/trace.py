"""A Trace: the requests of an access log as columns, and the lines that were none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from simkit.accesslog.clients import Client
from simkit.accesslog.escapes import visible
from simkit.accesslog.log_format import LogFormat
from simkit.accesslog.request_line import RequestLine

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Column", "Rejection", "Rejections", "Trace"]

T = TypeVar("T")
Int16s = npt.NDArray[np.int16]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """A column with few distinct values: row i has ``values[codes[i]]``."""

    codes: Int32s
    values: tuple[T, ...]

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, row: int) -> T:
        return self.values[int(self.codes[row])]


class Rejection(NamedTuple):
    """A line of the log that its format does not fit.

    ``line`` counts from 1. ``excerpt`` is its printable beginning, empty beyond the first
    `Rejections.EXCERPTS` ones.
    """

    line: int
    reason: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class Rejections:
    """All malformed lines of a log, in order."""

    EXCERPTS = 1000

    line: Int64s
    reason: Column[str]
    excerpts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.line)

    def __iter__(self) -> Iterator[Rejection]:
        for i in range(len(self)):
            excerpt = self.excerpts[i] if i < len(self.excerpts) else ""
            yield Rejection(int(self.line[i]), self.reason[i], excerpt)

    def by_reason(self) -> dict[str, int]:
        """The number of lines for each reason, the most frequent first."""
        counts = np.bincount(self.reason.codes, minlength=len(self.reason.values))
        pairs = zip(self.reason.values, counts.tolist(), strict=True)
        return dict(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))


@dataclass(frozen=True, slots=True)
class Trace:
    """The requests of a log, one row for each accepted line, in the order of the file.

    ``time_ms`` counts from ``start``, the earliest time of the log; with a ``resolution_ms`` of
    1000 it is the beginning of the second. ``time_ms``, ``start`` and ``resolution_ms`` are None
    where the format has no time. ``duration_ms`` is ``$request_time``, -1 where a line has none.
    ``status`` is 0 and ``bytes`` -1 where the format has none. ``headers`` holds, by header name,
    what the format knows of the request's headers; a value of None says that the header was not
    sent (``-``). ``bytes`` is the body's length, or all that was sent if ``counts_headers``.

    ``lines`` are all lines read: accepted and rejected together.
    """

    source: str
    log_format: LogFormat
    lines: int
    line: Int64s
    time_ms: Int64s | None
    start: datetime | None
    resolution_ms: int | None
    duration_ms: Int64s | None
    client: Column[Client]
    request: Column[RequestLine]
    headers: dict[str, Column[str | None]]
    tls: Column[bool | None] | None
    port: Column[int | None] | None
    sni: Column[str | None] | None
    status: Int16s
    bytes: Int64s
    rejected: Rejections
    counts_headers: bool = False
    damage: str | None = None
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.line)

    @property
    def agent(self) -> Column[str | None] | None:
        """The user agents (None: none was sent), or None where the format lacks them."""
        return self.headers.get("User-Agent")

    @property
    def host(self) -> Column[str | None] | None:
        """The hosts, or None where the format lacks them."""
        return self.headers.get("Host")

    @property
    def named_clients(self) -> int:
        """How many clients are names with an address that stands in."""
        return sum(client.named for client in self.client.values)

    def to_frame(self) -> pd.DataFrame:
        r"""The rows with names in place of numbers; bytes that are no text stand as ``\xHH``."""
        import pandas as pd

        frame = pd.DataFrame({"line": self.line})
        if self.time_ms is not None and self.start is not None:
            frame["time"] = pd.Timestamp(self.start) + pd.to_timedelta(self.time_ms, unit="ms")
        if self.duration_ms is not None:
            frame["duration_ms"] = self.duration_ms
        frame["client"] = _spread(self.client, [visible(c.text) for c in self.client.values])
        frame["address"] = _spread(self.client, [str(c.address) for c in self.client.values])
        for name in ("method", "target"):
            parts = [visible(getattr(r, name)) for r in self.request.values]
            frame[name] = _spread(self.request, parts)
        frame["version"] = _spread(self.request, [r.version.value for r in self.request.values])
        for name, column in self.headers.items():
            shown = [None if v is None else visible(v) for v in column.values]
            frame[name] = _spread(column, shown)
        frame["status"] = self.status
        frame["bytes"] = self.bytes
        return frame


def _spread(column: Column[T], values: Sequence[str | None]) -> pd.Series[str]:
    import pandas as pd

    return pd.Series(np.array(values, dtype=object)[column.codes])
