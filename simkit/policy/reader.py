"""Reading an nginx.conf, includes and all, into a tree of directives.

Which directives stand where, and with how many arguments, is crossplane's knowledge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from crossplane.analyzer import analyze, enter_block_ctx
from crossplane.errors import NgxParserDirectiveError

from simkit.policy.files import Dump, Files, OnDisk, Part, is_dump
from simkit.policy.places import where_it_belongs
from simkit.policy.source import Source
from simkit.policy.tokens import Statement, TokenError, statements

_ESCAPE = re.compile(r"""\\(["'\\trn])""")
_ESCAPES = {"t": "\t", "r": "\r", "n": "\n"}
_MAX_DEPTH = 40
_MOST_DIRECTIVES = 500_000
_NOT_UTF_8 = re.compile("[\udc80-\udcff]")

Context = tuple[str, ...]

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

    Raises InputError with file and line for what is wrong: syntax, a directive in the wrong
    context, a wrong number of arguments, an include that is not there.
    """
    files: Files = Dump(path) if is_dump(path) else OnDisk(path)
    return tuple(_Reader(files).of_file(files.first, (), 0))


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


class _Reader:
    """Reads files as their includes are met, each piece once."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._known: dict[str, tuple[Statement, ...]] = {}
        self._count = 0

    def of_file(self, part: Part, context: Context, depth: int) -> Iterator[Directive]:
        """The directives of a file that stands in this context."""
        return self._block(part, iter(self._statements(part)), context, depth)

    def _statements(self, part: Part) -> tuple[Statement, ...]:
        if part.name not in self._known:
            try:
                self._known[part.name] = tuple(statements(part.text))
            except TokenError as error:
                raise part.error(error.what, error.line) from None
        return self._known[part.name]

    def _block(
        self, part: Part, left: Iterator[Statement], context: Context, depth: int
    ) -> Iterator[Directive]:
        """The directives up to the brace that ends a block, or to the end of the file."""
        for found in left:
            if found.end == "}":
                return
            self._check(part, found, context, depth)
            if found.words[0] == "include":
                for included in self._files.included(part, found):
                    yield from self.of_file(included, context, depth + 1)
            else:
                yield self._directive(part, found, left, context, depth)

    def _check(self, part: Part, found: Statement, context: Context, depth: int) -> None:
        self._count += 1
        if self._count > _MOST_DIRECTIVES:
            raise part.error(f"more than {_MOST_DIRECTIVES:,} directives", found.line)
        if depth > _MAX_DEPTH:
            raise part.error("blocks or includes are nested too deeply", found.line)
        if _NOT_UTF_8.search("".join(found.words)):
            raise part.error("this is not UTF-8", found.line)
        wrong = _misplaced(found, context)
        if wrong is not None:
            misplaced = wrong.endswith("is not allowed here")
            is_block = found.end == "{"
            hint = where_it_belongs(found.words[0], is_block=is_block) if misplaced else None
            raise part.error(wrong, found.line, hint)

    def _directive(
        self,
        part: Part,
        found: Statement,
        left: Iterator[Statement],
        context: Context,
        depth: int,
    ) -> Directive:
        name, *given = found.words
        args = tuple(given)
        if name == "if" and context[:1] == ("http",):
            args = _condition(part, found)
        source = Source(part.file, part.line(found.line), _one_line(name, args))
        if found.end == ";":
            return Directive(name, args, source)
        inner = enter_block_ctx({"directive": name}, context)
        return Directive(name, args, source, tuple(self._block(part, left, inner, depth + 1)))


def _misplaced(found: Statement, context: Context) -> str | None:
    """What is wrong with where a directive stands or with what it is given, or None."""
    name, *args = found.words
    statement = {"directive": name, "line": found.line, "args": args}
    try:
        analyze("", statement, found.end, context)
    except NgxParserDirectiveError as error:
        return str(error.strerror)
    except (TypeError, ValueError):  # its own message cannot hold a percent sign
        return f'invalid value "{args[0]}" in "{name}" directive, it must be "on" or "off"'
    if name == "include" and (len(args) != 1 or found.end != ";"):
        return 'invalid number of arguments in "include" directive'
    return None


def _condition(part: Part, found: Statement) -> tuple[str, ...]:
    """The words of an `if` without the parentheses around them (ngx_http_rewrite_if_condition)."""
    args = list(found.words[1:])
    if not args or not args[0].startswith("(") or not args[-1].endswith(")"):
        raise part.error(f'invalid condition "{args[0] if args else ""}"', found.line)
    args[0] = args[0][1:]
    args[-1] = args[-1][:-1]
    return tuple(args[int(not args[0]) : len(args) - int(not args[-1])])


def _one_line(name: str, args: Sequence[str]) -> str:
    if name == "if":
        return f"if ({' '.join(args)})"
    return " ".join(_quoted(word) for word in (name, *args))


def _quoted(word: str) -> str:
    return f'"{word}"' if not word or re.search(r"[\s;{}]", word) else word
