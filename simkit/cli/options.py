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

__all__ = ["AllowUnsupported", "Json", "Seed", "named_policies", "one_policy", "print_json"]


def one_policy(name_or_path: str, *, allow_unsupported: bool) -> Policy:
    """A shipped policy by its name, or a configuration file. Raises InputError."""
    from simkit.policy import load_policy
    from simkit.shipped import find

    return load_policy(find("policies", name_or_path), allow_unsupported)


def named_policies(given: Sequence[str], *, allow_unsupported: bool) -> dict[str, Policy]:
    """Policies by the names they go by: from ``NAME=FILE``, a file or a shipped name.

    Without any, all that are shipped. Raises InputError where two go by one name.
    """
    from simkit.shipped import shipped_files

    found: dict[str, Policy] = {}
    for text in given or _shipped(list(shipped_files("policies"))):
        name, equals, file = text.partition("=")
        policy = one_policy(file if equals else text, allow_unsupported=allow_unsupported)
        name = name if equals else policy.name
        if not name:
            raise InputError(f'--policy "{text}" gives no name', hint="write NAME=FILE")
        if name in found:
            raise InputError(f'two policies are named "{name}"', hint="write NAME=FILE")
        found[name] = policy
    return found


def _shipped(names: Sequence[str]) -> list[str]:
    """All shipped policies, the one that refuses nobody first: the others are held against it."""
    return sorted(names, key=lambda name: name != BASELINE)


def print_json(document: object) -> None:
    """Print a document on standard output, the same bytes for the same content."""
    json.dump(document, sys.stdout, indent=2, ensure_ascii=True, allow_nan=False)
    sys.stdout.write("\n")
