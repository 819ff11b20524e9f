"""A grid of scenarios: values put in their place in a scenario by dotted paths.

A path is what one would write in the scenario file, such as ``network.rtt_ms``, with
``cohorts.NAME`` for the cohort of that name: ``cohorts.flood.arrivals.every_s``. Elements of other
arrays go by their number from 0. A key or name may contain dots itself: the longest that is there
is taken. A key that the file leaves out can be varied all the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any, TypeAlias

from pydantic import ValidationError

from simkit.errors import InputError
from simkit.traffic.lines import KeyPath, key_of
from simkit.traffic.reading import misfit
from simkit.traffic.scenario import Scenario, problems

Value: TypeAlias = Any
"""Anything that TOML can say."""

_COHORTS = "cohorts."

__all__ = ["Axis", "Point", "Value", "as_text", "canonical", "points_of", "scenario_with"]


@dataclass(frozen=True)
class Axis:
    """One parameter that is varied: its path, its values in the order given, and a name of it."""

    path: str
    values: tuple[Value, ...]
    label: str = ""

    @property
    def title(self) -> str:
        """The label, or else the path."""
        return self.label or self.path


@dataclass(frozen=True)
class Point:
    """One point of a grid: the position on each axis, the values there, and the scenario."""

    positions: tuple[int, ...]
    values: Mapping[str, Value]
    scenario: Scenario

    @property
    def key(self) -> str:
        """The values as text, the same for the same values in whatever order."""
        return canonical(dict(self.values))


def canonical(value: Value) -> str:
    """A value as JSON, equal for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def as_text(value: Value) -> str:
    """A value for people: a text as it is, a number short, anything else as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return canonical(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def points_of(base: Scenario, axes: Sequence[Axis]) -> tuple[Point, ...]:
    """Every point of the grid, the last axis fastest. Raises InputError for one that is none."""
    found: list[Point] = []
    for positions in product(*(range(len(axis.values)) for axis in axes)):
        pairs = zip(axes, positions, strict=True)
        values = {axis.path: axis.values[position] for axis, position in pairs}
        found.append(Point(positions, values, scenario_with(base, values)))
    return tuple(found)


def scenario_with(base: Scenario, values: Mapping[str, Value]) -> Scenario:
    """A scenario with other values in some places. Raises InputError where they do not fit."""
    if not values:
        return base
    data = json.loads(base.model_dump_json(by_alias=True, exclude_unset=True))
    for path, value in values.items():
        _put(data, _place(data, path), deepcopy(value), path)
    try:
        scenario = Scenario.model_validate_json(json.dumps(data))
    except ValidationError as error:
        found = misfit(data, {}, error)
        raise InputError(found.what, hint=found.hint) from None
    for place, problem in problems(scenario):
        raise InputError(f"{key_of(place)}: {problem}")
    return scenario


def _place(data: Mapping[str, Any], path: str) -> KeyPath:
    """Where in a scenario a path points."""
    if not path.startswith(_COHORTS):
        return _inside(data, path)
    rest = path.removeprefix(_COHORTS)
    names = [cohort["name"] for cohort in data["cohort"]]
    name = _longest(names, rest)
    if name is None:
        raise InputError(f"{path}: there is no such cohort", hint=f"there are {', '.join(names)}")
    number = names.index(name)
    return ("cohort", number, *_inside(data["cohort"][number], rest[len(name) + 1 :]))


def _longest(names: Sequence[str], text: str) -> str | None:
    """The longest of the names that the text begins with, up to a dot or its end."""
    fitting = [name for name in names if f"{text}.".startswith(f"{name}.")]
    return max(fitting, key=len, default=None)


def _inside(here: Any, rest: str) -> KeyPath:
    if not rest:
        return ()
    if isinstance(here, list):
        head, _, tail = rest.partition(".")
        number = int(head) if head.isdecimal() else -1
        inner = here[number] if 0 <= number < len(here) else {}
        return (number if head.isdecimal() else head, *_inside(inner, tail))
    keys = here if isinstance(here, dict) else {}
    head = _longest(list(keys), rest) or rest.partition(".")[0]
    return (head, *_inside(keys.get(head, {}), rest[len(head) + 1 :]))


def _put(data: Any, place: KeyPath, value: Value, path: str) -> None:
    """Set what stands at a place, with the tables around it where there are none."""
    here = data
    for part, inner in pairwise(place):
        here = here.setdefault(part, {}) if isinstance(here, dict) else _element(here, part, path)
        if not isinstance(here, dict if isinstance(inner, str) else dict | list):
            raise InputError(f"{path}: {part} has no part {inner}")
    if not place:
        raise InputError(f"{path}: names no key")
    if isinstance(here, list):
        _element(here, place[-1], path)
    here[place[-1]] = value


def _element(here: list[Any], part: str | int, path: str) -> Any:
    if not isinstance(part, int) or part >= len(here):
        raise InputError(f"{path}: {part} is none of the {len(here)} elements, counted from 0")
    return here[part]
