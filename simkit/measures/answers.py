"""What the server sent, by answer: how many requests got it and how many bytes it took.

An answer is what the access log says of a request, and how it looked to the client where the log
says 444 or nothing. It is counted by the engine, so runs that recorded totals have it too.
"""

from __future__ import annotations

from dataclasses import dataclass

from simkit.engine.run import Run
from simkit.wire import SightKind

__all__ = ["AnswerSum", "answer_name", "answer_table"]

_UNLIKE_HTTP = {
    SightKind.NO_ANSWER: "no answer",
    SightKind.REFUSED: "connection refused",
    SightKind.RESET: "reset",
    SightKind.EMPTY: "closed, nothing sent",
    SightKind.CONNECTED: "connected, nothing asked",
}
_WITHOUT_PAGE = (0, 408, 444, 499)
"""What nginx logs without sending a page: whoever sees one has it from a CDN in front."""


@dataclass(frozen=True, slots=True)
class AnswerSum:
    """How often one side got one answer within the window of a run, and the bytes of it."""

    answer: str
    honest: bool
    refused: bool
    requests: int
    bytes_out: int


def answer_name(status: int, sight: SightKind) -> str:
    """What an answer is called: ``403``, ``444 (closed, nothing sent)``, ``nothing logged``."""
    logged = str(status) if status else "nothing logged"
    if sight is SightKind.HTTP:
        return f"{logged} (a page of the CDN's)" if status in _WITHOUT_PAGE else logged
    return f"{logged} ({_UNLIKE_HTTP.get(sight, sight.name.lower().replace('_', ' '))})"


def answer_table(run: Run) -> tuple[AnswerSum, ...]:
    """Every answer that occurred, by name, the honest side of each first."""
    columns = run.answers
    sums: dict[tuple[str, bool, bool], list[int]] = {}
    names = ("status", "sight", "cohort", "refused", "requests", "bytes")
    rows = zip(*(columns[name].tolist() for name in names), strict=True)
    for status, sight, cohort, refused, requests, size in rows:
        key = (answer_name(status, SightKind(sight)), run.cohorts[cohort].honest, bool(refused))
        cell = sums.setdefault(key, [0, 0])
        cell[0] += requests
        cell[1] += size
    ordered = sorted(sums.items(), key=lambda item: (item[0][0], not item[0][1], item[0][2]))
    return tuple(AnswerSum(*key, *cell) for key, cell in ordered)
