"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from simkit.errors import InputError

if TYPE_CHECKING:
    from simkit.policy import Policy
    from simkit.strategy import Strategy

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]
Seed = Annotated[int, typer.Option(help="Equal seeds give equal results, to the byte.")]
AllowUnsupported = Annotated[
    bool,
    typer.Option(
        "--allow-unsupported",
        help="Go on where a policy uses something that is not simulated, with a warning in every "
        "result.",
    ),
]

BASELINE = "open"

FAILED = 1
"""The exit status where a check failed."""

__all__ = [
    "FAILED",
    "AllowUnsupported",
    "Json",
    "Seed",
    "named_strategies",
    "one_policy",
    "one_strategy",
    "print_json",
]


def one_policy(name_or_path: str, *, allow_unsupported: bool) -> Policy:
    """A shipped policy by its name, or a configuration file. Raises InputError."""
    from simkit.policy import load_policy
    from simkit.shipped import find

    return load_policy(find("policies", name_or_path), allow_unsupported)


def one_strategy(name_or_path: str, *, allow_unsupported: bool) -> Strategy:
    """A policy as `one_policy` takes it, or a strategy: shipped, or its file. Raises InputError."""
    from simkit.strategy import load_strategy

    return load_strategy(name_or_path, allow_unsupported)


def named_strategies(given: Sequence[str], *, allow_unsupported: bool) -> dict[str, Strategy]:
    """Strategies by the names they go by: from ``NAME=FILE``, a file or a shipped name.

    Without any, all policies that are shipped. Raises InputError where two go by one name.
    """
    from simkit.shipped import shipped_files

    found: dict[str, Strategy] = {}
    for text in given or _shipped(list(shipped_files("policies"))):
        name, equals, file = text.partition("=")
        strategy = one_strategy(file if equals else text, allow_unsupported=allow_unsupported)
        name = name if equals else strategy.name
        if not name:
            raise InputError(f'--policy "{text}" gives no name', hint="write NAME=FILE")
        if name in found:
            raise InputError(f'two policies are named "{name}"', hint="write NAME=FILE")
        found[name] = strategy
    return found


def _shipped(names: Sequence[str]) -> list[str]:
    """All shipped policies, the one that refuses nobody first: the others are held against it."""
    return sorted(names, key=lambda name: name != BASELINE)


def print_json(document: object) -> None:
    """Print a document on standard output, the same bytes for the same content."""
    json.dump(document, sys.stdout, indent=2, ensure_ascii=True, allow_nan=False)
    sys.stdout.write("\n")
