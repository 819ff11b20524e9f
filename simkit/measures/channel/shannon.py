"""Shannon's information and the capacity of a channel.

The capacity is found by Blahut and Arimoto's iteration. With
``D_x = Σ_y C[x, y] log2 (C[x, y] / (πC)_y)`` it lies at every step between
``log2 Σ_x π_x 2^D_x`` and ``max_x D_x``. The iteration stops when this bracket is narrow enough,
or after a number of steps; either way the capacity lies in the bracket that is returned.

Blahut 1972, doi:10.1109/TIT.1972.1054855; Arimoto 1972, doi:10.1109/TIT.1972.1054753.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log2

import numpy as np

from simkit.measures.channel.matrix import Channel, Matrix, Prior, Vector, weights

__all__ = ["Capacity", "mutual_information", "shannon_capacity"]


def _divergences(matrix: Matrix, prior: Vector) -> Vector:
    """``D_x`` in bits, for each world, of its row from the mixture of all rows."""
    mixture = np.broadcast_to(prior @ matrix, matrix.shape)
    held = matrix > 0.0
    ratio = np.divide(matrix, mixture, out=np.ones_like(matrix), where=held & (mixture > 0.0))
    result: Vector = (matrix * np.log2(ratio)).sum(axis=1)
    return result


def mutual_information(channel: Channel, prior: Prior = None) -> float:
    """Shannon's information between world and symbol, in bits."""
    shares = weights(channel, prior)
    return max(0.0, float(shares @ _divergences(channel.matrix, shares)))


@dataclass(frozen=True, slots=True)
class Capacity:
    """A Shannon capacity in bits, known to lie in [``lower_bits``, ``upper_bits``]."""

    lower_bits: float
    upper_bits: float
    prior: tuple[float, ...]
    steps: int

    @property
    def bits(self) -> float:
        """The middle of the bracket."""
        return (self.lower_bits + self.upper_bits) / 2.0


def shannon_capacity(channel: Channel, tolerance: float = 1e-9, most: int = 100_000) -> Capacity:
    """The capacity, iterated until the bracket is ``tolerance`` bits wide.

    After ``most`` steps the bracket is returned as wide as it then is: it still holds.
    """
    prior = weights(channel)
    step, lower, upper = 0, 0.0, inf
    while step < most and upper - lower > tolerance:
        step += 1
        divergence = _divergences(channel.matrix, prior)
        upper = float(divergence.max())
        grown = prior * np.exp2(divergence - upper)
        lower = log2(float(grown.sum())) + upper
        prior = grown / grown.sum()
    return Capacity(max(0.0, lower), max(0.0, upper), tuple(prior.tolist()), step)
