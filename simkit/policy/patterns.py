"""Regular expressions as nginx reads them: PCRE, on bytes, with a limit on the work."""

from __future__ import annotations

import re
from functools import lru_cache

import pcre2

from simkit.policy.source import Source
from simkit.policy.syntax import bad
from simkit.policy.uri import ascii_lower

_POSITION = re.compile(r"position ([0-9]+)")
_LIMITS = b"(*LIMIT_MATCH=1000000)(*LIMIT_DEPTH=10000)"

__all__ = ["Pattern", "from_bytes", "to_bytes"]


def to_bytes(text: str) -> bytes:
    """The bytes of a value; what came as undecodable bytes returns to them."""
    return text.encode("utf-8", "surrogateescape")


def from_bytes(raw: bytes) -> str:
    """The text of a value; `to_bytes` is its inverse."""
    return raw.decode("utf-8", "surrogateescape")


@lru_cache(maxsize=4096)
def _compiled(text: str, caseless: bool) -> pcre2.Pattern:
    flags = pcre2.IGNORECASE if caseless else 0
    return pcre2.compile(_LIMITS + to_bytes(text), flags)


class Pattern:
    """A regular expression of a configuration; it can be sent to another process.

    ``groups`` counts the groups, ``names`` maps each named one (in lower case, as variables are) to
    its number. Raises InputError with the place where PCRE cannot compile the text.
    """

    __slots__ = ("_caseless", "_compiled", "groups", "names", "text")

    def __init__(self, text: str, *, caseless: bool, source: Source) -> None:
        self.text = text
        self._caseless = caseless
        try:
            self._compiled = _compiled(text, caseless)
        except (pcre2.LibraryError, ValueError) as error:
            raise bad(source, f'invalid regular expression "{text}": {_words(error)}') from None
        self.groups = int(self._compiled.groups)
        names = self._compiled.groupindex.items()
        self.names: dict[str, int] = {ascii_lower(name): number for name, number in names}

    def __reduce__(self) -> tuple[object, ...]:
        return (_unpickled, (self.text, self._caseless))

    def matches(self, value: str) -> bool:
        """Whether it matches anywhere in a value."""
        return self.match(value) is not None

    def match(self, value: str) -> tuple[str, ...] | None:
        """The whole match and its groups (an unset one is empty), or None.

        A match that would take more work than the limit counts as none.
        """
        try:
            found = self._compiled.search(to_bytes(value))
        except pcre2.LibraryError:
            return None
        if found is None:
            return None
        return tuple(from_bytes(group or b"") for group in (found.group(0), *found.groups()))


def _words(error: Exception) -> str:
    """What PCRE says, with the position in the text as it was written."""
    return _POSITION.sub(lambda found: f"position {int(found[1]) - len(_LIMITS)}", str(error))


def _unpickled(text: str, caseless: bool) -> Pattern:
    return Pattern(text, caseless=caseless, source=Source("", 0, ""))
