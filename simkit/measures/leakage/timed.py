"""Sampled attacks: the same timed course again and again in each world, and what it tells.

Of a trace the attacker keeps what a guess needs most: how often each symbol came so far, and the
longest wait. It goes by what it knew after as many probes as told it most while it learnt, for
counts alone may say less later. All that is a function of the trace, so what it tells is at most
what the trace tells (data processing): an attacker at least this good exists, and one that models
every arrival may do better.

Chances come as the bracket of `simkit.measures.sampled`. Beliefs are those of an attacker that
learnt from one half of the replications, looked at in the other half; for a symbol that it has
met n times, what it learnt weighs n and its prior 1. Replications are added until the first-order
bias of the plug-in information is at most `BIAS_BITS`, or there are `MOST`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from simkit.measures.channel import Stopping
from simkit.measures.channel.matrix import TOLERANCE, Matrix, Vector
from simkit.measures.intervals import Interval
from simkit.measures.leakage.attack import Attack, Sampling, Stage
from simkit.measures.leakage.eyes import Eyes
from simkit.measures.leakage.measure import prior_of
from simkit.measures.leakage.secrets import Planning, Secret
from simkit.measures.leakage.traces import Course, Step, trace
from simkit.measures.sampled import Samples, estimate, leak_test, replications_for
from simkit.measures.sampled.samples import Counts, counted
from simkit.policy import Planner
from simkit.wire import Sight

BIAS_BITS = 0.05
FEWEST, MOST = 60, 1000
WAIT_STEP_MS = 20

__all__ = ["BIAS_BITS", "FEWEST", "MOST", "timed_attack"]


@dataclass(slots=True)
class _Book:
    """Numbers for what attackers saw: symbols, and for each number of probes what came so far."""

    eyes: Eyes
    symbols: dict[str, int] = field(default_factory=dict)
    known: list[dict[tuple[int, ...], int]] = field(default_factory=list)
    numbers: dict[Sight, int] = field(default_factory=dict)

    def write(self, steps: Sequence[Step]) -> list[int]:
        """For each number of probes the number of what the attacker had seen by then."""
        counts: dict[int, int] = {}
        longest, row = 0, []
        for number, step in enumerate(steps):
            symbol = self._symbol(step)
            counts[symbol] = counts.get(symbol, 0) + 1
            longest = max(longest, self.eyes.wait_class_ms(step.wait_ms))
            flat = (longest, *(n for pair in sorted(counts.items()) for n in pair))
            if number == len(self.known):
                self.known.append({})
            row.append(self.known[number].setdefault(flat, len(self.known[number])))
        return row

    def _symbol(self, step: Step) -> int:
        found = self.numbers.get(step.sight)
        if found is None:
            text = self.eyes.symbol(step.sight)
            found = self.numbers[step.sight] = self.symbols.setdefault(text, len(self.symbols))
        return found

    def said(self, number: int, seen: int) -> str:
        """What an attacker has seen, in words."""
        names = _shortest(list(self.symbols))
        longest, *flat = list(self.known[number])[seen]
        parts = [f"{n} × {names[s]}" for s, n in zip(flat[::2], flat[1::2], strict=True)]
        wait = [f"waits up to {longest} ms"] if longest else []
        return " + ".join(parts + wait)


def _shortest(symbols: list[str]) -> list[str]:
    """The symbols by their first word (a status, or how it ended) where that tells them apart."""
    firsts = [symbol.partition(",")[0] for symbol in symbols]
    unlike = len(set(firsts)) == len(firsts)
    return firsts if unlike else symbols


class _Sampler:
    """Replications of a timed secret, each made once."""

    def __init__(self, secret: Secret, planner: Planner, eyes: Eyes, seed: int) -> None:
        courses = [w.shows for w in secret.worlds if isinstance(w.shows, Course)]
        vary = [c.vary for c in courses]
        self._planners = [planner if v is None else v(planner) for v in vary]
        self._courses, self._seed = courses, seed
        self._rows: list[list[list[int]]] = [[] for _ in courses]
        self.book = _Book(eyes)

    def draw(self, replications: int) -> npt.NDArray[np.int64]:
        """``[world, replication, probe]``: the number of what was seen by then."""
        for planner, course, rows in zip(self._planners, self._courses, self._rows, strict=True):
            for number in range(len(rows), replications):
                rows.append(self.book.write(trace(planner, course, self._seed, number)))
        return np.array([rows[:replications] for rows in self._rows], dtype=np.int64)

    def enough(self) -> int:
        """How many replications keep the bias small, by the number of symbols after each probe."""
        symbols = max(len(known) for known in self.book.known)
        return min(MOST, max(FEWEST, replications_for(len(self._rows), symbols, BIAS_BITS)))


def timed_attack(
    secret: Secret,
    planning: Planning,
    name: str,
    eyes: Eyes | None,
    target: float,
    sampling: Sampling,
) -> Attack:
    """The sampled part of `attack`. Raises TypeError where ``planning`` is no `Planner`."""
    if not isinstance(planning, Planner):
        raise TypeError("a timed secret needs a policy, for it turns on the policy's limits")
    sharp = Eyes(wait_step_ms=WAIT_STEP_MS) if eyes is None else eyes
    prior = np.array(prior_of(secret, None))
    sampler = _Sampler(secret, planning, sharp, sampling.seed)
    drawn = _sample(sampler, sampling.replications)
    worlds = tuple(w.name for w in secret.worlds)
    columns = [_samples(worlds, drawn[:, :, n], k) for n, k in enumerate(sampler.book.known)]
    stages = [_before(prior)]
    for number, best in enumerate(_most_telling(columns, prior)):
        asks = secret.asks[0] if secret.asks else f"probe {number + 1}"
        saw = _saw(columns[number], sampler.book, number)
        stages.append(_stage(columns[best], prior, number + 1, asks, saw))
    return Attack(
        secret.name,
        secret.attacker,
        name,
        worlds,
        tuple(prior.tolist()),
        "sampled",
        tuple(stages),
        _sure(columns, prior, target),
        replications=drawn.shape[1],
        test=leak_test(columns[-1], seed=sampling.seed),
    )


def _sample(sampler: _Sampler, replications: int | None) -> npt.NDArray[np.int64]:
    if replications is not None:
        return sampler.draw(replications)
    done = FEWEST
    drawn = sampler.draw(done)
    while done < (wanted := sampler.enough()):
        done = min(wanted, 2 * done)
        drawn = sampler.draw(done)
    return drawn


def _samples(worlds: tuple[str, ...], drawn: Counts, known: Collection[object]) -> Samples:
    return Samples(worlds, tuple(str(i) for i in range(len(known))), drawn)


def _most_telling(columns: Sequence[Samples], prior: Vector) -> list[int]:
    """For each number of probes the one up to it that told most in the half that is learnt from."""
    best, most, found = 0, 0.0, []
    for number, samples in enumerate(columns):
        half = samples.replications // 2
        counts = counted(samples.drawn[:, :half], len(samples.symbols))
        chance = float((prior[:, None] * counts / half).max(axis=0).sum())
        if chance >= most:
            best, most = number, chance
        found.append(best)
    return found


def _before(prior: Vector) -> Stage:
    blind = float(prior.max())
    belief = np.tile(prior, (len(prior), 1))
    return Stage(0, "", Interval(blind, blind, blind, 0), blind, ("",) * len(prior), belief)


def _learnt(samples: Samples, prior: Vector) -> tuple[Matrix, Counts]:
    """Beliefs ``[z, symbol]`` learnt from the first half, and what the second half showed."""
    half, size = samples.replications // 2, len(samples.symbols)
    counts = counted(samples.drawn[:, :half], size)
    weighed = len(prior) * prior[:, None] * counts
    belief = (weighed + prior[:, None]) / (weighed.sum(axis=0) + 1.0)
    return belief, samples.drawn[:, half:]


def _stage(samples: Samples, prior: Vector, number: int, asks: str, saw: tuple[str, ...]) -> Stage:
    found = estimate(samples, prior)
    learnt, held = _learnt(samples, prior)
    shares = counted(held, len(samples.symbols)) / held.shape[1]
    return Stage(number, asks, found.holdout, found.plug_in, saw, shares @ learnt.T)


def _saw(samples: Samples, book: _Book, number: int) -> tuple[str, ...]:
    """What each world showed most often."""
    return tuple(book.said(number, int(row.argmax())) for row in samples.counts)


def _sure(columns: Sequence[Samples], prior: Vector, target: float) -> Stopping:
    """When the attacker that learnt from one half was sure in the other half."""
    many = columns[0].replications
    first = np.full((len(prior), many - many // 2), -1, dtype=np.int64)
    said = np.full_like(first, -1)
    if prior.max() >= target - TOLERANCE:
        first[:], said[:] = 0, int(prior.argmax())
    for number, samples in enumerate(columns):
        belief, held = _learnt(samples, prior)
        sure = (belief.max(axis=0) >= target - TOLERANCE)[held] & (first < 0)
        first[sure], said[sure] = number + 1, belief.argmax(axis=0)[held][sure]
    return _stopping(columns[0].worlds, prior, target, first, said, len(columns))


def _stopping(
    worlds: tuple[str, ...],
    prior: Vector,
    target: float,
    first: Counts,
    said: Counts,
    probes: int,
) -> Stopping:
    by_world = np.stack([(first == n).mean(axis=1) for n in range(probes + 1)], axis=1)
    truth = np.arange(len(prior))[:, None]
    right = float(prior @ (said == truth).mean(axis=1))
    chances = prior @ by_world
    left = max(0.0, 1.0 - float(chances.sum()))
    low = float(chances @ np.arange(probes + 1)) + left * (probes + 1)
    high = low if left <= TOLERANCE else float("inf")
    return Stopping(worlds, tuple(prior.tolist()), target, by_world, right, low, high)
