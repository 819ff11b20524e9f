"""What the command does: measure, put together, write."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from simkit.bench.cases import cases
from simkit.bench.checks import Check
from simkit.bench.report import Benchmark, benchmark
from simkit.bench.rounds import measure

__all__ = ["NAME", "run", "write"]

NAME = "benchmark"
"""The files' name without its suffix."""


def run(*, quick: bool, progress: Callable[[int, int], None]) -> Benchmark:
    """Measure everything that can be measured here."""
    before = sources_digest()
    measured = measure(cases(quick), progress)
    found = f"{before}, {sources_digest()}"
    unchanged = Check(
        "the program was the same from the first sample to the last",
        found == f"{before}, {before}",
        found,
    )
    return benchmark(measured, quick=quick, first=(unchanged,))


def sources_digest() -> str:
    """A hash of the package's sources, which somebody may edit while it is measured."""
    found = hashlib.blake2b(digest_size=8)
    for source in sorted(Path(__file__).resolve().parents[1].rglob("*.py")):
        found.update(source.read_bytes())
    return found.hexdigest()


def write(found: Benchmark, folder: Path) -> list[Path]:
    """Write JSON, Markdown and the figure into a folder; the paths."""
    from simkit.bench.figure import save_figure
    from simkit.bench.sheets import markdown

    folder.mkdir(parents=True, exist_ok=True)
    document, text, picture = (folder / f"{NAME}.{s}" for s in ("json", "md", "png"))
    document.write_text(json.dumps(found.to_json(), indent=2) + "\n", encoding="utf-8")
    text.write_text(markdown(found, picture.name), encoding="utf-8")
    return [document, text, save_figure(found, picture)]
