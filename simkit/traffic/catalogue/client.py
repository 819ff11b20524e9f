"""A client of the catalogue: what it is, how it reacts, and how that is known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from simkit.traffic.reactions import Action

__all__ = ["MARKS", "Client", "Reactions"]

Reactions = Mapping[str, Action]
"""What is seen, and what is done next; see `simkit.traffic.reactions`."""

MARKS: Mapping[str, str] = {
    "M": "measured against a live nginx",
    "S": "read in the program's source",
    "D": "documented by its makers or published",
    "R": "recalled, and to be checked before anything rests on it",
}
"""What the marks of evidence mean, the best first."""


_MARK = re.compile(r"\[([A-Z])\]")


@dataclass(frozen=True, slots=True)
class Client:
    """A preset that a cohort names as its ``client``.

    ``about`` says which program it is and how it is used. ``evidence`` is a sentence or more, each
    with a mark in front and the version or the source in it: ``[M] curl 7.88.1: ...``. ``unsaid``
    is what the program does and the reactions leave out.
    """

    name: str
    about: str
    evidence: str
    reactions: Reactions
    unsaid: str = ""

    def to_json(self) -> dict[str, object]:
        """All of it, in plain values; of each reaction what differs from doing nothing."""
        reactions = {
            seen: action.model_dump(exclude_defaults=True)
            for seen, action in self.reactions.items()
        }
        return {
            "name": self.name,
            "about": self.about,
            "marks": self.marks,
            "evidence": self.evidence,
            "reactions": reactions,
            "unsaid": self.unsaid,
        }

    @property
    def marks(self) -> str:
        """The marks of its evidence, the best first, such as ``MS``."""
        found = set(_MARK.findall(self.evidence))
        return "".join(mark for mark in MARKS if mark in found)
