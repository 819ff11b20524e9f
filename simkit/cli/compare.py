"""``simkit compare``: policies against each other on the same crowd."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simkit.cli.options import AllowUnsupported, Json, Seed, named_strategies, print_json
from simkit.cli.progress import progress
from simkit.errors import InputError

if TYPE_CHECKING:
    from simkit.measures.statistics import Precision
    from simkit.strategy import Strategy
    from simkit.study.compare import Comparison
    from simkit.study.outcome import Engine
    from simkit.traffic import Scenario

DEFAULT_SCENARIO = "small_shop"
ENGINES: dict[str, Engine] = {"auto": "auto", "simpy": "simpy", "compiled": "compiled"}

__all__ = ["DEFAULT_SCENARIO", "compare"]


def compare(
    scenario: Annotated[
        str, typer.Argument(help="A scenario file, or the name of a shipped one.")
    ] = DEFAULT_SCENARIO,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE",
            help="A policy to compare, or a strategy: a policy with a firewall or a CDN in front. "
            "Give it several times; a file or the name of a shipped one will do. Without any, "
            "all shipped policies.",
        ),
    ] = None,
    replications: Annotated[
        int, typer.Option(min=1, help="Runs of each policy; more make the intervals narrower.")
    ] = 10,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="HALF_WIDTH[%]",
            help="Add replications until the false drops of every policy are this close to those "
            "of the first: half the width of the interval of the difference, in percentage points "
            "(0.5) or as a share of it (10%).",
        ),
    ] = None,
    budget: Annotated[
        int | None, typer.Option(min=2, help="With --until: replications at most; 200 if not said.")
    ] = None,
    seed: Seed = 1,
    out: Annotated[
        Path | None, typer.Option(help="Write tables (CSV) and figures (PNG) to this folder.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes to use; as many as worthwhile if not said.")
    ] = None,
    engine: Annotated[
        str, typer.Option(help="auto, simpy or compiled: the results are the same.")
    ] = "auto",
    allow_unsupported: AllowUnsupported = False,
    as_json: Json = False,
) -> None:
    """Compare policies: leakage, false drops, misses and load, with intervals."""
    from simkit.study.adaptive import Goal, compare_until
    from simkit.study.compare import compare as run
    from simkit.traffic import load_scenario

    wanted = _precision(until, budget, replications)
    if engine not in ENGINES:
        raise InputError(f"{engine} is no engine", hint=f"there are {', '.join(ENGINES)}")
    crowd = load_scenario(scenario)
    policies = named_strategies(policy or [], allow_unsupported=allow_unsupported)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    with progress("simulating") as report:
        if wanted is None:
            found = run(
                crowd,
                policies,
                replications=replications,
                seed=seed,
                workers=workers,
                progress=report,
                engine=ENGINES[engine],
            )
        else:
            found = compare_until(
                crowd,
                policies,
                [Goal(wanted)],
                seed=seed,
                workers=workers,
                progress=report,
                engine=ENGINES[engine],
            ).noted
    written = [] if out is None else _write(found, crowd, policies, out)
    if as_json:
        print_json(found.to_json())
    else:
        _print(found, out, written)
    if found.interrupted:
        raise KeyboardInterrupt


def _precision(until: str | None, budget: int | None, replications: int) -> Precision | None:
    """What ``--until`` and ``--budget`` ask for; None where nothing is."""
    from simkit.measures.statistics import Precision

    if until is None:
        if budget is not None:
            raise InputError("--budget goes with --until", hint="for so many, take --replications")
        return None
    number, relative = until.removesuffix("%"), until.endswith("%")
    try:
        half_width = float(number) / (100.0 if relative else 1.0)
        most = 200 if budget is None else budget
        return Precision(half_width, relative, max(2, min(replications, most)), most)
    except ValueError as error:
        raise InputError(
            f'--until "{until}" is no half-width: {error}', hint="such as 0.5, or 10%"
        ) from None


def _print(found: Comparison, out: Path | None, written: list[Path]) -> None:
    from simkit.show.table import print_comparison

    print_comparison(found)
    if out is not None:
        figures = [path.name for path in written if path.suffix == ".png"]
        tables = [path.name for path in written if path.suffix != ".png"]
        typer.echo(f"\nFigures in {out}: {', '.join(figures)}")
        typer.echo(f"Tables in {out}: {', '.join(tables)}")


def _write(
    found: Comparison, crowd: Scenario, policies: Mapping[str, Strategy], out: Path
) -> list[Path]:
    from simkit.show.figures import save_figures
    from simkit.study.courses import write_courses

    tables = [*found.to_csv(out), *write_courses(found, out)]
    return [*tables, *save_figures(found, out), *_attacks(crowd, policies, out)]


def _attacks(crowd: Scenario, policies: Mapping[str, Strategy], out: Path) -> list[Path]:
    """What attackers come to believe: a table, the same for reading, and a figure."""
    from simkit.show.figures_attacker import write_belief
    from simkit.study.attackers import attacks_of

    attacks = attacks_of(crowd, policies)
    return write_belief(attacks, out) if attacks else []
