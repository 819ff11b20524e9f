"""``simkit policies``, ``scenarios``, ``cohorts`` and so on: what comes with simkit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from simkit.cli.options import Json, print_json

__all__ = ["clients", "cohorts", "policies", "scenarios", "strategies"]


def policies(as_json: Json = False) -> None:
    """List the policies that come with simkit."""
    from simkit.policy.reader import first_comment
    from simkit.shipped import shipped_files

    files = shipped_files("policies")
    _print(files, {name: first_comment(path) for name, path in files.items()}, as_json)


def strategies(as_json: Json = False) -> None:
    """List the strategies that come with simkit: policies with something in front of them."""
    from simkit.shipped import shipped_files
    from simkit.strategy import load_strategy

    files = shipped_files("strategies")
    _print(files, {name: load_strategy(path).about for name, path in files.items()}, as_json)


def cohorts(as_json: Json = False) -> None:
    """List whom a server meets: archetypes that a scenario's cohorts can be ``like``."""
    from simkit.traffic.archetypes import archetypes

    known = archetypes().values()
    if as_json:
        plain = ({"name": a.name, "about": a.about, "evidence": a.evidence} for a in known)
        print_json([{**one, "keys": dict(archetypes()[one["name"]].keys)} for one in plain])
        return
    rows = [(a.name, a.about, f"{a.keys['kind']}, {a.keys.get('client', 'once')}") for a in known]
    _print_rows(("Name", "Who they are", "Kind and client"), rows)


def clients(as_json: Json = False) -> None:
    """List the presets of real clients that cohorts can name, and how each is known to react."""
    from simkit.show.clients import print_clients
    from simkit.traffic.catalogue import CATALOGUE

    if as_json:
        print_json([client.to_json() for client in CATALOGUE.values()])
    else:
        print_clients(CATALOGUE.values())


def scenarios(as_json: Json = False) -> None:
    """List the scenarios that come with simkit."""
    from simkit.shipped import shipped_files
    from simkit.traffic import load_scenario

    files = shipped_files("scenarios")
    _print(files, {name: load_scenario(path).title for name, path in files.items()}, as_json)


def _print(files: Mapping[str, Path], about: Mapping[str, str], as_json: bool) -> None:
    if as_json:
        print_json([{"name": n, "about": about[n], "file": str(files[n])} for n in files])
        return
    rows = [(name, about[name], _near(path)) for name, path in files.items()]
    _print_rows(("Name", "What it is for", "File"), rows)


def _print_rows(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from simkit.show.console import make_console

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    make_console().print(table)


def _near(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
