"""Errors are part of the interface: what was wrong, where, and what to do."""

from __future__ import annotations

from pathlib import Path


class InputError(Exception):
    """Something that the user gave cannot be used; the command line ends with status 2.

    ``str(error)`` is one line, ``file:line: what (hint)``, safe to print: control characters in
    any part are escaped.
    """

    def __init__(
        self,
        what: str,
        *,
        file: str | Path | None = None,
        line: int | None = None,
        hint: str | None = None,
    ) -> None:
        self.what = what
        self.file = None if file is None else str(file)
        self.line = line
        self.hint = hint
        super().__init__(self._message())

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.what, self.file, self.line, self.hint))

    def _message(self) -> str:
        where = "" if self.file is None else f"{self.file}: "
        if self.file is not None and self.line is not None:
            where = f"{self.file}:{self.line}: "
        hint = "" if self.hint is None else f" ({self.hint})"
        return printable(f"{where}{self.what}{hint}")


def _rebuild(
    kind: type[InputError], what: str, file: str | None, line: int | None, hint: str | None
) -> InputError:
    return kind(what, file=file, line=line, hint=hint)


def printable(text: str) -> str:
    """Hostile text made safe for a terminal: what is not printable is shown escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
