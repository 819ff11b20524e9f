"""Texts that match a regular expression: one of many, chosen by draws.

What is understood is what people write into an nginx.conf: alternatives, groups, classes, escapes
and quantifiers. Whoever needs a sure match asks the expression itself; a text that only nearly
matches is worth sending too.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Pick = Callable[[int], int]

_GROUP = re.compile(r"\?(?:P?<[A-Za-z_]\w*>|'[A-Za-z_]\w*'|[a-zA-Z-]*:|[>|])")
_UNSEEN = re.compile(r"\?(?:[=!]|<[=!]|#)|\?[a-zA-Z-]+\)")
_QUANTIFIER = re.compile(r"(?:([*+?])|\{(\d+)(,?)(\d*)\})[?+]?")
_CLASSES = {
    "d": "07",
    "w": "wZ9_",
    "s": " ",
    "h": " ",
    "D": "x-",
    "W": "-/",
    "S": "xS7",
    "N": "n.",
    "t": "\t",
    "n": "n",
    "r": "r",
}
_NOTHING = frozenset("bBAzZG")
_PLAIN = "xa7-_.A/=z"
_MOST_REPEATED = 40
_NAMED_CLASS = re.compile(r"\[:(\^?)(\w+):\]")
_POSIX = {"alpha": "az", "digit": "09", "alnum": "a9", "lower": "az", "upper": "AZ", "space": " "}

__all__ = ["Pick", "example"]


def example(pattern: str, pick: Pick) -> str | None:
    """A text that the expression most likely matches; None where it is not understood.

    ``pick(n)`` chooses one of 0 … n-1.
    """
    maker = _Maker(pattern, pick)
    try:
        found = maker.alternatives()
    except (LookupError, ValueError, RecursionError):
        return None
    return found if maker.at == len(pattern) else None


class _Maker:
    """Reads an expression once, from left to right, and makes a text on the way."""

    def __init__(self, pattern: str, pick: Pick) -> None:
        self._text = pattern
        self._pick = pick
        self.at = 0

    def alternatives(self) -> str:
        """Up to a closing parenthesis or the end: one of the alternatives."""
        found = [self._sequence()]
        while self._is_next("|"):
            self.at += 1
            found.append(self._sequence())
        return found[self._pick(len(found))]

    def _is_next(self, mark: str) -> bool:
        return self._text[self.at : self.at + 1] == mark

    def _sequence(self) -> str:
        parts: list[str] = []
        while self.at < len(self._text) and self._text[self.at] not in "|)":
            start = self.at
            atom = self._atom()
            end, count = self.at, self._count()
            parts += [atom if n == 0 else self._again(start, end) for n in range(count)]
        return "".join(parts)

    def _again(self, start: int, end: int) -> str:
        """The same atom once more, with choices of its own."""
        after, self.at = self.at, start
        atom = self._atom()
        if self.at != end:
            raise ValueError(self._text)
        self.at = after
        return atom

    def _atom(self) -> str:
        mark = self._text[self.at]
        self.at += 1
        if mark == "(":
            return self._group()
        if mark == "[":
            return self._class()
        if mark == "\\":
            return self._escape()
        if mark == ".":
            return _PLAIN[self._pick(len(_PLAIN))]
        return "" if mark in "^$" else mark

    def _count(self) -> int:
        found = _QUANTIFIER.match(self._text, self.at)
        if found is None:
            return 1
        self.at = found.end()
        sign, least, comma, most = found.groups()
        if sign:
            low, high = {"*": (0, 3), "+": (1, 3), "?": (0, 1)}[sign]
        else:
            low = int(least)
            high = int(most) if most else low + 2 * bool(comma)
        high = min(high, low + 3, _MOST_REPEATED)
        return low + self._pick(high - low + 1) if high > low else high

    def _group(self) -> str:
        unseen = _UNSEEN.match(self._text, self.at)
        if unseen is not None:
            self._skip_group(unseen)
            return ""
        opened = _GROUP.match(self._text, self.at)
        if opened is not None:
            self.at = opened.end()
        elif self._is_next("?") or self._is_next("*"):
            raise ValueError(self._text)
        found = self.alternatives()
        self._close()
        return found

    def _skip_group(self, unseen: re.Match[str]) -> None:
        """Past what looks around or sets flags."""
        if unseen[0].endswith(")"):
            self.at = unseen.end()
            return
        self.at = unseen.end()
        self.alternatives()
        self._close()

    def _close(self) -> None:
        if not self._is_next(")"):
            raise ValueError(self._text)
        self.at += 1

    def _escape(self) -> str:
        mark = self._text[self.at]
        self.at += 1
        if mark in _NOTHING:
            return ""
        if mark == "x":
            digits = self._text[self.at : self.at + 2]
            self.at += 2
            return chr(int(digits, 16))
        if mark.isdigit():
            return ""
        choices = _CLASSES.get(mark, mark)
        return choices[self._pick(len(choices))]

    def _class(self) -> str:
        negated = self._is_next("^")
        self.at += negated
        members, first = "", True
        while first or not self._is_next("]"):
            members += self._member()
            first = False
        self.at += 1
        choices = "".join(c for c in _PLAIN if c not in members) if negated else members
        return choices[self._pick(len(choices))]

    def _member(self) -> str:
        named = _NAMED_CLASS.match(self._text, self.at)
        if named is not None:
            self.at = named.end()
            return _POSIX[named[2]]
        low = self._single()
        following = self._text[self.at + 1 : self.at + 2]
        if not self._is_next("-") or following in ("", "]"):
            return low
        self.at += 1
        return low + self._single()

    def _single(self) -> str:
        mark = self._text[self.at]
        self.at += 1
        return self._escape() if mark == "\\" else mark
