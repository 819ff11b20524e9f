"""Where the parts of a configuration come from: files on disk, or what `nginx -T` prints.

A dump is a whole configuration in one file, each part under the name of its file. It is recognised
by its first line, ``# configuration file /etc/nginx/nginx.conf:``, before which there may be words
of nginx itself. Its includes are found inside it and nowhere else, and errors name the dump and the
line in it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from glob import glob, has_magic
from pathlib import Path, PurePosixPath
from stat import S_ISREG
from typing import Protocol

from simkit.errors import InputError
from simkit.policy.tokens import Statement

__all__ = ["Dump", "Files", "OnDisk", "Part", "is_dump", "said_version"]

_HEADER = re.compile(r"# configuration file (/.*):\s*")
_SAID_BY_NGINX = re.compile(r"(nginx(?: version)?: .*)?\s*")
_VERSION = re.compile(r"(?:# *)?nginx version: nginx/([0-9.]+)")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_MOST_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Part:
    """A file, or a piece of a dump.

    ``name`` is what includes call it, ``file`` what errors call it; ``before`` counts the lines of
    the file that come before the text.
    """

    name: str
    file: str
    text: str
    before: int = 0

    def line(self, line: int) -> int:
        """The line of the file for a line of the text."""
        return self.before + line

    def error(self, what: str, line: int, hint: str | None = None) -> InputError:
        """The error for something wrong on that line of the text."""
        return InputError(what, file=self.file, line=self.line(line), hint=hint)


class Files(Protocol):
    """The parts of a configuration."""

    @property
    def first(self) -> Part:
        """The part that the configuration begins with."""

    def included(self, part: Part, include: Statement) -> Sequence[Part]:
        """What an include of a part stands for, in the order in which nginx reads it."""


class OnDisk:
    """A file and what it includes; together they hold 16 MB at most."""

    def __init__(self, path: Path) -> None:
        self._home = path.parent
        self._parts: dict[str, Part] = {}
        self._bytes_left = _MOST_BYTES
        check_file(path)
        self.first = self._part(str(path))

    def included(self, part: Part, include: Statement) -> Sequence[Part]:
        """The files that an include names. Raises InputError with its place."""
        # As nginx joins and finds names: pathlib would tidy them up.
        pattern = os.path.join(self._home, include.words[1])  # noqa: PTH118
        try:
            names = sorted(glob(pattern)) if has_magic(pattern) else [pattern]  # noqa: PTH207
            return [self._parts.get(name) or self._part(name) for name in names]
        except OSError as error:
            raise part.error(
                f'"{pattern}" cannot be read: {error.strerror}', include.line
            ) from None
        except ValueError as error:  # a NUL in its name
            raise part.error(f'"{pattern}" cannot be read: {error}', include.line) from None

    def _part(self, name: str) -> Part:
        text = "" if name == os.devnull else self._read(name)
        self._parts[name] = Part(name, name, text)
        return self._parts[name]

    def _read(self, name: str) -> str:
        if not S_ISREG(Path(name).stat().st_mode):
            raise OSError(0, "this is not a file")
        with Path(name).open("rb") as file:
            data = file.read(self._bytes_left + 1)
        self._bytes_left -= len(data)
        if self._bytes_left < 0:
            raise InputError("it is too large for a configuration", file=name)
        return data.decode("utf-8", "surrogateescape")


def check_file(path: Path) -> None:
    """Raises InputError unless there is a file."""
    if not path.exists():
        raise InputError("there is no such file", file=path)
    if not path.is_file():
        raise InputError("this is not a file", file=path, hint="name an nginx.conf")


def is_dump(path: Path) -> bool:
    """Whether a file is what `nginx -T` prints."""
    check_file(path)
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if not _SAID_BY_NGINX.fullmatch(line):
                return _HEADER.fullmatch(line) is not None
    return False


def said_version(path: Path) -> str | None:
    """The version of nginx that a file begins by naming, as ``nginx -V`` says it; else None.

    ``(nginx -V; nginx -T) >dump.txt 2>&1`` makes such a dump.
    """
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            found = _VERSION.match(line)
            if found is not None:
                return found[1]
            if line.strip() and not line.startswith(("nginx", "#")):
                return None
    return None


class Dump:
    """The parts of what `nginx -T` prints."""

    def __init__(self, path: Path) -> None:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError("it is too large for a configuration", file=path)
        self._path = path
        self._parts = list(_parts(path))
        self.first = self._parts[0]

    def included(self, part: Part, include: Statement) -> Sequence[Part]:
        """The parts that an include names."""
        pattern = str(PurePosixPath(self.first.name).parent / include.words[1])
        found = sorted(p.name for p in self._parts if _fits(p.name, pattern))
        if not found and not has_magic(pattern):
            hint = "a whole dump is what nginx -T prints"
            raise part.error(f"{pattern} is not in this dump", include.line, hint)
        by_name = {p.name: p for p in reversed(self._parts)}
        return [by_name[name] for name in dict.fromkeys(found)]


def _parts(path: Path) -> Iterator[Part]:
    name, start, lines = "", 0, list[str]()
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    for number, line in enumerate(_LINE.findall(text), 1):
        found = _HEADER.fullmatch(line)
        if found is None:
            lines.append(line)
            continue
        if name:
            yield Part(name, str(path), "".join(lines), start)
        name, start, lines = found[1], number, []
    yield Part(name, str(path), "".join(lines), start)


def _fits(name: str, pattern: str) -> bool:
    """Whether a name matches a pattern as in a shell: no wildcard takes a slash."""
    parts, wanted = name.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))
