"""Reading scenario files: one clear error with file, line and key for whatever is wrong."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from simkit import shipped
from simkit.errors import InputError
from simkit.traffic.archetypes import take_after
from simkit.traffic.lines import KeyPath, key_lines, key_of, line_of
from simkit.traffic.scenario import Scenario, problems

__all__ = ["Misfit", "load_scenario", "misfit", "read_model"]

Model = TypeVar("Model", bound=BaseModel)
Document = dict[str, Any]
Lines = Mapping[KeyPath, int]
_LINE = re.compile(r"\(at line (\d+), column \d+\)")


def load_scenario(path_or_name: str | Path) -> Scenario:
    """A scenario from a TOML file, or a shipped one by its name.

    Raises InputError with file, line and key for whatever cannot be used.
    """
    path = shipped.find("scenarios", path_or_name)
    scenario, lines = read_model(path, Scenario, complete=take_after)
    for place, problem in problems(scenario):
        raise InputError(f"{key_of(place)}: {problem}", file=path, line=line_of(lines, place))
    return scenario


def read_model(
    path: Path, model: type[Model], complete: Callable[[Document, Path, Lines], None] | None = None
) -> tuple[Model, dict[KeyPath, int]]:
    """A TOML file as a model, and the line of each key. Raises InputError.

    ``complete`` may add to what the file says before that is looked at.
    """
    text = _text(path)
    data, lines, document = _parse(path, text)
    if complete is not None:
        complete(data, path, lines)
        document = json.dumps(data, default=str)
    try:
        return model.model_validate_json(document), lines
    except ValidationError as error:
        found = misfit(data, lines, error)
        line = line_of(lines, found.place)
        raise InputError(found.what, file=path, line=line, hint=found.hint) from None


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


def _parse(path: Path, text: str) -> tuple[Document, dict[KeyPath, int], str]:
    """The document, the lines of its keys, and the document as JSON."""
    try:
        data = tomllib.loads(text)
        return data, key_lines(text), json.dumps(data, default=str)
    except tomllib.TOMLDecodeError as error:
        what = str(error)
        found = _LINE.search(what)
        line = int(found[1]) if found else text.count("\n") + 1
        reason = _LINE.sub("", what).replace("(at end of document)", "").strip()
        raise InputError(f"is not TOML: {reason}", file=path, line=line) from None
    except RecursionError:
        raise InputError("is nested too deeply", file=path, line=1) from None
    except ValueError as error:  # a number of thousands of digits
        raise InputError(f"cannot be used: {error}", file=path, line=1) from None


class Misfit(NamedTuple):
    """What is wrong in a document: where, in words, and what may help."""

    place: KeyPath
    what: str
    hint: str | None


def misfit(data: object, lines: Mapping[KeyPath, int], error: ValidationError) -> Misfit:
    """The first thing in the file that is wrong or else missing; the hint counts the others."""
    found = [(_place(data, e), e) for e in error.errors(include_url=False)]
    place, first = min(found, key=lambda f: (f[1]["type"] == "missing", line_of(lines, f[0])))
    hints = [_given(first)] if _given(first) else []
    if len(found) > 1:
        hints.append(f"{len(found) - 1} more to come")
    return Misfit(place, f"{key_of(place)}: {_words(first)}", "; ".join(hints) or None)


def _place(data: object, error: ErrorDetails) -> KeyPath:
    """The path in the file: without the tags of unions, which pydantic puts between."""
    place: list[str | int] = []
    here: Any = data
    for part in error["loc"]:
        if _holds(here, part):
            here = here[part]
        elif isinstance(here, dict) and (here.get("kind") == part or part == "[key]"):
            continue
        elif not isinstance(here, dict):
            break
        place.append(part)
    if error["type"].startswith("union_tag"):
        place.append("kind")
    return tuple(place)


def _holds(here: Any, part: str | int) -> bool:
    if isinstance(here, dict):
        return part in here
    return isinstance(here, list) and isinstance(part, int) and part < len(here)


_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is no key that is known here",
    "greater_than": "must be > {gt:g}",
    "greater_than_equal": "must be >= {ge:g}",
    "less_than": "must be < {lt:g}",
    "less_than_equal": "must be <= {le:g}",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "union_tag_invalid": "must be one of {expected_tags}",
    "union_tag_not_found": "is missing: it says what kind of cohort this is",
    "value_error": "{error}",
}
_SILENT = ("missing", "union_tag_not_found", "extra_forbidden")


def _words(error: ErrorDetails) -> str:
    template = _WORDS.get(error["type"])
    if template is None:
        return error["msg"].replace("Input should", "should")
    return template.format(**error.get("ctx", {}))


def _given(error: ErrorDetails) -> str:
    """The value that was given, where it is short enough to help."""
    if error["type"] in _SILENT or error["type"].startswith("union_tag"):
        return ""
    text = repr(error["input"])
    return f"it is {text}" if len(text) <= 60 else ""
