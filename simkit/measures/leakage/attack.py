"""An attack: what each probe tells, and how the attacker's belief moves.

Where the policy has no memory that matters, each probe is a channel of its own and the beliefs
after several are exact. Where a limit stands on the way of untimed probes it is taken to be
unspent each time, as it is for an attacker who waits between its probes; the basis says so. A
timed secret is sampled (see `timed`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from simkit.measures.channel import Bracket, Channel, Stopping, stopping
from simkit.measures.channel.matrix import TOLERANCE, Matrix, Vector
from simkit.measures.channel.sequential import after_one_more, beliefs
from simkit.measures.intervals import Interval
from simkit.measures.leakage.eyes import Eyes
from simkit.measures.leakage.looks import Look, Seen, look
from simkit.measures.leakage.measure import basis_of, channel_of, prior_of
from simkit.measures.leakage.secrets import Planning, Secret
from simkit.measures.leakage.traces import Course
from simkit.policy import Policy, Site

if TYPE_CHECKING:
    import pandas as pd

    from simkit.measures.sampled import LeakTest

__all__ = ["Attack", "Sampling", "Stage", "attack"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a timed secret is sampled: ``replications`` in each world, by draws of this ``seed``.

    None replicates until the bias of the plug-in information is small (see `timed`).
    """

    replications: int | None = None
    seed: int = 1


@dataclass(frozen=True, eq=False, slots=True)
class Stage:
    """What an attacker believes after so many ``probes``; the first stage is before any.

    ``chance`` is how often its best guess is right: exact, or the success of a guesser on samples
    that it had not seen, and then ``plug_in`` is the estimate from above. ``saw[x]`` says what
    this probe showed where world x is the true one, ``belief[x, z]`` how far the attacker then
    believes in world z, on average.
    """

    probes: int
    asks: str
    chance: Interval
    plug_in: float
    saw: tuple[str, ...]
    belief: Matrix

    @property
    def high(self) -> float:
        """The upper end of the bracket of the chance."""
        return max(self.plug_in, self.chance.mean)


@dataclass(frozen=True, eq=False, slots=True)
class Attack:
    """A secret attacked: ``stages[n]`` is the belief after n probes.

    ``replications`` in each world were sampled, 0 if the beliefs are exact. ``sure`` says when an
    attacker stops that wants a belief of ``sure.target``. ``test`` is of the last stage of a
    sampled attack.
    """

    secret: str
    attacker: str
    strategy: str
    worlds: tuple[str, ...]
    prior: tuple[float, ...]
    basis: str
    stages: tuple[Stage, ...]
    sure: Stopping
    seen: tuple[tuple[Seen, ...], ...] = ()
    replications: int = 0
    test: LeakTest | None = None

    @property
    def sampled(self) -> bool:
        """Whether the beliefs are estimates."""
        return self.replications > 0

    @property
    def probes_until(self) -> Bracket:
        """After how many of these probes a guess is right with the target's chance; inf: never.

        A bracket where it was sampled: the earliest by the estimate from above, the latest by the
        guesser that reached it.
        """
        target = self.sure.target - TOLERANCE
        early = next((s.probes for s in self.stages if s.high >= target), inf)
        late = next((s.probes for s in self.stages if s.chance.mean >= target), inf)
        return Bracket(early, late, "sampled" if self.sampled else "exact")

    def to_frame(self) -> pd.DataFrame:
        """One row for each stage and true world: what was seen, and the belief in the truth."""
        import pandas as pd

        worlds = range(len(self.worlds))
        return pd.DataFrame([_row(self, stage, i) for stage in self.stages for i in worlds])


def _row(found: Attack, stage: Stage, index: int) -> dict[str, object]:
    return {
        "secret": found.secret,
        "attacker": found.attacker,
        "strategy": found.strategy,
        "basis": found.basis,
        "probes": stage.probes,
        "asks": stage.asks,
        "world": found.worlds[index],
        "saw": stage.saw[index],
        "belief_in_truth": float(stage.belief[index, index]),
        "right_guesses": stage.chance.mean,
        "low": stage.chance.low,
        "high": stage.high,
    }


def attack(
    secret: Secret,
    policy: Policy | Planning,
    *,
    name: str = "",
    site: Site | None = None,
    eyes: Eyes | None = None,
    rounds: int = 1,
    target: float = 0.95,
    sampling: Sampling = Sampling(),
) -> Attack:
    """Attack a secret: send its probes in turn, ``rounds`` times over, and follow the belief.

    ``policy`` is a policy in front of a ``site``, or a planner of one. ``name`` is what the
    strategy is called, ``eyes`` what the attacker can tell apart, ``target`` the belief that it
    wants. ``sampling`` says how a timed secret is sampled.

    Raises ValueError for parameters that make no sense, and TypeError where a timed secret is put
    to something that is no policy.
    """
    from simkit.policy import Planner

    if rounds < 1:
        raise ValueError("at least one round of probes")
    planning: Planning = Planner(policy, site) if isinstance(policy, Policy) else policy
    called = name or _name(planning)
    if isinstance(secret.worlds[0].shows, Course):
        from simkit.measures.leakage.timed import timed_attack

        return timed_attack(secret, planning, called, eyes, target, sampling)
    sharp = Eyes() if eyes is None else eyes
    return _exact(secret, planning, called, sharp, rounds, target)


def _name(planning: Planning) -> str:
    inner = getattr(planning, "policy", planning)
    return str(getattr(inner, "name", "policy"))


def _exact(
    secret: Secret,
    planning: Planning,
    name: str,
    eyes: Eyes,
    rounds: int,
    target: float,
) -> Attack:
    prior = np.array(prior_of(secret, None))
    looks = _looks(secret, planning, eyes)
    channels = [channel_of(found) for found in looks]
    seen = tuple(tuple(s for one in found for s in one.seen) for found in looks)
    volatile = any(one.volatile for found in looks for one in found)
    return Attack(
        secret.name,
        secret.attacker,
        name,
        tuple(w.name for w in secret.worlds),
        tuple(prior.tolist()),
        basis_of([s for found in seen for s in found], volatile=volatile),
        tuple(_stages(secret, channels * rounds, prior)),
        stopping(channels * rounds, target, prior),
        seen,
    )


def _looks(secret: Secret, planning: Planning, eyes: Eyes) -> list[list[Look]]:
    """For each probe in turn, what each world shows."""
    probes = zip(*((w.shows, *w.then) for w in secret.worlds), strict=True)
    names = [w.name for w in secret.worlds]
    return [
        [look(n, shows, planning, eyes) for n, shows in zip(names, probe, strict=True)]
        for probe in probes
    ]


def _stages(secret: Secret, channels: Sequence[Channel], prior: Vector) -> list[Stage]:
    states = np.ones((len(prior), 1))
    stages = [_stage(0, "", ("",) * len(prior), states, prior)]
    for number, channel in enumerate(channels, start=1):
        states = after_one_more(states, channel.matrix)
        asks = secret.asks[(number - 1) % len(secret.asks)] if secret.asks else f"probe {number}"
        stages.append(_stage(number, asks, _saw(channel), states, prior))
    return stages


def _stage(number: int, asks: str, saw: tuple[str, ...], states: Matrix, prior: Vector) -> Stage:
    chance = float((prior[:, None] * states).max(axis=0).sum())
    belief = states @ beliefs(states, prior).T
    return Stage(number, asks, Interval(chance, chance, chance, 0), chance, saw, belief)


def _saw(channel: Channel) -> tuple[str, ...]:
    """What each world shows, with its chances where there are several."""
    said = []
    for row in channel.matrix:
        shown = [(s, p) for s, p in zip(channel.symbols, row.tolist(), strict=True) if p > 0.0]
        certain = len(shown) == 1
        said.append(shown[0][0] if certain else " or ".join(f"{s} ({p:.0%})" for s, p in shown))
    return tuple(said)
