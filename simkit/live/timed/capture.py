"""What nginx wrote about a trace: in which order requests began and ended, when, and what it said.

All of it is in its error log, where `rewrite_log` notes a rule as it runs, and where a second
access log notes the ends. The first access log says more about each request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from simkit.live.clocks import ENDED, TAKEN_UP

__all__ = ["Ended", "TakenUp", "noted"]

_RULE = re.compile(
    rf'\*(?P<connection>\d+) "{re.escape(TAKEN_UP)}" does not match '
    r'"(?P=connection) (?P<turn>\d+) (?P<wall>\d+\.\d{3}) (?P<time>\d+\.\d{3})"'
)
_END = re.compile(rf"{re.escape(ENDED)} (?P<connection>\d+) (?P<turn>\d+) (?P<wall>\d+\.\d{{3}})")
_EXCESS = re.compile(
    r"\*(?P<connection>\d+) (?:limiting|delaying) requests?(?:, dry run)?, "
    r"excess: (?P<whole>\d+)\.(?P<rest>\d{3}),? by zone"
)


@dataclass(slots=True)
class TakenUp:
    """A request as nginx took it up, the ``turn``-th on its connection.

    ``wall_ms`` and ``connection_ms`` are `$msec` and `$connection_time` at that moment;
    ``excess`` is what a limit counted that delayed or rejected it, in thousandths.
    """

    connection: int
    turn: int
    wall_ms: int
    connection_ms: int
    excess: int | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a request; ``wall_ms`` is `$msec` then."""

    connection: int
    turn: int
    wall_ms: int


def noted(error_log: str) -> list[TakenUp | Ended]:
    """Beginnings and ends of requests in the order in which they came about, each once."""
    found: list[TakenUp | Ended] = []
    current: dict[int, TakenUp] = {}
    for line in error_log.split("\n"):
        if rule := _RULE.search(line):
            one, known = _request(rule), current.get(int(rule["connection"]))
            # A redirect inside nginx runs the rules of the server once more.
            if known is None or known.turn != one.turn:
                found.append(one)
                current[one.connection] = one
        elif counted := _EXCESS.search(line):
            of = current.get(int(counted["connection"]))
            if of is not None and of.excess is None:
                of.excess = int(counted["whole"]) * 1000 + int(counted["rest"])
        elif end := _END.fullmatch(line):
            found.append(Ended(int(end["connection"]), int(end["turn"]), _ms(end["wall"])))
    return found


def _request(rule: re.Match[str]) -> TakenUp:
    return TakenUp(int(rule["connection"]), int(rule["turn"]), _ms(rule["wall"]), _ms(rule["time"]))


def _ms(seconds: str) -> int:
    return int(seconds.replace(".", ""))
