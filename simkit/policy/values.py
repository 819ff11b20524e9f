"""Values with variables in them, such as ``$scheme://$host$request_uri``.

A `Template` is a value as written. Evaluated in a walk, what is known becomes text; a `Residue` is
what remains of a limit's key when everything but the request's own variables has become text. So
a plan need not know the address that its limits are keyed by.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from simkit.policy.facts import Facts, View, raw_value
from simkit.policy.plan import Source
from simkit.policy.syntax import bad

_PART = re.compile(r"\$(?:\{(\w+)\}|([0-9])|([A-Za-z_]\w*))")

__all__ = ["Residue", "Template", "Variable"]


@dataclass(frozen=True, slots=True)
class Variable:
    """The name of a variable, or the number of a capture."""

    name: str


Part = str | Variable


@dataclass(frozen=True, slots=True)
class Template:
    """Text and variables in turn, and where it stands."""

    parts: tuple[Part, ...]
    source: Source

    @classmethod
    def parse(cls, text: str, source: Source) -> Template:
        """Read a value as written. Raises InputError for a lone dollar sign, as nginx does."""
        parts: list[Part] = []
        end = 0
        for found in _PART.finditer(text):
            _no_dollar(text[end : found.start()], source)
            parts += [text[end : found.start()], Variable(found[1] or found[2] or found[3])]
            end = found.end()
        _no_dollar(text[end:], source)
        parts.append(text[end:])
        return cls(tuple(p for p in parts if p != ""), source)

    @property
    def constant(self) -> str | None:
        """The text, where there is no variable in it."""
        if any(isinstance(p, Variable) for p in self.parts):
            return None
        return "".join(str(p) for p in self.parts)

    @property
    def names(self) -> tuple[str, ...]:
        """The variables that the value names."""
        return tuple(p.name for p in self.parts if isinstance(p, Variable))


def _no_dollar(text: str, source: Source) -> None:
    if "$" in text:
        raise bad(source, "invalid variable name", "a $ must be followed by a name")


@dataclass(frozen=True, slots=True)
class Residue:
    """What is left of a key: text, and raw variables to be read from the request."""

    parts: tuple[Part, ...]
    view: View

    @classmethod
    def join(cls, parts: Sequence[Part], view: View) -> Residue:
        """A residue with neighbouring texts joined."""
        joined: list[Part] = []
        for part in parts:
            if isinstance(part, str) and joined and isinstance(joined[-1], str):
                joined[-1] += part
            elif part != "":
                joined.append(part)
        return cls(tuple(joined), view)

    def value(self, facts: Facts) -> str:
        """The key of this request; empty means that the limit is skipped."""
        seen = facts.through(self.view)
        return "".join(
            raw_value(p.name, seen) if isinstance(p, Variable) else p for p in self.parts
        )
