"""TOML files as users write them: what they say, and which line each key stands on."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simkit.errors import InputError
from simkit.traffic.lines import KeyPath, key_lines, key_of, line_of

__all__ = ["Document", "Lines", "as_json", "placed", "read_document"]

Document = dict[str, Any]
Lines = Mapping[KeyPath, int]
_LINE = re.compile(r"\(at line (\d+), column \d+\)")


def read_document(path: Path) -> tuple[Document, dict[KeyPath, int]]:
    """A file's document and the line of each key. Raises InputError with file and line."""
    text = _text(path)
    with _usable(path):
        return _parsed(path, text), key_lines(text)


def as_json(path: Path, document: Document) -> str:
    """The document of that file as JSON. Raises InputError for numbers that are too long."""
    with _usable(path):
        return json.dumps(document, default=str)


@contextmanager
def placed(path: Path, lines: Lines, place: KeyPath) -> Iterator[None]:
    """Errors that have no place get that of a key; those of another file keep theirs."""
    try:
        yield
    except InputError as error:
        if error.file is not None and error.line is not None:
            raise
        what = f"{key_of(place)}: {error}"
        raise InputError(what, file=path, line=line_of(lines, place)) from None


def _text(path: Path) -> str:
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=path) from None
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise InputError("is not UTF-8 text", file=path, line=line) from None
    if not text.strip():
        raise InputError("is empty", file=path, line=1)
    return text


def _parsed(path: Path, text: str) -> Document:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what = str(error)
        found = _LINE.search(what)
        line = int(found[1]) if found else text.count("\n") + 1
        reason = _LINE.sub("", what).replace("(at end of document)", "").strip()
        raise InputError(f"is not TOML: {reason}", file=path, line=line) from None


@contextmanager
def _usable(path: Path) -> Iterator[None]:
    try:
        yield
    except RecursionError:
        raise InputError("is nested too deeply", file=path, line=1) from None
    except ValueError as error:  # a number of thousands of digits
        raise InputError(f"cannot be used: {error}", file=path, line=1) from None
