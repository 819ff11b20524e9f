"""A secret put to a policy with one probe: the channel, and the numbers that follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simkit.measures import channel as ch
from simkit.measures.channel import Channel, Prior
from simkit.measures.leakage.eyes import Eyes
from simkit.measures.leakage.looks import Look, Seen, look
from simkit.measures.leakage.secrets import Planning, Secret, builtin_secrets

if TYPE_CHECKING:
    import pandas as pd

    from simkit.traffic import LeakageSpec

__all__ = ["Leakage", "basis_of", "channel_of", "leakage_of", "measure", "prior_of"]


@dataclass(frozen=True, eq=False, slots=True)
class Leakage:
    """A secret measured: the channel, what each world showed, and the numbers that follow."""

    secret: str
    attacker: str
    channel: Channel
    seen: tuple[Seen, ...]
    prior: tuple[float, ...]
    volatile: bool = False

    @property
    def prior_vulnerability(self) -> float:
        """The chance of a right guess before the probe."""
        return ch.prior_vulnerability(self.channel, self.prior)

    @property
    def posterior_vulnerability(self) -> float:
        """The chance of a right guess after the probe."""
        return ch.posterior_vulnerability(self.channel, self.prior)

    @property
    def advantage(self) -> float:
        """What the probe adds to that chance."""
        return ch.advantage(self.channel, self.prior)

    @property
    def leakage_bits(self) -> float:
        """The min-entropy leakage."""
        return ch.min_entropy_leakage(self.channel, self.prior)

    @property
    def probes_until_sure(self) -> float:
        """Probes until the chance is 0.95; infinity where no number of them is enough."""
        return ch.probes_until(self.channel, 0.95, self.prior)

    @property
    def basis(self) -> str:
        """``proved``, ``first probe`` (limits unspent) or ``volatile`` (answers may change)."""
        return basis_of(self.seen, volatile=self.volatile)

    def to_frame(self) -> pd.DataFrame:
        """One row for each world: what the attacker saw, by which rule."""
        import pandas as pd

        return pd.DataFrame([_row(self, seen) for seen in self.seen])


def _row(found: Leakage, seen: Seen) -> dict[str, object]:
    return {
        "secret": found.secret,
        "attacker": found.attacker,
        "world": seen.world,
        "probe": seen.probe,
        "symbol": seen.symbol,
        "refused": seen.refused,
        "rule": "" if seen.rule is None else str(seen.rule.decisive),
        "note": seen.note,
    }


def basis_of(seen: Sequence[Seen], *, volatile: bool) -> str:
    """What a result rests on: see `Leakage.basis`."""
    if volatile:
        return "volatile"
    return "first probe" if any(s.unspent for s in seen) else "proved"


def prior_of(secret: Secret, prior: Prior) -> tuple[float, ...]:
    """The prior given, else the secret's own, else the uniform one. ValueError if it is none."""
    given = secret.prior if prior is None else prior
    blind = ch.deterministic([w.name for w in secret.worlds], ["nothing"] * len(secret.worlds))
    return tuple(ch.weights(blind, given).tolist())


def channel_of(looks: Sequence[Look]) -> Channel:
    """The channel of one look in each world."""
    worlds = tuple(look.seen[0].world for look in looks)
    symbols = tuple(dict.fromkeys(s.symbol for look in looks for s in look.seen))
    matrix = np.zeros((len(worlds), len(symbols)))
    for row, found in enumerate(looks):
        for seen in found.seen:
            matrix[row, symbols.index(seen.symbol)] += seen.chance
    return Channel(worlds, symbols, matrix)


def measure(
    secret: Secret, planning: Planning, prior: Prior = None, eyes: Eyes | None = None
) -> Leakage:
    """Put a secret to a policy: the first probe in each world, and what its answer tells.

    ``prior`` gives each world its probability; the secret's own if None. Raises ValueError where
    it does not fit the worlds, TypeError for a timed secret (see `attack`).
    """
    sharp = Eyes() if eyes is None else eyes
    looks = [look(world.name, world.shows, planning, sharp) for world in secret.worlds]
    seen = tuple(s for found in looks for s in found.seen)
    volatile = any(found.volatile for found in looks)
    shares = prior_of(secret, prior)
    return Leakage(secret.name, secret.attacker, channel_of(looks), seen, shares, volatile)


def leakage_of(
    planning: Planning, probes: LeakageSpec, secrets: Sequence[Secret] | None = None
) -> tuple[Leakage, ...]:
    """Measure a policy on the built-in secrets, or on others that are given."""
    asked = builtin_secrets(probes) if secrets is None else secrets
    return tuple(measure(secret, planning) for secret in asked)
