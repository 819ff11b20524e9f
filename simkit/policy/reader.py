"""Reading an nginx.conf, includes and all, into a tree of directives.

The parsing is crossplane's; here its result becomes immutable and its errors become ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import crossplane

from simkit.errors import InputError
from simkit.policy.dump import is_dump, parse_dump
from simkit.policy.source import Source

_TRAILING_PLACE = re.compile(r" in \S+?:\d+$")
_ESCAPE = re.compile(r"""\\(["'\\trn])""")
_ESCAPES = {"t": "\t", "r": "\r", "n": "\n"}
_MAX_DEPTH = 40
_NOT_UTF_8 = "\N{REPLACEMENT CHARACTER}"
_MAX_BYTES = 64 << 20

__all__ = ["Directive", "first_comment", "read", "unescaped"]


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive: its name, arguments, place, and block (None for a simple directive)."""

    name: str
    args: tuple[str, ...]
    source: Source
    block: tuple[Directive, ...] | None = None

    def named(self, name: str) -> Iterator[Directive]:
        """The directives of that name directly inside the block."""
        return (d for d in self.block or () if d.name == name)


def read(path: Path) -> tuple[Directive, ...]:
    """The directives of the main context, with every include in its place.

    Raises InputError with file and line for what crossplane finds wrong: syntax, a directive in
    the wrong context, a wrong number of arguments, an include that is not there.
    """
    _check_file(path)
    if is_dump(path):
        files = parse_dump(path)
        return tuple(_directives(files[0]["parsed"], files, str(path), 0))
    try:
        payload = crossplane.parse(str(path), strict=False)
    except RecursionError:
        raise InputError("blocks or includes are nested too deeply", file=path) from None
    for error in payload["errors"]:
        raise _error(error, path)
    # Not crossplane's own combining: it gives what follows an include the name of that file.
    files = payload["config"]
    return tuple(_directives(files[0]["parsed"], files, files[0]["file"], 0))


def unescaped(directive: Directive) -> Directive:
    """The directive with the escapes of its words resolved, as nginx does while it reads."""
    block = None if directive.block is None else tuple(map(unescaped, directive.block))
    args = tuple(map(_unescaped, directive.args))
    return Directive(_unescaped(directive.name), args, directive.source, block)


def _unescaped(word: str) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[1]), word)


def first_comment(path: Path) -> str:
    """The comment that the file begins with, as one line; empty where there is none."""
    lines: list[str] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# ").rstrip())
    return " ".join(lines).strip()


def _check_file(path: Path) -> None:
    if not path.exists():
        raise InputError("there is no such file", file=path)
    if not path.is_file():
        raise InputError("this is not a file", file=path, hint="name an nginx.conf")
    if path.stat().st_size > _MAX_BYTES:
        raise InputError("the file is too large for a configuration", file=path)


def _error(error: Mapping[str, Any], path: Path) -> InputError:
    text = _TRAILING_PLACE.sub("", str(error["error"]))
    if "recursion depth" in text:
        text = "blocks or includes are nested too deeply"
    return InputError(text, file=error.get("file") or path, line=error.get("line"))


def _directives(
    block: Sequence[Mapping[str, Any]], files: Sequence[Mapping[str, Any]], file: str, depth: int
) -> Iterator[Directive]:
    """The directives of a block, with those of included files in their place."""
    for raw in block:
        if depth > _MAX_DEPTH:
            raise InputError("blocks are nested too deeply", file=file, line=int(raw["line"]))
        for number in raw.get("includes", ()):
            included = files[number]
            yield from _directives(included["parsed"], files, included["file"], depth + 1)
        if "includes" not in raw:
            yield _directive(raw, files, file, depth)


def _directive(
    raw: Mapping[str, Any], files: Sequence[Mapping[str, Any]], file: str, depth: int
) -> Directive:
    name, args = str(raw["directive"]), tuple(str(a) for a in raw["args"])
    if _NOT_UTF_8 in "".join((name, *args)):
        raise InputError("this is not UTF-8", file=file, line=int(raw["line"]))
    source = Source(file, int(raw["line"]), _one_line(name, args))
    block: Sequence[Mapping[str, Any]] | None = raw.get("block")
    inner = None if block is None else tuple(_directives(block, files, file, depth + 1))
    return Directive(name, args, source, inner)


def _one_line(name: str, args: Sequence[str]) -> str:
    if name == "if":
        return f"if ({' '.join(args)})"
    return " ".join(_quoted(word) for word in (name, *args))


def _quoted(word: str) -> str:
    return f'"{word}"' if not word or re.search(r"[\s;{}]", word) else word
