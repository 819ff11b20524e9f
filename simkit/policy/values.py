"""Values with variables in them, such as ``$scheme://$host$request_uri``.

A `Template` is a value as written. A walk turns it into a `Residue`: what is known has become text,
and what only the request can tell is left to be asked. So a plan need not know the address that its
limits are keyed by, nor an agent that `set` only hands on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from simkit.policy.facts import Facts, View, is_of_address, raw_value
from simkit.policy.patterns import Pattern, to_bytes
from simkit.policy.source import Source
from simkit.policy.syntax import bad
from simkit.policy.uri import ascii_lower, escaped_arguments

_PART = re.compile(r"\$(?:\{([A-Za-z0-9_]+)\}|([1-9])|([A-Za-z0-9_]+))")

__all__ = ["Group", "Part", "Raw", "Residue", "Template", "Variable"]


@dataclass(frozen=True, slots=True)
class Variable:
    """The name of a variable in lower case, or (``captured``) the number of a group."""

    name: str
    captured: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    """Text and variables in turn, and where it stands."""

    parts: tuple[str | Variable, ...]
    source: Source

    @classmethod
    def parse(cls, text: str, source: Source) -> Template:
        """Read a value as written. Raises InputError for a lone dollar sign, as nginx does."""
        parts: list[str | Variable] = []
        end = 0
        for found in _PART.finditer(text):
            _no_dollar(text[end : found.start()], source)
            name = found[1] or found[2] or found[3]
            parts += [text[end : found.start()], Variable(ascii_lower(name), found[2] is not None)]
            end = found.end()
        _no_dollar(text[end:], source)
        parts.append(text[end:])
        return cls(tuple(p for p in parts if p != ""), source)

    @classmethod
    def plain(cls, text: str, source: Source) -> Template:
        """A value in which a dollar sign means nothing."""
        return cls((text,) if text else (), source)

    @property
    def constant(self) -> str | None:
        """The text, where there is no variable in it."""
        if any(isinstance(p, Variable) for p in self.parts):
            return None
        return "".join(str(p) for p in self.parts)

    @property
    def names(self) -> tuple[str, ...]:
        """The variables that the value names; groups are none."""
        return tuple(p.name for p in self.parts if isinstance(p, Variable) and not p.captured)

    def split(self, mark: str) -> tuple[Template, Template | None]:
        """What is written before the first ``mark``, and what after it (None: there is none)."""
        for i, part in enumerate(self.parts):
            if isinstance(part, str) and mark in part:
                before, _, after = part.partition(mark)
                return (
                    Template((*self.parts[:i], *filter(None, (before,))), self.source),
                    Template((*filter(None, (after,)), *self.parts[i + 1 :]), self.source),
                )
        return self, None


def _no_dollar(text: str, source: Source) -> None:
    if "${" in text:
        raise bad(source, "the closing bracket of a variable is missing", "write ${name}")
    if "$" in text:
        raise bad(source, "invalid variable name", "a $ must be followed by a name")


@dataclass(frozen=True, slots=True)
class Raw:
    """A variable of the request as it was sent, seen through a view."""

    name: str
    view: View

    def value(self, facts: Facts) -> str:
        """Its value for a request."""
        return raw_value(self.name, facts.through(self.view))

    @property
    def by_address(self) -> bool:
        """Whether it depends on the client's address."""
        return is_of_address(self.name)


@dataclass(frozen=True, slots=True)
class Group:
    """What a group of a regular expression captured from a value.

    ``escaped``: as nginx copies it into a query, where the path came with escapes.
    """

    pattern: Pattern
    number: int
    subject: Residue
    escaped: bool = False

    def value(self, facts: Facts) -> str:
        """Its value for a request; empty where the expression does not match."""
        groups = self.pattern.match(self.subject.value(facts))
        found = "" if groups is None else groups[self.number]
        return escaped_arguments(found) if self.escaped and facts.reading.target.quoted else found

    @property
    def by_address(self) -> bool:
        """Whether it depends on the client's address."""
        return self.subject.by_address


Part = str | Raw | Group


@dataclass(frozen=True, slots=True)
class Residue:
    """What is left of a value when everything known has become text."""

    parts: tuple[Part, ...]

    @classmethod
    def join(cls, parts: Iterable[Part]) -> Residue:
        """A residue with neighbouring texts joined."""
        joined: list[Part] = []
        for part in parts:
            if isinstance(part, str) and joined and isinstance(joined[-1], str):
                joined[-1] += part
            elif part != "":
                joined.append(part)
        return cls(tuple(joined))

    @property
    def constant(self) -> str | None:
        """The text, where nothing has to be asked."""
        if not self.parts:
            return ""
        first = self.parts[0]
        return first if len(self.parts) == 1 and isinstance(first, str) else None

    @property
    def by_address(self) -> bool:
        """Whether the value depends on the client's address."""
        return any(not isinstance(p, str) and p.by_address for p in self.parts)

    @property
    def is_of_address(self) -> View | None:
        """The view of the client's address in nginx's binary form, where it is that and no more."""
        only = self.parts[0] if len(self.parts) == 1 else None
        is_address = isinstance(only, Raw) and only.name == "binary_remote_addr"
        return only.view if isinstance(only, Raw) and is_address else None

    @property
    def views(self) -> tuple[View, ...]:
        """Through what the client's address is seen, if the value depends on it."""
        return tuple(p.view for p in self.parts if isinstance(p, Raw) and p.by_address)

    def value(self, facts: Facts) -> str:
        """The text for a request."""
        if len(self.parts) == 1:
            (only,) = self.parts
            return only if isinstance(only, str) else only.value(facts)
        return "".join([p if isinstance(p, str) else p.value(facts) for p in self.parts])

    def encoded(self, facts: Facts) -> bytes:
        """The bytes for a request; an address in nginx's binary form gives its own."""
        return b"".join(_encoded(p, facts) for p in self.parts)

    def byte_count(self, facts: Facts) -> int:
        """The number of those bytes."""
        return len(self.encoded(facts))


def _encoded(part: Part, facts: Facts) -> bytes:
    if isinstance(part, Raw) and part.name == "binary_remote_addr":
        return part.value(facts).encode("latin-1")
    return to_bytes(part if isinstance(part, str) else part.value(facts))
