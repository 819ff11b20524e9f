"""A comparison in a few plain sentences, made from its numbers and from nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan

from simkit.errors import printable
from simkit.measures.intervals import Interval
from simkit.measures.leakage import AS_IS
from simkit.show.columns import BROWSERS, NO_AGENT, number
from simkit.show.winners import listed
from simkit.study.compare import Comparison
from simkit.study.outcome import ALL_HONEST

_LITTLE = 0.05
"""Shares below this many percent are not worth a sentence."""

__all__ = ["sentences"]


def sentences(found: Comparison) -> tuple[str, ...]:
    """What the numbers say, one statement each; what was not found is said too."""
    return tuple(
        printable(line)
        for lines in (
            _how_many(found),
            _agentless(found),
            _attempts(found),
            _failed(found),
            _path(found),
            _worst_rules(found),
            found.notes,
        )
        for line in lines
    )


def _under(names: list[str], others: list[str]) -> str:
    """The names, or all but the others where those are fewer."""
    return f"all but {listed(others)}" if 0 < len(others) < len(names) else listed(names)


def _percent(interval: Interval) -> str:
    """``3.2 % [2.9–3.5]``, without brackets where they would say nothing more."""
    value, low, high = (number(v) for v in (interval.mean, interval.low, interval.high))
    return (
        f"{value} %" if not interval.known or value == low == high else f"{value} % [{low}–{high}]"
    )


def _how_many(found: Comparison) -> Iterator[str]:
    if found.interrupted:
        yield (
            f"Interrupted: {found.replications} of {found.wanted} replications are done, and only "
            "they are shown."
        )
    if found.replications == 1:
        yield "One replication has no interval: ask for at least two to know how sure this is."


def _intervals(found: Comparison, measure: str, cohort: str) -> dict[str, Interval]:
    """By strategy; empty where the comparison has no such number."""
    try:
        taken = {s: found.interval(s, measure, cohort) for s in found.strategies}
    except KeyError:
        return {}
    return {} if any(isnan(i.mean) for i in taken.values()) else taken


def _lowest(taken: dict[str, Interval]) -> str:
    return min(taken, key=lambda s: taken[s].mean)


def _highest(taken: dict[str, Interval]) -> str:
    return max(taken, key=lambda s: taken[s].mean)


def _agentless(found: Comparison) -> Iterator[str]:
    drops = _intervals(found, "false_drops_per_wish", NO_AGENT)
    hurt = [s for s, i in drops.items() if i.mean >= _LITTLE]
    if not hurt:
        return
    spared = [s for s in drops if s not in hurt]
    worst = max(drops[s].mean for s in hurt)
    members = listed(found.groups.get(NO_AGENT, ()))
    yield (
        f"Honest clients without an agent ({members}) lose up to {number(worst)} % of their wishes "
        f"under {_under(hurt, spared)}."
    )


def _attempts(found: Comparison) -> Iterator[str]:
    taken = _intervals(found, "attempts_per_wish", BROWSERS)
    if len(taken) < 2:
        return
    yield _extremes(
        found,
        taken,
        ("attempts_per_wish", BROWSERS),
        "Browsers over HTTP/1.1 make",
        "requests per wish",
    )


def _extremes(
    found: Comparison,
    taken: dict[str, Interval],
    measure: tuple[str, str],
    subject: str,
    unit: str,
) -> str:
    """The largest beside the least, with the paired difference, or that none was found."""
    top, bottom = _highest(taken), _lowest(taken)
    if taken[top].mean == taken[bottom].mean:
        return f"{subject} {number(taken[top].mean)} {unit} under every strategy."
    difference = found.difference(top, bottom, *measure, of=found.pairs)
    text = f"{subject} {number(taken[top].mean)} {unit} under {top}"
    text += f" and {number(taken[bottom].mean)} under {bottom}"
    if not difference.known:
        return f"{text}."
    if not difference.excludes(0.0):
        return f"{text}: no difference found at this precision."
    low, high = number(difference.low), number(difference.high)
    return f"{text}: {number(difference.mean)} more [{low}–{high}]."


def _failed(found: Comparison) -> Iterator[str]:
    failed = _intervals(found, "failed_wishes", ALL_HONEST)
    worst = [s for s, i in failed.items() if i.mean >= _LITTLE]
    if worst:
        each = listed([f"{s} ({_percent(failed[s])})" for s in worst])
        yield (
            "Honest wishes also failed though no rule refused them, for want of room or time: "
            f"{each}."
        )


def _path(found: Comparison) -> Iterator[str]:
    leaks = {s: found.leak(s, "path", AS_IS) for s in found.strategies}
    chance = {s: leak.posterior_vulnerability for s, leak in leaks.items() if leak is not None}
    if not chance:
        return
    blind = [s for s, leak in leaks.items() if leak is not None and leak.advantage < 1e-9]
    told = [s for s in chance if s not in blind]
    if blind:
        under = _under(blind, told)
        yield f"A scanner that says who it is learns nothing about paths under {under}."
    if told:
        each = listed([f"{s} ({number(100 * chance[s])} % right)" for s in told])
        yield f"It can tell forbidden, open and absent paths apart under {each}."


def _worst_rules(found: Comparison) -> Iterator[str]:
    worst = max(
        (r for r in found.rules if r.honest and r.dropped_share >= _LITTLE),
        key=lambda r: r.dropped,
        default=None,
    )
    if worst is not None:
        yield (
            f"The rule that costs honest clients most wishes: {worst.where} "
            f"({worst.text}) under {worst.strategy}, {number(worst.dropped_share)} % of "
            f"those of {worst.cohort}."
        )
