"""Scopes: where a directive stands and what it inherits.

nginx's modules share one rule: what a level does not say itself comes, as a whole, from the level
around it. `Scope.nearest` is that rule; the exceptions are named where they are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

from simkit.policy import syntax
from simkit.policy.reader import Directive
from simkit.policy.source import Source

T = TypeVar("T")

__all__ = ["Place", "Scope"]


class Place(NamedTuple):
    """How a location is written: its modifier, and its path or regular expression."""

    modifier: str
    path: str


@dataclass(frozen=True, slots=True)
class Scope:
    """The directives of a block and of the blocks around it."""

    own: tuple[Directive, ...]
    parent: Scope | None = None
    is_condition: bool = False
    outer: Place | None = None
    home: Path | None = None  # where relative names of files begin
    names: tuple[str, ...] = ()  # of the server
    # Found by name: a block with a thousand locations is asked for many names by each.
    _by_name: dict[str, tuple[Directive, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        found: dict[str, list[Directive]] = {}
        for directive in self.own:
            found.setdefault(directive.name, []).append(directive)
        by_name = {name: tuple(directives) for name, directives in found.items()}
        object.__setattr__(self, "_by_name", by_name)

    def inner(self, block: Directive, place: Place | None = None) -> Scope:
        """The scope of a block inside this one; ``place`` is that of a location.

        ``is_condition`` where it is an `if` or a `limit_except`, ``outer`` the location around.
        """
        is_condition = block.name in ("if", "limit_except")
        outer = self.outer if is_condition else place
        names = self.names
        if block.name == "server":
            names = tuple(name for d in block.named("server_name") for name in d.args)
        return Scope(block.block or (), self, is_condition, outer, self.home, names)

    def here(self, *names: str) -> tuple[Directive, ...]:
        """The directives of these names at this very level."""
        present = [name for name in dict.fromkeys(names) if name in self._by_name]
        if len(present) < 2:
            return self._by_name[present[0]] if present else ()
        return tuple(d for d in self.own if d.name in present)

    def nearest(self, *names: str) -> tuple[Directive, ...]:
        """The directives of these names from the innermost level that has any."""
        for level in self.levels():
            found = level.here(*names)
            if found:
                return found
        return ()

    def nearest_of_conditions(self, *names: str) -> tuple[Directive, ...]:
        """Like `nearest`, but only through the conditions up to the location that they are in."""
        for level in self.levels():
            found = level.here(*names)
            if found or not level.is_condition:
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


NOWHERE = Scope(())
"""A scope in which nothing is written."""
