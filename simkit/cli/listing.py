"""``simkit policies`` and ``simkit scenarios``: what comes with simkit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from simkit.cli.options import Json, print_json

__all__ = ["policies", "scenarios"]


def policies(as_json: Json = False) -> None:
    """List the policies that come with simkit."""
    from simkit.policy.reader import first_comment
    from simkit.shipped import shipped_files

    files = shipped_files("policies")
    _print(files, {name: first_comment(path) for name, path in files.items()}, as_json)


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
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from simkit.show.console import make_console

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("Name", "What it is for", "File"):
        table.add_column(title, overflow="fold")
    for name, path in files.items():
        table.add_row(*(Text(t) for t in (name, about[name], _near(path))))
    make_console().print(table)


def _near(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
