"""Archetypes: whom a server meets, as cohorts to begin with (``data/cohorts/catalogue.toml``).

A cohort that is ``like`` one of them takes what that says and adds its own, which wins:

    [[cohort]]
    name = "a scan"
    like = "gobuster"
    count = 1
    addresses = ["198.51.100.66"]

A scenario that is ``like`` another takes its site, network, host and leakage. Files that a scenario
names lie beside it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from simkit import shipped
from simkit.errors import InputError
from simkit.traffic.document import Document, Lines, placed, read_document

__all__ = ["Archetype", "archetypes", "take_after"]


@dataclass(frozen=True, slots=True)
class Archetype:
    """``about`` says who they are, ``evidence`` what that rests on; ``keys`` are a cohort's."""

    name: str
    about: str
    evidence: str
    keys: Mapping[str, Any]


@cache
def archetypes() -> Mapping[str, Archetype]:
    """Every archetype by its name, in the order of the catalogue."""
    tables = tomllib.loads(shipped.find("cohorts", "catalogue").read_text("utf-8"))
    return {name: _made(name, tables) for name in tables}


def _made(name: str, tables: Mapping[str, Mapping[str, Any]]) -> Archetype:
    own = dict(tables[name])
    about, evidence, parent = own.pop("about"), own.pop("evidence"), own.pop("like", None)
    inherited = {} if parent is None else _made(parent, tables).keys
    return Archetype(name, about, evidence, {**inherited, **own})


_GROUND = ("site", "network", "host", "leakage")


def take_after(document: Document, path: Path, lines: Lines) -> None:
    """Complete the document of a scenario that is ``like`` another, or whose cohorts are ``like``.

    From another scenario it takes the ground (site, network, host, leakage) as far as it has none
    of its own, never the crowd. Raises InputError, with the line, for what is not known.
    """
    _place_costs(document, path, lines)
    if "like" in document:
        _take_ground(document, path, lines)
    cohorts = document.get("cohort")
    if isinstance(cohorts, list):
        for number, cohort in enumerate(cohorts):
            if isinstance(cohort, dict) and "like" in cohort:
                with placed(path, lines, ("cohort", number, "like")):
                    cohorts[number] = _grown(cohort)


def _grown(cohort: Document) -> Document:
    found = archetypes().get(str(cohort["like"]))
    if found is None:
        raise InputError(
            f"no archetype is named {cohort['like']!r}",
            hint=f"there are {', '.join(archetypes())}",
        )
    own = {key: value for key, value in cohort.items() if key != "like"}
    return {**found.keys, **own}


def _take_ground(document: Document, path: Path, lines: Lines) -> None:
    with placed(path, lines, ("like",)):
        ground = _ground_of(str(document.pop("like")), path, (path.resolve(),))
    for part, said in ground.items():
        document.setdefault(part, said)


def _ground_of(name: str, path: Path, known: tuple[Path, ...]) -> Document:
    """The ground of the scenario that one of ``path`` is like, and of what that one is like."""
    other = shipped.find("scenarios", name, path.parent)
    if other.resolve() in known:
        raise InputError("is in the end like itself", file=other)
    document, lines = read_document(other)
    _place_costs(document, other, lines)
    own = {part: document[part] for part in _GROUND if part in document}
    if "like" not in document:
        return own
    return {**_ground_of(str(document["like"]), other, (*known, other.resolve())), **own}


def _place_costs(document: Document, path: Path, lines: Lines) -> None:
    """Say from here where a cost table lies that a scenario names from its own folder."""
    host = document.get("host")
    name = host.get("costs") if isinstance(host, dict) else None
    if not isinstance(name, str) or name in shipped.shipped_files("costs"):
        return
    with placed(path, lines, ("host", "costs")):
        document["host"]["costs"] = str(shipped.find("costs", name, path.parent))
