"""What comes with simkit, by kind and name: policies, strategies, cohorts, scenarios and so on.

In a checkout they lie in ``data/``, in an installed wheel beside the package in ``simkit/_data/``.
A file directly in its folder is offered by its stem; folders below hold what files include.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from simkit.errors import InputError

__all__ = ["Kind", "find", "shipped_files"]

_PACKAGE = Path(__file__).resolve().parent
_HERE = Path()

Kind = Literal["policies", "strategies", "cohorts", "scenarios", "studies", "costs", "products"]

_SUFFIX: dict[Kind, str] = {
    "policies": ".conf",
    "strategies": ".toml",
    "cohorts": ".toml",
    "scenarios": ".toml",
    "studies": ".toml",
    "costs": ".toml",
    "products": ".toml",
}
_ONE: dict[Kind, str] = {
    "policies": "policy",
    "strategies": "strategy",
    "cohorts": "catalogue",
    "scenarios": "scenario",
    "studies": "study",
    "costs": "cost table",
    "products": "product",
}


def shipped_files(kind: Kind) -> dict[str, Path]:
    """What is shipped of this kind: name → absolute path, in the order of the names."""
    found = (_data() / kind).glob(f"*{_SUFFIX[kind]}")
    return {path.stem: path for path in sorted(found) if path.is_file()}


def find(kind: Kind, name_or_path: str | Path, beside: Path = _HERE) -> Path:
    """The file that a user means: a shipped name, or else a path.

    A path begins at the current folder or, where a file names it, at the folder ``beside``.
    A shipped name wins over a file of that name there; ``./NAME`` means the file.
    Raises InputError, which lists the names, where there is neither.
    """
    shipped = shipped_files(kind)
    path = shipped.get(str(name_or_path), beside / name_or_path)
    if path.is_file():
        return path
    problem = "is a folder" if path.is_dir() else "no such file"
    names = ", ".join(shipped) or "none"
    raise InputError(
        f"{problem}, and no {_ONE[kind]} of that name comes with simkit",
        file=name_or_path,
        hint=f"there are: {names}",
    )


def _data(package: Path = _PACKAGE) -> Path:
    """The folder of shipped data, as a wheel has it or else as a checkout has it."""
    packed = package / "_data"
    return packed if packed.is_dir() else package.parent / "data"
