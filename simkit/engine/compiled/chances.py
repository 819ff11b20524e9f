"""`simkit.draws` once more, for compiled code: Python's integers know no bounds, these do."""

from __future__ import annotations

from math import cos, exp, log, log1p, pi, sqrt
from typing import Any

import numpy as np

from simkit.draws import FIRST, GOLDEN, INVERSE_2_53, SECOND
from simkit.engine.compiled.compiler import compiled

__all__ = ["exponential", "geometric", "integer", "lognormal", "mix", "uniform"]

_GOLDEN, _FIRST, _SECOND = np.uint64(GOLDEN), np.uint64(FIRST), np.uint64(SECOND)
_ONE = np.uint64(1)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)


@compiled
def mix(state: int, part: int) -> Any:
    """`simkit.draws.mix`."""
    z = np.uint64(state) + _GOLDEN * (np.uint64(part) + _ONE)
    z = (z ^ (z >> _S30)) * _FIRST
    z = (z ^ (z >> _S27)) * _SECOND
    return z ^ (z >> _S31)


@compiled
def uniform(key: int, purpose: int, first: int, second: int) -> float:
    """`simkit.draws.uniform`."""
    return float(mix(mix(mix(key, purpose), first), second) >> _S11) * INVERSE_2_53


@compiled
def exponential(mean: float, u: float) -> float:
    """`simkit.draws.exponential`."""
    return -mean * log1p(-u)


@compiled
def geometric(mean: float, u: float) -> int:
    """`simkit.draws.geometric`."""
    if mean <= 1.0:
        return 1
    return 1 + int(log1p(-u) / log(1.0 - 1.0 / mean))


@compiled
def integer(n: int, u: float) -> int:
    """`simkit.draws.integer`."""
    return int(u * n)


@compiled
def lognormal(median: float, sigma: float, u: float, v: float) -> float:
    """`simkit.draws.lognormal`."""
    normal = sqrt(-2.0 * log1p(-u)) * cos(2.0 * pi * v)
    return median * exp(sigma * normal)
