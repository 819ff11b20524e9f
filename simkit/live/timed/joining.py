"""What the client and nginx's two logs know of each request, put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simkit.live.access import Record
from simkit.live.timed.capture import Ended, TakenUp
from simkit.live.timed.clock import Seen, clock_ms
from simkit.live.timed.comparing import End, Taken
from simkit.live.timed.schedule import Call
from simkit.live.timed.sending import Sent
from simkit.policy import Planner

__all__ = ["Evidence", "joined"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What went out, what both logs say, and by how much the wall clock leads the monotonic one."""

    calls: Sequence[Call]
    sent: Sequence[Sent]
    records: Sequence[Record]
    notes: Sequence[TakenUp | Ended]
    offset_ns: int


@dataclass(frozen=True, slots=True)
class _Row:
    up: TakenUp
    record: Record
    sent: Sent

    @property
    def seen(self) -> Seen:
        up, sent = self.up, self.sent
        return Seen(up.connection, up.wall_ms, up.connection_ms, sent.sent_ns, sent.answered_ns)


def joined(planner: Planner, evidence: Evidence) -> tuple[list[Taken | End], int]:
    """Beginnings and ends in nginx's order with nginx's clock, counted from the first.

    The second value counts the requests at which the clock may have been at one of two
    milliseconds. Requests that are missing in a log, such as those on a connection that nginx was
    just closing, are left out.
    """
    rows = _rows(evidence)
    times_ms, doubtful = clock_ms([row.seen for row in rows.values()], evidence.offset_ns)
    taken = {
        key: _taken(planner, number, at_ms - times_ms[0], row, evidence.calls[row.sent.call])
        for number, (at_ms, (key, row)) in enumerate(zip(times_ms, rows.items(), strict=True))
    }
    events: list[Taken | End] = []
    for note in evidence.notes:
        key = note.connection, note.turn
        if key not in taken:
            continue
        one, row = taken[key], rows[key]
        ends = isinstance(note, Ended)
        events.append(End(one.number, one.at_ms + note.wall_ms - row.up.wall_ms) if ends else one)
    return events, doubtful


def _rows(evidence: Evidence) -> dict[tuple[int, int], _Row]:
    """What is known of each request, by connection and turn."""
    logged = {(r.connection, r.number): r for r in evidence.records}
    by_port = {(s.port, s.turn): s for s in evidence.sent}
    rows = {}
    for note in evidence.notes:
        key = note.connection, note.turn
        if isinstance(note, Ended) or key not in logged:
            continue
        sent = by_port.get((logged[key].port, note.turn))
        if sent is not None:
            rows[key] = _Row(note, logged[key], sent)
    return rows


def _taken(planner: Planner, number: int, at_ms: int, row: _Row, call: Call) -> Taken:
    record = row.record
    return Taken(
        number=number,
        bound=planner.bind(call.shape, call.client),
        at_ms=at_ms,
        status=record.status,
        limit=record.limit_req,
        connections=record.limit_conn,
        excess=row.up.excess,
        gave_up=row.sent.gave_up,
        request=record.request,
        address=str(call.client),
    )
