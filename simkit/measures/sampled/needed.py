"""How many replications: as many as make the bias of the plug-in estimate small.

To first order the plug-in mutual information is too large by ``(|X| - 1)(|Y| - 1) / (2 N ln 2)``
bits for N samples in all (Miller 1955; Roulston 1999, doi:10.1016/S0167-2789(98)00269-3), where
|Y| counts the symbols that can come up.
"""

from __future__ import annotations

from math import ceil, log

__all__ = ["first_order_bias", "replications_for"]


def first_order_bias(worlds: int, symbols: int, replications: int) -> float:
    """The bias in bits of the plug-in information, for so many replications in each world."""
    return (worlds - 1) * (symbols - 1) / (2.0 * replications * worlds * log(2.0))


def replications_for(worlds: int, symbols: int, bias_bits: float) -> int:
    """The least number of replications in each world that leaves at most this bias, in bits.

    Raises ValueError where the bias is not above 0.
    """
    if not bias_bits > 0.0:
        raise ValueError(f"a bias of {bias_bits} bits cannot be reached")
    return max(2, ceil((worlds - 1) * (symbols - 1) / (2.0 * bias_bits * worlds * log(2.0))))
