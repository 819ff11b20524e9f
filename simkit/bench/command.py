"""What the command does: measure, put together, write."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from simkit.bench.cases import cases
from simkit.bench.report import Benchmark, benchmark
from simkit.bench.rounds import measure

__all__ = ["NAME", "run", "write"]

NAME = "benchmark"
"""The files' name without its suffix."""


def run(*, quick: bool, progress: Callable[[int, int], None]) -> Benchmark:
    """Measure everything that can be measured here."""
    return benchmark(measure(cases(quick), progress), quick=quick)


def write(found: Benchmark, folder: Path) -> list[Path]:
    """Write JSON, Markdown and the figure into a folder; the paths."""
    from simkit.bench.figure import save_figure
    from simkit.bench.sheets import markdown

    folder.mkdir(parents=True, exist_ok=True)
    document, text, picture = (folder / f"{NAME}.{s}" for s in ("json", "md", "png"))
    document.write_text(json.dumps(found.to_json(), indent=2) + "\n", encoding="utf-8")
    text.write_text(markdown(found, picture.name), encoding="utf-8")
    return [document, text, save_figure(found, picture)]
