"""The table of hits: hits.txt, read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["HITS", "Cell"]


@dataclass(frozen=True, slots=True)
class Cell:
    """How often a wish hits the server, live and simulated."""

    live: int
    simulated: int


def _cell(text: str) -> Cell:
    live, _, simulated = text.partition("/")
    return Cell(int(live), int(simulated or live))


def _read(path: Path) -> dict[str, dict[str, Cell]]:
    lines = [line.split() for line in path.read_text().splitlines() if line[0] != "#"]
    (_, *names), *rows = lines
    return {
        client: {n: _cell(c) for n, c in zip(names, cells, strict=True) if c != "-"}
        for client, *cells in rows
    }


HITS = _read(Path(__file__).parent / "hits.txt")
"""Client → situation → hits."""
