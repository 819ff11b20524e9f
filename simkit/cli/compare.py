"""``simkit compare``: policies against each other on the same crowd."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simkit.cli.options import AllowUnsupported, Json, Seed, named_policies, print_json
from simkit.cli.progress import progress

if TYPE_CHECKING:
    from simkit.study.compare import Comparison

DEFAULT_SCENARIO = "small_shop"

__all__ = ["DEFAULT_SCENARIO", "compare"]


def compare(
    scenario: Annotated[
        str, typer.Argument(help="A scenario file, or the name of a shipped one.")
    ] = DEFAULT_SCENARIO,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE",
            help="A policy to compare; give it several times. A file or the name of a shipped "
            "policy will do. Without any, all shipped policies.",
        ),
    ] = None,
    replications: Annotated[
        int, typer.Option(min=1, help="Runs of each policy; more make the intervals narrower.")
    ] = 10,
    seed: Seed = 1,
    out: Annotated[
        Path | None, typer.Option(help="Write tables (CSV) and figures (PNG) to this folder.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes to use; as many as worthwhile if not said.")
    ] = None,
    allow_unsupported: AllowUnsupported = False,
    as_json: Json = False,
) -> None:
    """Compare policies: leakage, false drops, misses and load, with intervals."""
    from simkit.study.compare import compare as run
    from simkit.traffic import load_scenario

    crowd = load_scenario(scenario)
    policies = named_policies(policy or [], allow_unsupported=allow_unsupported)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    with progress("simulating") as report:
        found = run(
            crowd,
            policies,
            replications=replications,
            seed=seed,
            workers=workers,
            progress=report,
        )
    written = [] if out is None else _write(found, out)
    if as_json:
        print_json(found.to_json())
    else:
        _print(found, out, written)
    if found.interrupted:
        raise KeyboardInterrupt


def _print(found: Comparison, out: Path | None, written: list[Path]) -> None:
    from simkit.show.table import print_comparison

    print_comparison(found)
    if out is not None:
        typer.echo(f"\nWritten to {out}: {', '.join(path.name for path in written)}")


def _write(found: Comparison, out: Path) -> list[Path]:
    from simkit.show.figures import save_figures

    return [*found.to_csv(out), *save_figures(found, out)]
