"""Draws by name: what is chosen depends on the seed, the case and what is chosen, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from simkit.draws import Purpose, integer, mix, name_key, stream, uniform

T = TypeVar("T")

__all__ = ["Draws"]


class Draws:
    """The draws of one case. A name stands for one draw; ``index`` tells its repetitions apart."""

    def __init__(self, seed: int, policy: str, number: int) -> None:
        self._key = stream(seed, f"verify {policy}", number)

    def number(self, name: str, n: int, index: int = 0) -> int:
        """One of 0 … n-1."""
        return integer(n, self._uniform(name, index))

    def chance(self, name: str, probability: float, index: int = 0) -> bool:
        """Whether something happens that happens with this probability."""
        return self._uniform(name, index) < probability

    def one(self, name: str, choices: Sequence[T], index: int = 0) -> T:
        """One of the choices, each as likely as the others."""
        return choices[self.number(name, len(choices), index)]

    def weighted(self, name: str, choices: Sequence[tuple[T, int]], index: int = 0) -> T:
        """One of the choices, as often as its weight says."""
        at = self.number(name, sum(weight for _, weight in choices), index)
        for choice, weight in choices:
            at -= weight
            if at < 0:
                return choice
        raise ValueError("no choice has a weight")

    def _uniform(self, name: str, index: int) -> float:
        return uniform(mix(self._key, name_key(name)), Purpose.CHOICE, index)
