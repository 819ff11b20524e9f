"""What nbval cannot say: that every code cell was run, in order, and without an error.

nbval passes over a cell that has no execution count, so a stripped notebook passes whatever it
prints. ``python -m tests.notebook_gate FOLDER`` ends with status 1 and names what is wrong.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_MAY_RAISE = {"raises-exception", "nbval-raises-exception"}


def complaints(notebook: Path) -> Iterator[str]:
    """What is wrong with one notebook, a line each; nothing where it was run from top to bottom."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = [c for c in cells if c["cell_type"] == "code" and "".join(c["source"]).strip()]
    if not code:
        yield f"{notebook}: no code cells"
    for number, cell in enumerate(code, start=1):
        for problem in _problems(cell, number):
            yield f"{notebook}: code cell {number} {problem}: {_first_line(cell)}"


def _problems(cell: dict[str, Any], number: int) -> Iterator[str]:
    count = cell.get("execution_count")
    tags = set(cell.get("metadata", {}).get("tags", ()))
    if count is None:
        yield "has no execution count, so its output is compared with nothing"
    elif count != number:
        yield f"has execution count {count}: it was not run in order from a fresh start"
    if "nbval-skip" in tags:
        yield "is skipped"
    if not tags & _MAY_RAISE and any(o["output_type"] == "error" for o in cell["outputs"]):
        yield "ends in an error"


def _first_line(cell: dict[str, Any]) -> str:
    return str("".join(cell["source"]).strip().splitlines()[0])


def main(folder: str) -> int:
    """Checks every notebook of a folder; the exit status."""
    notebooks = sorted(Path(folder).glob("*.ipynb"))
    found = [line for notebook in notebooks for line in complaints(notebook)]
    if not notebooks:
        found = [f"{folder}: no notebooks"]
    print("\n".join(found) or f"{len(notebooks)} notebooks were run from top to bottom")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
