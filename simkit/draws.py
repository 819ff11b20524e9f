"""Addressed randomness: a draw is a function of where it is used, never of when.

Every draw is named by (seed, client, wish, attempt, purpose). Nothing is counted and nothing is
shared, so two policies meet the same crowd (common random numbers), serial runs equal parallel
ones, and another cohort leaves the draws of the others untouched.

The generator is the output function of SplitMix64 (Steele, Lea and Flood 2014,
doi:10.1145/2660193.2660195) chained over the parts of the address. Transformations use scalar
functions of libm, which are the same in Python and in compiled code; NumPy's array versions
differ from them in the last bit.
"""

from __future__ import annotations

import hashlib
from enum import IntEnum
from math import exp, log, log1p

_MASK = (1 << 64) - 1
GOLDEN, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
"""The constants of SplitMix64."""
INVERSE_2_53 = 1.0 / (1 << 53)
"""The step between the numbers that `uniform` gives."""

__all__ = [
    "FIRST",
    "GOLDEN",
    "INVERSE_2_53",
    "SECOND",
    "Purpose",
    "exponential",
    "geometric",
    "integer",
    "lognormal",
    "mix",
    "name_key",
    "stream",
    "uniform",
]


class Purpose(IntEnum):
    """What a draw is for. Numbers are part of the results: append, never renumber."""

    ARRIVAL = 1
    THINK = 2
    LENGTH = 3
    CHOICE = 4
    WORKER = 5
    SERVICE = 6
    BACKOFF = 7
    AGENT = 8
    ADDRESS = 9
    CLOCK = 10
    PLACEMENT = 11
    FAILURE = 12


def mix(state: int, part: int) -> int:
    """One link of the chain: 64 bits out of 64 bits and any integer (taken modulo 2**64)."""
    z = (state + GOLDEN * ((part & _MASK) + 1)) & _MASK
    z = ((z ^ (z >> 30)) * FIRST) & _MASK
    z = ((z ^ (z >> 27)) * SECOND) & _MASK
    return z ^ (z >> 31)


def name_key(name: str) -> int:
    """64 bits that stand for a name, the same in every process (unlike ``hash``)."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def stream(seed: int, name: str, index: int) -> int:
    """The stream of one client: by its cohort's name and its number within the cohort."""
    return mix(mix(mix(0, seed), name_key(name)), index)


def uniform(key: int, purpose: int, first: int = 0, second: int = 0) -> float:
    """A number in [0, 1) for this stream, purpose and (usually) wish and attempt."""
    return (mix(mix(mix(key, purpose), first), second) >> 11) * INVERSE_2_53


def exponential(mean: float, u: float) -> float:
    """The exponential variate of that mean for a uniform ``u`` in [0, 1)."""
    return -mean * log1p(-u)


def geometric(mean: float, u: float) -> int:
    """A geometric number of trials, at least 1, of that mean (mean >= 1)."""
    if mean <= 1.0:
        return 1
    return 1 + int(log1p(-u) / log(1.0 - 1.0 / mean))


def integer(n: int, u: float) -> int:
    """One of 0 … n-1, each as likely as the others."""
    return int(u * n)


def lognormal(median: float, sigma: float, u: float, v: float) -> float:
    """A lognormal variate by Box and Muller's method, from two uniforms."""
    from math import cos, pi, sqrt

    normal = sqrt(-2.0 * log1p(-u)) * cos(2.0 * pi * v)
    return median * exp(sigma * normal)
