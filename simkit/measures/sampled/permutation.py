"""A permutation test for leakage, and its power.

If a policy leaks nothing, which world a sample came from is a label that could as well be another
sample's. So the plug-in information is held against that of samples with shuffled labels: the
p-value ``(1 + shuffles as large) / (1 + shuffles)`` is exact for any sample size (Phipson and
Smyth 2010, doi:10.2202/1544-6115.1585).

A test that finds nothing proves nothing. Its power is how often it would have found a leak that is
there: for a stated leak, by simulation. The default leak raises the chance of a right guess by
five points. It has the shape that was seen, shrunk to that size; where less than that was seen it
is one that tells the world outright now and then.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simkit.draws import Purpose, mix, name_key
from simkit.measures import channel as ch
from simkit.measures.channel import Channel
from simkit.measures.intervals import Interval, clopper_pearson
from simkit.measures.sampled.samples import Counts, Samples, counted
from simkit.measures.sampled.uniforms import shuffles, uniforms

_PURPOSE = int(Purpose.CHOICE)

__all__ = ["LeakTest", "leak_of_size", "leak_test", "power_of"]


@dataclass(frozen=True, slots=True)
class LeakTest:
    """What the test says at ``level``; where it found nothing, what that is worth.

    ``power`` is how often it finds a leak of ``advantage``. It is None where a leak was found:
    then nothing was missed.
    """

    p_value: float
    level: float
    advantage: float
    power: Interval | None = None

    @property
    def found(self) -> bool:
        """Whether the sample is unlikely enough without a leak."""
        return self.p_value <= self.level

    def __str__(self) -> str:
        if self.power is None:
            return f"a leak was found (p = {self.p_value:.3f})"
        gain, share = f"+{100 * self.advantage:.0f} points", f"{100 * self.power.mean:.0f} %"
        missed = f"a leak of {gain} would have been found in {share} of such samples"
        return f"no leak was found, which proves none (p = {self.p_value:.3f}; {missed})"


def leak_test(
    samples: Samples,
    *,
    level: float = 0.05,
    permutations: int = 999,
    advantage: float = 0.05,
    studies: int = 100,
    seed: int = 1,
) -> LeakTest:
    """Test for leakage, with the power against a leak that adds ``advantage`` to a right guess."""
    key = mix(mix(0, seed), name_key("leak test"))
    p_value = _p_value(samples.drawn, len(samples.symbols), permutations, key)
    if p_value <= level:
        return LeakTest(p_value, level, advantage)
    leak = leak_of_size(samples.plug_in(), advantage)
    power = power_of(leak, samples.replications, level=level, studies=studies, seed=seed)
    return LeakTest(p_value, level, advantage, power)


def _p_value(drawn: Counts, symbols: int, permutations: int, key: int) -> float:
    """The share of shuffles, the sample itself among them, with as much information."""
    order = shuffles(key, _PURPOSE, permutations, drawn.size)
    shuffled = drawn.ravel()[order].reshape(permutations, *drawn.shape)
    seen = _information(counted(drawn, symbols)[None])[0]
    as_large = int((_information(_tables(shuffled, symbols)) >= seen - 1e-9).sum())
    return (1 + as_large) / (1 + permutations)


def _tables(drawn: Counts, symbols: int) -> Counts:
    """The tables of counts ``[study, world, symbol]`` of many samples at once."""
    studies, worlds, _ = drawn.shape
    base = np.arange(studies * worlds).reshape(studies, worlds, 1) * symbols
    flat = np.bincount((base + drawn).ravel(), minlength=studies * worlds * symbols)
    return flat.reshape(studies, worlds, symbols)


def _information(tables: Counts) -> npt.NDArray[np.float64]:
    """``Σ n_xy log n_xy - Σ n_y log n_y``: the information of each table but for constants.

    Every table has the same number of samples in each world.
    """
    result: npt.NDArray[np.float64] = _n_log_n(tables).sum(axis=(1, 2)) - _n_log_n(
        tables.sum(axis=1)
    ).sum(axis=1)
    return result


def _n_log_n(counts: Counts) -> npt.NDArray[np.float64]:
    values = counts.astype(np.float64)
    result: npt.NDArray[np.float64] = values * np.log(np.maximum(values, 1.0))
    return result


def power_of(
    leak: Channel,
    replications: int,
    *,
    level: float = 0.05,
    permutations: int = 99,
    studies: int = 400,
    seed: int = 1,
) -> Interval:
    """How often the test finds this leak, over made-up studies; for no leak, its size."""
    key = mix(mix(0, seed), name_key("power of the leak test"))
    found = 0
    for study in range(studies):
        drawn = _drawn(leak, replications, mix(key, 2 * study))
        p_value = _p_value(drawn, len(leak.symbols), permutations, mix(key, 2 * study + 1))
        found += p_value <= level
    return clopper_pearson(found, studies)


def _drawn(channel: Channel, replications: int, key: int) -> Counts:
    """Samples of a channel, ``[world, replication]``."""
    u = uniforms(key, int(Purpose.SERVICE), len(channel.worlds), replications)
    edges = np.cumsum(channel.matrix, axis=1)[:, :-1]
    drawn: Counts = (u[:, :, None] >= edges[:, None, :]).sum(axis=2)
    return drawn


def leak_of_size(channel: Channel, advantage: float) -> Channel:
    """A channel by which a right guess gains just ``advantage``, under a uniform prior.

    It is the given one mixed with its own average row; where that gains less it is the average
    row, and with some chance a symbol of the world's own. Raises ValueError where nothing gains
    so much.
    """
    worlds = len(channel.worlds)
    if not 0.0 < advantage < 1.0 - 1.0 / worlds:
        raise ValueError(f"an advantage of {advantage} with {worlds} worlds")
    if ch.advantage(channel) <= advantage:
        return _outright(channel, advantage / (1.0 - 1.0 / worlds))
    average = channel.matrix.mean(axis=0)
    low, high = 0.0, 1.0
    for _ in range(50):
        share = (low + high) / 2.0
        found = _mixture(channel, average, share)
        low, high = (low, share) if ch.advantage(found) > advantage else (share, high)
    return _mixture(channel, average, high)


def _outright(channel: Channel, share: float) -> Channel:
    average = np.tile(channel.matrix.mean(axis=0), (len(channel.worlds), 1))
    own = share * np.eye(len(channel.worlds))
    symbols = (*channel.symbols, *(f"outright {world}" for world in channel.worlds))
    return Channel(channel.worlds, symbols, np.hstack([(1.0 - share) * average, own]))


def _mixture(channel: Channel, average: npt.NDArray[np.float64], share: float) -> Channel:
    matrix = share * channel.matrix + (1.0 - share) * average
    return Channel(channel.worlds, channel.symbols, matrix / matrix.sum(axis=1, keepdims=True))
