"""``simkit bench``: how fast the engines are, beside those of others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simkit.cli.options import FAILED, Json, print_json
from simkit.cli.progress import progress

__all__ = ["bench"]


def bench(
    quick: Annotated[
        bool, typer.Option("--quick", help="A tenth of the requests: about a minute.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Write benchmark.md, .png and .json to this folder.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure speed and memory: this project's engines, SimPy, Ciw, salabim. Takes minutes.

    Every sample runs in a process of its own, in rounds; medians are shown. Exit status 1 where
    what was compared was not the same thing: seconds are never checked.
    """
    from simkit.bench.command import run, write
    from simkit.bench.sheets import print_benchmark
    from simkit.show.console import make_console

    with progress("measuring") as report:
        found = run(quick=quick, progress=report)
    written = [] if out is None else write(found, out)
    if as_json:
        print_json(found.to_json())
    else:
        print_benchmark(found, make_console())
    if written and not as_json:
        typer.echo(f"\nWritten to {out}: {', '.join(path.name for path in written)}")
    if not found.passed:
        raise typer.Exit(FAILED)
