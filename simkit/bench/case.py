"""One thing that is measured, as data; light, for every sample starts with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["COMPILED", "OURS", "SIMPY", "Case", "Part"]

Part = Literal["queue", "flood", "limit", "start"]

SIMPY, COMPILED = "simpy", "compiled"

OURS = {SIMPY: "simkit, SimPy engine", COMPILED: "simkit, compiled engine"}
"""The engines of this project, as they are shown."""


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to measure. ``size`` is the number of clients or keys, ``requests`` that of all.

    ``loops`` repeats what is too short to be timed, within a sample; ``repeats`` is the number of
    samples. ``record`` and ``cache`` are for engines of this project. ``missing`` says why a case
    cannot be measured here, and is empty if it can.
    """

    part: Part
    engine: str
    requests: int
    size: int = 0
    loops: int = 1
    repeats: int = 5
    record: str = "all"
    cache: str = ""
    missing: str = ""

    @property
    def shown(self) -> str:
        """The engine's name for a reader."""
        return OURS.get(self.engine, self.engine)
