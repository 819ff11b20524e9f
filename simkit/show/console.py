"""Where tables are printed: a terminal as wide as it is, anything else wide enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

PLAIN_WIDTH = 140
"""Columns of text where the output is no terminal and has no width of its own."""

__all__ = ["PLAIN_WIDTH", "make_console"]


def make_console(file: TextIO | None = None) -> Console:
    """A console for tables: as wide as the terminal, or wide enough where there is none."""
    from rich.console import Console

    console = Console(file=file, highlight=False)
    return (
        console if console.is_terminal else Console(file=file, width=PLAIN_WIDTH, highlight=False)
    )
