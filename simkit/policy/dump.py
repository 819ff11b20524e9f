"""What `nginx -T` prints: a whole configuration in one file, each part under the name of its file.

A dump is recognised by its first line, ``# configuration file /etc/nginx/nginx.conf:``, before
which there may be words of nginx itself. Its includes are found inside it and nowhere else, and
errors name the dump and the line in it.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

import crossplane

from simkit.errors import InputError

__all__ = ["is_dump", "parse_dump"]

_HEADER = re.compile(r"# configuration file (/.*):\s*")
_SAID_BY_NGINX = re.compile(r"(nginx: .*)?\s*")
_MAGIC = re.compile(r"[*?[]")

Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Part:
    """One file of a dump; ``line`` is that of its first line in the dump, counted from 0."""

    name: str
    text: str
    line: int


def is_dump(path: Path) -> bool:
    """Whether a file is what `nginx -T` prints."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if not _SAID_BY_NGINX.fullmatch(line):
                return _HEADER.fullmatch(line) is not None
    return False


def parse_dump(path: Path) -> list[Payload]:
    """The files of a dump, parsed by crossplane, with each include pointing to its files.

    Lines are those of the dump. Raises InputError with its line for what is wrong.
    """
    parts = list(_parts(path))
    with tempfile.TemporaryDirectory(prefix="simkit-dump-") as folder:
        parsed = [_parsed(part, Path(folder), path, first=n == 0) for n, part in enumerate(parts)]
    names = [part.name for part in parts]
    for statements in parsed:
        _include(statements, names, path)
    return [{"file": str(path), "parsed": statements} for statements in parsed]


def _parts(path: Path) -> Iterator[_Part]:
    name, start, lines = "", 0, list[str]()
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            found = _HEADER.fullmatch(line)
            if found is None:
                lines.append(line)
                continue
            if name:
                yield _Part(name, "".join(lines), start)
            name, start, lines = found[1], number, []
    yield _Part(name, "".join(lines), start)


def _parsed(part: _Part, folder: Path, dump: Path, *, first: bool) -> list[dict[str, Any]]:
    """The statements of a part; nginx has checked where its directives stand."""
    file = folder / "part.conf"
    file.write_text(part.text, encoding="utf-8")
    payload = crossplane.parse(str(file), single=True, strict=False, check_ctx=first)
    for error in payload["errors"]:
        text = str(error["error"]).partition(f" in {file}")[0]
        line = None if error["line"] is None else error["line"] + part.line
        raise InputError(text, file=dump, line=line)
    statements: list[dict[str, Any]] = payload["config"][0]["parsed"]
    _move(statements, part.line)
    return statements


def _move(statements: Sequence[dict[str, Any]], lines: int) -> None:
    for statement in statements:
        statement["line"] += lines
        _move(statement.get("block", ()), lines)


def _include(statements: Sequence[dict[str, Any]], names: Sequence[str], dump: Path) -> None:
    for statement in statements:
        if statement["directive"] == "include":
            statement["includes"] = _matching(statement, names, dump)
        _include(statement.get("block", ()), names, dump)


def _matching(statement: Payload, names: Sequence[str], dump: Path) -> list[int]:
    """The numbers of the files that an include names, in the order in which nginx reads them."""
    pattern = str(PurePosixPath(names[0]).parent / statement["args"][0])
    found = sorted((name, n) for n, name in enumerate(names) if _fits(name, pattern))
    if not found and not _MAGIC.search(pattern):
        raise InputError(
            f"{pattern} is not in this dump",
            file=dump,
            line=statement["line"],
            hint="a whole dump is what nginx -T prints",
        )
    return list(dict.fromkeys(n for _, n in found))


def _fits(name: str, pattern: str) -> bool:
    """Whether a name matches a pattern as in a shell: no wildcard takes a slash."""
    parts, wanted = name.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))
