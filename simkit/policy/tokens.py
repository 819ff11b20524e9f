"""The words of a configuration, taken apart as nginx does it (ngx_conf_read_token).

Escapes stay in the words; `simkit.policy.reader.unescaped` resolves them. What stands between the
braces of a ``*_by_lua_block`` is Lua and becomes one word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Statement", "TokenError", "statements"]

# Possessive, so that no text costs more than a few looks at each of its characters.
_NEXT = re.compile(
    r"""[ \t\r\n]++
    | (?P<comment> \#[^\n]*+ )
    | (?P<end> [;{}] )
    | "(?P<double> (?:[^"\\]|\\.)*+ )"
    | '(?P<single> (?:[^'\\]|\\.)*+ )'
    | (?P<plain> (?![#"']) (?:[^ \t\r\n;{}\\$]|\\.|\$\{*+) (?:[^ \t\r\n;{\\$]|\\.|\$\{*+)*+ )
    """,
    re.DOTALL | re.VERBOSE,
)
_AFTER_QUOTE = re.compile(r"[ \t\r\n;{)]|\Z")
_LUA = re.compile(
    r"""--\[(?P<c>=*)\[.*?\](?P=c)\] | --[^\n]*+ | \[(?P<s>=*)\[.*?\](?P=s)\]
    | "(?:[^"\\]|\\.)*+" | '(?:[^'\\]|\\.)*+' | (?P<brace>[{}])""",
    re.DOTALL | re.VERBOSE,
)
_QUOTES = {"double": '"', "single": "'"}
# nginx reads into a buffer of 4096 bytes, into which each of these must fit with what ends it.
_MOST_BYTES = {"comment": 4095, "double": 4094, "single": 4094, "plain": 4095}


class TokenError(Exception):
    """What nginx says about a text that it cannot take apart, and the line."""

    def __init__(self, what: str, line: int) -> None:
        self.what, self.line = what, line
        super().__init__(what)


class Statement(NamedTuple):
    """Words up to what ends them: ``;``, ``{``, or ``}``, before which there are none.

    ``line`` is that of the first word, or of the brace; counted from 1.
    """

    words: tuple[str, ...]
    line: int
    end: str


def statements(text: str) -> Iterator[Statement]:
    """The statements of a file one after the other. Raises `TokenError` where nginx would stop.

    Every brace has its other half.
    """
    position, line, depth = 0, 1, 0
    begun, words = 0, list[str]()
    while (found := _NEXT.match(text, position)) is not None:
        kind, start, position = found.lastgroup, position, found.end()
        if kind == "end":
            end = found[0]
            depth += (end == "{") - (end == "}")
            if bool(words) is (end == "}") or depth < 0:
                raise TokenError(f'unexpected "{end}"', line)
            if end == "{" and words[0].endswith("_by_lua_block"):
                position, end, depth = _after_lua(text, position), ";", depth - 1
                words.append(text[found.end() : position - 1])
            yield Statement(tuple(words), begun or line, end)
            begun, words = 0, []
        elif kind is not None:
            _check(text, found, line)
            if kind != "comment":
                begun = begun or line
                words.append(found[kind])
        line += text.count("\n", start, position)
    if position < len(text) or words:
        raise TokenError('unexpected end of file, expecting ";" or "}"', _last_line(text))
    if depth:
        raise TokenError('unexpected end of file, expecting "}"', _last_line(text))


def _last_line(text: str) -> int:
    return 1 + text.count("\n")


def _check(text: str, found: re.Match[str], line: int) -> None:
    kind = found.lastgroup or ""
    most = _MOST_BYTES[kind]
    at_end = kind == "comment" and found.end() == len(text)
    word = found[kind]
    if len(word) * 4 > most and len(word.encode("utf-8", "surrogateescape")) > most + at_end:
        raise TokenError(f"too long parameter{_started(kind, word)}", line)
    if kind in _QUOTES and not _AFTER_QUOTE.match(text, found.end()):
        line += found[0].count("\n")
        raise TokenError(f'unexpected "{text[found.end()]}"', line)


def _started(kind: str, word: str) -> str:
    if kind in _QUOTES:
        return f', probably missing terminating "{_QUOTES[kind]}" character'
    return f' "{word[:10]}..." started'


def _after_lua(text: str, position: int) -> int:
    """Where a block of Lua has ended, its brace taken."""
    depth = 1
    for found in _LUA.finditer(text, position):
        if found["brace"]:
            depth += 1 if found["brace"] == "{" else -1
            if not depth:
                return found.end()
    raise TokenError('unexpected end of file, expecting "}"', _last_line(text))
