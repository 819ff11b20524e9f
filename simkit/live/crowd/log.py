"""What nginx logged about each request of a crowd, found by port and number on the connection."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from simkit.engine.run import Columns
from simkit.live.access import Record
from simkit.live.crowd.server import Going

__all__ = ["Joined", "join"]

_Who = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Joined:
    """How log and requests fit: requests that were found in the log, and where they differed.

    ``other_status`` counts those whose logged status is not that of the decision that they looked
    like; ``unknown`` counts lines about no request that was sent.
    """

    found: int
    missing: int
    unknown: int
    other_status: int


def join(columns: Columns, going: Sequence[Going], records: Iterable[Record]) -> Joined:
    """Put the logged status and bytes into the table of requests."""
    by_place = {(r.address, r.port, r.number): r for r in records}
    rows = _rows(columns)
    found = missing = other = 0
    status, sent = columns["status"], columns["bytes"]
    for one in going:
        record = by_place.pop((one.address, one.port, one.number), None)
        if record is None:
            missing += 1
            continue
        found += 1
        attempt = one.attempt
        row = rows[_who(one)]
        other += attempt.decision is not None and attempt.decision.status != record.status
        status[row] = record.status
        sent[row] = record.bytes_sent
    return Joined(found, missing, len(by_place), other)


def _who(one: Going) -> _Who:
    attempt = one.attempt
    return attempt.connection.line.client, attempt.wish_number, attempt.item, attempt.attempt


def _rows(columns: Columns) -> dict[_Who, int]:
    """Where the row of an attempt is."""
    names = ("client", "wish", "item", "attempt")
    cells = zip(*(columns[name].tolist() for name in names), strict=True)
    return {who: row for row, who in enumerate(cells)}
