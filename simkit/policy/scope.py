"""Scopes: where a directive stands and what it inherits.

nginx's modules share one rule: what a level does not say itself comes, as a whole, from the level
around it. `Scope.nearest` is that rule; the exceptions are named where they are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from simkit.policy import syntax
from simkit.policy.plan import Source
from simkit.policy.reader import Directive

T = TypeVar("T")

__all__ = ["Scope"]


@dataclass(frozen=True, slots=True)
class Scope:
    """The directives of a block and of the blocks around it."""

    own: tuple[Directive, ...]
    parent: Scope | None = None
    is_condition: bool = False

    def inner(self, block: Directive) -> Scope:
        """The scope of a block inside this one; ``is_condition`` where it is an `if`."""
        return Scope(block.block or (), self, block.name == "if")

    def here(self, *names: str) -> tuple[Directive, ...]:
        """The directives of these names at this very level."""
        return tuple(d for d in self.own if d.name in names)

    def nearest(self, *names: str) -> tuple[Directive, ...]:
        """The directives of these names from the innermost level that has any."""
        for level in self.levels():
            found = level.here(*names)
            if found:
                return found
        return ()

    def levels(self) -> Iterator[Scope]:
        """This scope and those around it, from the inside out."""
        level: Scope | None = self
        while level is not None:
            yield level
            level = level.parent

    def last(self, name: str) -> Directive | None:
        """The directive of that name in force, or None."""
        found = self.nearest(name)
        return found[-1] if found else None

    def scalar(self, name: str, default: T, read: Callable[[str, Source], T]) -> T:
        """The first argument of the directive in force, read; ``default`` where there is none."""
        found = self.last(name)
        return default if found is None else read(found.args[0], found.source)

    def flag(self, name: str, default: bool = False) -> bool:
        """An on/off directive in force."""
        return self.scalar(name, default, syntax.flag)

    def time_ns(self, name: str, default_s: int) -> int:
        """A time in force, in nanoseconds."""
        return self.scalar(name, default_s * syntax.NS_PER_S, syntax.time_ns)

    def number(self, name: str, default: int) -> int:
        """A whole number in force."""
        return self.scalar(name, default, syntax.whole)
