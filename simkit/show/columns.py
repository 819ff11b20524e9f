"""What the table of a comparison shows: its columns, where they come from, what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan, nan

from simkit.measures.intervals import Interval
from simkit.measures.leakage import AS_IS, DISGUISED
from simkit.study.compare import Comparison
from simkit.study.outcome import ALL_HONEST, ALL_HOSTILE, SERVER
from simkit.study.pareto import question

NO_AGENT = "(no agent)"
BROWSERS = "(browsers HTTP/1.1)"

__all__ = ["BROWSERS", "NO_AGENT", "Column", "best", "columns", "missing", "number"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: for each strategy a number with its interval. Less is better in all of them.

    ``title``, ``of`` and ``unit`` stand above each other in its head. ``sampled`` is None where
    the numbers are computed and not sampled, else the measure and cohort that they are. ``whole``
    numbers are shown without decimals.
    """

    key: str
    title: str
    of: str
    unit: str
    legend: str
    cells: Mapping[str, Interval]
    sampled: tuple[str, str] | None = None
    whole: bool = False

    @property
    def share(self) -> str:
        """The unit as measures have it: ``%`` for any share."""
        return "%" if self.unit.startswith("%") else self.unit

    def text(self, value: float) -> str:
        """A value as it stands in a cell: in per cent where it was computed, else bare."""
        if self.sampled is None:
            return f"{number(value)}%"
        return f"{value:.0f}" if self.whole and not isnan(value) else number(value)


def number(value: float) -> str:
    """A number short enough for a table: two decimals below 10, one below 100, then none."""
    if isnan(value):
        return "–"
    size = abs(value)
    return f"{value:.{2 if size < 9.995 else 1 if size < 99.95 else 0}f}"


def exact(value: float) -> Interval:
    """A number that was computed and has no error."""
    return Interval(value, value, value, 0)


def _leak(found: Comparison, secret: str, attacker: str, title: str, of: str) -> Column | None:
    leaks = {s: found.leak(s, secret, attacker) for s in found.strategies}
    known = {s: leak for s, leak in leaks.items() if leak is not None}
    if not known:
        return None
    prior = next(iter(known.values())).prior_vulnerability
    cells = {s: exact(100.0 * leak.posterior_vulnerability) for s, leak in known.items()}
    legend = f"{_QUESTIONS[secret, attacker]} A blind guess is right in {100 * prior:.0f} %."
    return Column(f"{secret} {attacker}", title, of, "right", legend, cells)


_QUESTIONS = {
    ("path", AS_IS): "Is a path forbidden, open or absent? How often a scanner that says who it is "
    "guesses right after one probe (Bayes vulnerability).",
    ("path", DISGUISED): "The same question asked with a browser's agent.",
    ("rule", AS_IS): "Which rule refused: agent, address, rate, malformed, no Host?",
    ("presence", AS_IS): "Nobody there, a closed port, or this server?",
}


def _sampled(
    found: Comparison,
    sampled: tuple[str, str],
    head: tuple[str, str, str],
    legend: str,
    *,
    whole: bool = False,
) -> Column | None:
    try:
        cells = {s: found.interval(s, *sampled) for s in found.strategies}
    except KeyError:
        return None
    return Column(" ".join(sampled), *head, legend, cells, sampled, whole)


def _but(unservable: tuple[str, ...]) -> str:
    verbs = "ask for nothing and are" if len(unservable) > 1 else "asks for nothing and is"
    return f"; {', '.join(unservable)} {verbs} left out" if unservable else ""


def columns(found: Comparison) -> tuple[Column, ...]:
    """The columns for which the comparison has numbers, in the order of the table."""
    agentless = ", ".join(found.groups.get(NO_AGENT, ()))
    browsers = ", ".join(found.groups.get(BROWSERS, ()))
    made = (
        _leak(found, "path", AS_IS, "Path", "scanner"),
        _leak(found, "path", DISGUISED, "Path", "browser"),
        _leak(found, "rule", AS_IS, "Rule", ""),
        _leak(found, "presence", AS_IS, "Server", "there?"),
        _sampled(
            found,
            ("false_drops_per_wish", ALL_HONEST),
            ("Dropped", "honest", "% wishes"),
            "False drops: honest wishes that ended unserved after the policy had refused them, "
            "however often the client tried.",
        ),
        _sampled(
            found,
            ("false_drops_per_wish", NO_AGENT),
            ("Dropped", "no agent", "% wishes"),
            f"False drops among honest clients that send no user agent ({agentless}).",
        ),
        _sampled(
            found,
            ("attempts_per_wish", BROWSERS),
            ("Attempts", "HTTP/1.1", "per wish"),
            "Requests on the wire for a page that a browser over HTTP/1.1 wishes for, with all "
            f"that belongs to it ({browsers}).",
        ),
        _sampled(
            found,
            ("misses", ALL_HOSTILE),
            ("Missed", "hostile", "% wishes"),
            f"Misses: hostile wishes that were served{_but(found.unservable)}.",
        ),
        _sampled(
            found,
            ("cpu_share", SERVER),
            ("CPU", "", "% of core"),
            "CPU time of all workers together, as a share of one core over the window.",
        ),
        _sampled(
            found,
            ("peak_slots", SERVER),
            ("Slots", "peak", ""),
            "The most connection slots in use at once.",
            whole=True,
        ),
        _sampled(
            found,
            ("honest_wish_p95_ms", SERVER),
            ("Wait", "p95", "ms"),
            "Of the honest wishes that were served, 95 % took at most this long, from the first "
            "request until everything had come, pauses and retries included.",
            whole=True,
        ),
    )
    return tuple(column for column in made if column is not None)


def best(column: Column, found: Comparison) -> frozenset[str]:
    """The strategies that no other is found to be better than.

    The differences of all pairs hold together, and one of at most `simkit.study.pareto.MARGIN`
    percentage points is none. Empty where that is all of them: then there is nothing to mark.
    """
    if column.sampled is None:
        equal = _least(column)
    else:
        asked = question(found, *column.sampled, unit=column.share)
        equal = frozenset() if asked is None else frozenset(asked.unbeaten)
    return frozenset() if len(equal) == len(column.cells) else equal


def _least(column: Column) -> frozenset[str]:
    cells = {s: c.mean for s, c in column.cells.items() if not isnan(c.mean)}
    least = min(cells.values(), default=nan)
    return frozenset(s for s in cells if cells[s] - least < 1e-9)


def missing() -> Interval:
    """What stands where there is no number."""
    return Interval(nan, nan, nan, 0)
