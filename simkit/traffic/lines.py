"""Which line of a TOML document a key stands on.

``tomllib`` says what a document means, not where. `key_lines` walks the text of a document that
``tomllib`` has accepted, so it may take the syntax (TOML 1.0) for granted and needs to know only
where keys, values and elements begin and end.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping

KeyPath = tuple[str | int, ...]

__all__ = ["KeyPath", "key_lines", "key_of", "line_of"]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')""")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_SCALAR = re.compile(r"[^,\]}\n#]+")
_STRINGS = (
    re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}(?!")', re.DOTALL),
    re.compile(r"'''.*?'{3,5}(?!')", re.DOTALL),
    re.compile(r'"(?:[^"\\]|\\.)*"'),
    re.compile(r"'[^']*'"),
)


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line, from 1, of every key, table, element and array in a valid TOML document.

    A path holds the keys and, for arrays, the numbers from 0. A table that only dotted names
    imply stands where it is first named.
    """
    return _Walk(text).run()


def line_of(lines: Mapping[KeyPath, int], path: KeyPath) -> int:
    """The line of a path or, if it is missing, of the nearest thing that would hold it."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def key_of(place: KeyPath) -> str:
    """A place in a document as people write it: ``cohort[2].arrivals.every_s``."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "the file"


class _Walk:
    """One pass over a document; ``at`` is where it has come to."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self.arrays: dict[KeyPath, int] = {}
        self.counted = 0
        self.line = 1

    def run(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self._blank()
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._blank()
        return self.lines

    def _here(self) -> int:
        """The line of the current place; places are asked for in order."""
        self.line += self.text.count("\n", self.counted, self.at)
        self.counted = self.at
        return self.line

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise ValueError(f"not TOML at line {self._here()}")
        self.at = found.end()
        return found[0]

    def _blank(self) -> None:
        self._take(_BLANK)

    def _note(self, path: KeyPath, line: int) -> None:
        for end in range(1, len(path) + 1):
            self.lines.setdefault(path[:end], line)

    def _name(self) -> list[str]:
        """A dotted key, and the blanks around its parts."""
        parts = [_plain(self._take(_KEY))]
        while _DOT.match(self.text, self.at):
            self._take(_DOT)
            parts.append(_plain(self._take(_KEY)))
        return parts

    def _header(self) -> KeyPath:
        line = self._here()
        double = self.text.startswith("[[", self.at)
        self.at += 2 if double else 1
        self._blank()
        *outer, last = self._name()
        path = self._inside((), outer)
        path = self._next(path, last) if double else self._inside(path, [last])
        self._note(path, line)
        self.lines[path] = line
        self._blank()
        self.at += 2 if double else 1
        return path

    def _inside(self, path: KeyPath, parts: list[str]) -> KeyPath:
        """Follow names from a table, into the last element where one names an array of tables."""
        for part in parts:
            path = (*path, part)
            if path in self.arrays:
                path = (*path, self.arrays[path])
        return path

    def _next(self, path: KeyPath, name: str) -> KeyPath:
        array = (*path, name)
        self.arrays[array] = self.arrays.get(array, -1) + 1
        return (*array, self.arrays[array])

    def _pair(self, table: KeyPath) -> None:
        line = self._here()
        path = (*table, *self._name())
        self._note(path, line)
        self._blank()
        self.at += 1  # the equals sign
        self._blank()
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        opening = self.text[self.at]
        if opening == "[":
            self._array(path)
        elif opening == "{":
            self._inline_table(path)
        elif opening in "\"'":
            self._string()
        else:
            self._take(_SCALAR)

    def _string(self) -> None:
        self.at = next(f.end() for p in _STRINGS if (f := p.match(self.text, self.at)))

    def _array(self, path: KeyPath) -> None:
        self.at += 1
        number = 0
        while not self._closed("]"):
            element = (*path, number)
            self.lines[element] = self._here()
            self._value(element)
            number += 1

    def _inline_table(self, path: KeyPath) -> None:
        self.at += 1
        while not self._closed("}"):
            self._pair(path)

    def _closed(self, bracket: str) -> bool:
        """Go past blanks and a comma to the next element, or past the closing bracket."""
        self._blank()
        if self.text[self.at] == ",":
            self.at += 1
            self._blank()
        if self.text[self.at] != bracket:
            return False
        self.at += 1
        return True


def _plain(key: str) -> str:
    """A key without its quotes."""
    return next(iter(tomllib.loads(f"{key}=0"))) if key[0] in "\"'" else key
