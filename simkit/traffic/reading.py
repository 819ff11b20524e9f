"""Reading scenario files: one clear error with file, line and key for whatever is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from simkit import shipped
from simkit.errors import InputError
from simkit.traffic.archetypes import take_after
from simkit.traffic.document import Document, Lines, as_json, read_document
from simkit.traffic.lines import KeyPath, key_of, line_of
from simkit.traffic.scenario import Scenario, problems

__all__ = ["Misfit", "load_scenario", "misfit", "read_model"]

Model = TypeVar("Model", bound=BaseModel)


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
    data, lines = read_document(path)
    if complete is not None:
        complete(data, path, lines)
    try:
        return model.model_validate_json(as_json(path, data)), lines
    except ValidationError as error:
        found = misfit(data, lines, error)
        line = line_of(lines, found.place)
        raise InputError(found.what, file=path, line=line, hint=found.hint) from None


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
