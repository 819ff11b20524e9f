"""What a client gets to see: `Exchange.reply`, and the record of what the server logged."""

from __future__ import annotations

from typing import Any

from simkit.engine.compiled.compiler import compiled
from simkit.engine.compiled.lanes import file
from simkit.engine.compiled.layout import ATTEMPT, Lane, Queue
from simkit.engine.compiled.pools import (
    NONE,
    attempt_at,
    client_at,
    client_of,
    cohort_at,
    connection_at,
    decision_at,
    drop_attempt,
)
from simkit.engine.compiled.queues import queue_at, queue_number, unlink
from simkit.host.order import Kind, base

__all__ = [
    "CONNECTED",
    "EMPTY",
    "NO_ANSWER",
    "REFUSED",
    "RESET",
    "forget_waiting",
    "keep_waiting",
    "log",
    "reply",
    "reply_to_waiting",
    "turn_away",
    "turn_away_waiting",
]

EMPTY, RESET, REFUSED, NO_ANSWER, CONNECTED = 0, 1, 2, 3, 4
"""The numbers of the sights that no decision gives."""

_SIGHT = base(Kind.SIGHT)
_SIGHT_LANE, _LANES = int(Lane.SIGHT), len(Lane)
_PATIENCE = int(Queue.PATIENCE)


@compiled
def reply(w: Any, slot: int, sight: int, at_ns: int) -> None:
    """Settle what the client sees and when; later than its patience it sees nothing."""
    a = attempt_at(w, slot)
    if at_ns <= a.deadline_ns and not a.answered:
        a.answered = 1
        a.sight = sight
        if a.connection == NONE:
            cohort = client_at(w, client_of(a)).cohort
        else:
            cohort = connection_at(w, a.connection).cohort
        if a.queued:
            unlink(queue_at(w, queue_number(cohort, _PATIENCE)), w.attempts, ATTEMPT, slot)
        a.holders += 1
        file(w, _LANES * cohort + _SIGHT_LANE, at_ns, _SIGHT | a.place, slot)


@compiled
def log(w: Any, slot: int, decision: int) -> None:
    """The server writes its line."""
    a = attempt_at(w, slot)
    d = decision_at(w, decision)
    a.over = a.logged = 1
    a.price = decision
    a.status = d.status
    w.bytes_out += d.bytes_sent


@compiled
def turn_away(w: Any, slot: int, decision: int, at_ns: int) -> None:
    """A firewall, or an edge, has decided: the server never hears of it."""
    a = attempt_at(w, slot)
    a.over = a.logged = 1
    a.price = decision
    reply(w, slot, decision_at(w, decision).sight, at_ns)


@compiled
def turn_away_waiting(w: Any, connection: int, decision: int, at_ns: int) -> None:
    """The same for all that wait for a connection."""
    c = connection_at(w, connection)
    slot = c.waiting
    c.waiting = c.last_waiting = NONE
    while slot != NONE:
        onward = attempt_at(w, slot).next_waiting
        turn_away(w, slot, decision, at_ns)
        drop_attempt(w, slot)
        slot = onward


@compiled
def keep_waiting(w: Any, connection: int, slot: int) -> None:
    """The attempt goes out when its connection stands."""
    c = connection_at(w, connection)
    a = attempt_at(w, slot)
    a.holders += 1
    a.next_waiting = NONE
    if c.waiting == NONE:
        c.waiting = slot
    else:
        attempt_at(w, c.last_waiting).next_waiting = slot
    c.last_waiting = slot


@compiled
def reply_to_waiting(w: Any, connection: int, sight: int, decision: int) -> None:
    """All that wait for the connection see this, and wait no more; with a decision it is logged."""
    c = connection_at(w, connection)
    at_ns = w.now_ns + cohort_at(w, c.cohort).half_rtt_ns
    slot = c.waiting
    c.waiting = c.last_waiting = NONE
    while slot != NONE:
        a = attempt_at(w, slot)
        onward = a.next_waiting
        if decision != NONE:
            log(w, slot, decision)
        a.over = 1
        reply(w, slot, sight, at_ns)
        drop_attempt(w, slot)
        slot = onward


@compiled
def forget_waiting(w: Any, connection: int) -> None:
    """The connection will never stand for those that wait for it."""
    c = connection_at(w, connection)
    slot = c.waiting
    c.waiting = c.last_waiting = NONE
    while slot != NONE:
        onward = attempt_at(w, slot).next_waiting
        drop_attempt(w, slot)
        slot = onward
