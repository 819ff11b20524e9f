"""The public face: one table, one `__all__`, and an import that costs next to nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import simkit

HEAVY = {
    "jupyterlab",
    "matplotlib",
    "numba",
    "numpy",
    "pandas",
    "polars",
    "pydantic",
    "rich",
    "scipy",
    "simpy",
    "typer",
}


def checked_imports() -> dict[str, str]:
    """Name → module as the type checker sees it: the imports under ``if TYPE_CHECKING``."""
    tree = ast.parse(Path(simkit.__file__).read_text(encoding="utf-8"))
    blocks = (
        n for n in tree.body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"
    )
    imports = (n for block in blocks for n in block.body if isinstance(n, ast.ImportFrom))
    return {alias.name: str(n.module) for n in imports for alias in n.names}


def test_the_table_and_all_hold_the_same_names() -> None:
    assert simkit.__all__ == sorted(set(simkit.__all__))
    assert set(simkit.__all__) == {*simkit._HOME, "__version__"}
    assert checked_imports() == simkit._HOME


@pytest.mark.parametrize("name", simkit.__all__)
def test_every_public_name_imports(name: str) -> None:
    value = getattr(simkit, name)
    assert name in dir(simkit)
    if name in simkit._HOME:
        assert value is getattr(sys.modules[simkit._HOME[name]], name)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        getattr(simkit, "nonsense")  # noqa: B009 - mypy knows that it is not there


def test_importing_simkit_is_light() -> None:
    command = [sys.executable, "-X", "importtime", "-c", "import simkit"]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    imported = {line.rpartition("|")[2].strip() for line in report.splitlines()}
    assert "simkit" in imported
    assert {name.partition(".")[0] for name in imported} & HEAVY == set()
    assert [name for name in imported if name.startswith("simkit.")] == []
