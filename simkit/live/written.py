"""Writing a tree of directives as an nginx.conf, remembering where each line came from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from simkit.policy.reader import Directive
from simkit.policy.source import Source

__all__ = ["Written", "directive", "write"]

_PLAIN = re.compile(r"[A-Za-z0-9_./:$~*^=+,@%\[\]-]+")
_UNIT = re.compile(r"\\.|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Written:
    """The text of a configuration; ``sources[n]`` is the place that line ``n + 1`` came from."""

    text: str
    sources: tuple[Source, ...]

    def source(self, line: int) -> Source | None:
        """The place that a line, counted from 1, came from; None for an added line."""
        if not 1 <= line <= len(self.sources):
            return None
        found = self.sources[line - 1]
        return found if found.file else None


def directive(name: str, *args: str, block: tuple[Directive, ...] | None = None) -> Directive:
    """A directive that stands in no file."""
    return Directive(name, args, Source("", 0, " ".join((name, *args))), block)


def write(tree: Iterable[Directive]) -> Written:
    """One line for each directive and each closing brace."""
    rows = list(_rows(tree, 0))
    text = "".join(f"{line}\n" for line, _ in rows)
    # A quoted word may hold line ends, so one row can be several lines.
    sources = tuple(source for line, source in rows for _ in range(line.count("\n") + 1))
    return Written(text, sources)


def _rows(tree: Iterable[Directive], depth: int) -> Iterator[tuple[str, Source]]:
    indent = "    " * depth
    for item in tree:
        words = " ".join(_words(item))
        if item.block is None:
            yield f"{indent}{words};", item.source
            continue
        yield f"{indent}{words} {{", item.source
        yield from _rows(item.block, depth + 1)
        yield f"{indent}}}", item.source


def _words(item: Directive) -> Iterator[str]:
    yield _quoted(item.name)
    if item.name != "if":
        yield from map(_quoted, item.args)
        return
    # The reader takes the parentheses away. As words of their own they suit every condition.
    yield "("
    yield from map(_quoted, item.args)
    yield ")"


def _quoted(word: str) -> str:
    """The word as nginx reads it back; escapes inside stand as they stood in the source."""
    if _PLAIN.fullmatch(word):
        return word
    return '"' + "".join(r"\"" if u == '"' else u for u in _UNIT.findall(word)) + '"'
