"""Sequential Bayes: an attacker who probes until it is sure enough.

After each probe the attacker updates its belief ``π_x Π C_i[x, y_i]`` (normalised) and stops at
the first probe ``T`` after which one world has at least the target, 0.95 if nothing else is said.
When it stops its guess is right at least so often, whichever world it is (Wald 1945,
doi:10.1214/aoms/1177731118, is the case of two worlds).

The chance of each ``T`` is exact: states with proportional likelihoods lead to the same beliefs
and are one state, which for equal probes is counting by types. What has not stopped by the last
probe looked at is ``open``. For equal probes its share of the expectation is bounded: a belief
below the target after n probes is wrong with at least ``1 - target``, so
``P(T > n) ≤ (1 - V_n) / (1 - target)``, and ``1 - V_n`` is bounded as in `repeated`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat
from math import inf

import numpy as np

from simkit.measures.channel.matrix import (
    TOLERANCE,
    Channel,
    Matrix,
    Prior,
    Vector,
    merged,
    weights,
)
from simkit.measures.channel.repeated import MOST_TYPES, overlaps

_NEGLIGIBLE = 1e-12

__all__ = ["Stopping", "after_one_more", "beliefs", "stopping"]


@dataclass(frozen=True, eq=False, slots=True)
class Stopping:
    """When an attacker that updates its belief is sure.

    ``by_world[x, n]`` is the chance that it stops after exactly ``n`` probes in world ``x`` (0:
    the prior will do), ``prior`` the weight of each world. ``right`` is the chance that it has
    stopped and guesses right. The expected number lies in [``expected_low``, ``expected_high``].
    """

    worlds: tuple[str, ...]
    prior: tuple[float, ...]
    target: float
    by_world: Matrix
    right: float
    expected_low: float
    expected_high: float

    @property
    def chances(self) -> Vector:
        """The chance of stopping after exactly 0, 1, 2 … probes, over all worlds."""
        result: Vector = np.asarray(self.prior) @ self.by_world
        return result

    @property
    def open(self) -> float:
        """The chance of not having stopped by the last probe looked at."""
        return max(0.0, 1.0 - float(self.chances.sum()))

    def stopped_by(self, probes: int) -> float:
        """The chance of having stopped after at most so many probes."""
        return float(self.chances[: probes + 1].sum())

    def quantile(self, share: float) -> float:
        """The least number of probes by which this share of attacks has stopped; inf if unseen."""
        reached = np.flatnonzero(np.cumsum(self.chances) >= share - TOLERANCE)
        return float(reached[0]) if reached.size else inf


def after_one_more(states: Matrix, probe: Matrix) -> Matrix:
    """The likelihoods ``[x, state]`` after one more probe, equal beliefs made one state."""
    joint = states[:, :, None] * probe[:, None, :]
    return merged(joint.reshape(len(states), -1))[0]


def beliefs(states: Matrix, prior: Vector) -> Matrix:
    """``[x, state]``: the belief in world x where the likelihoods are those of the state."""
    joint = prior[:, None] * states
    result: Matrix = joint / joint.sum(axis=0)
    return result


def stopping(
    probes: Channel | Iterable[Channel],
    target: float = 0.95,
    prior: Prior = None,
    most: int = 10_000,
) -> Stopping:
    """Let an attacker probe until it is sure: the same channel again and again, or one by one.

    It ends after ``most`` probes, where the given ones end, where less than 1e-12 is left, or
    where the states cannot be enumerated any more. Raises ValueError where there is no probe, the
    probes speak of different worlds, or the target is no chance.
    """
    if not 0.0 < target <= 1.0:
        raise ValueError(f"a target is a chance above 0 and at most 1, not {target}")
    again = isinstance(probes, Channel)
    course = [probes] if isinstance(probes, Channel) else list(probes)
    if not course or any(c.worlds != course[0].worlds for c in course):
        raise ValueError("an attack takes probes that speak of the same worlds")
    shares = weights(course[0], prior)
    turns = repeat(course[0], most) if again else iter(course[:most])
    columns, right, left = _run(shares, target, turns)
    by_world = np.stack(columns, axis=1)
    done = shares @ by_world
    low = float(done @ np.arange(len(columns))) + left * len(columns)
    tail = _tail(course[0], shares, target, len(columns)) if again else inf
    high = low if left <= _NEGLIGIBLE else low + tail
    return Stopping(course[0].worlds, tuple(shares.tolist()), target, by_world, right, low, high)


def _run(
    prior: Vector, target: float, turns: Iterator[Channel]
) -> tuple[list[Vector], float, float]:
    """By number of probes the chance of stopping in each world; right guesses; what is left."""
    states = np.ones((len(prior), 1))
    columns: list[Vector] = []
    right = 0.0
    while True:
        belief = beliefs(states, prior)
        sure = belief.max(axis=0) >= target - TOLERANCE
        columns.append(states[:, sure].sum(axis=1))
        right += float((prior[:, None] * states[:, sure]).max(axis=0).sum())
        states = states[:, ~sure]
        left = float(prior @ states.sum(axis=1))
        probe = next(turns, None) if left > _NEGLIGIBLE else None
        if probe is None or states.shape[1] * len(probe.symbols) > MOST_TYPES:
            return columns, right, left
        states = after_one_more(states, probe.matrix)


def _tail(channel: Channel, prior: Vector, target: float, probes: int) -> float:
    """A bound on ``Σ_{n ≥ N} P(T > n)``, infinite where worlds look the same for ever."""
    overlap = overlaps(channel.matrix)
    first, second = np.triu_indices(len(prior), 1)
    weight, same = np.sqrt(prior[first] * prior[second]), overlap[first, second]
    matters = (weight > 0.0) & (same > 0.0)
    weight, same = weight[matters], same[matters]
    if target >= 1.0 or (same >= 1.0).any():
        return inf if same.size else 0.0
    return float((weight * same**probes / (1.0 - same)).sum()) / (1.0 - target)
