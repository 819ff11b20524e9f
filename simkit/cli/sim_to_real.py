"""``simkit sim-to-real``: the same crowd on a live nginx and in simulation, side by side."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simkit.cli.options import FAILED, AllowUnsupported, Json, named_strategies, print_json
from simkit.errors import InputError

if TYPE_CHECKING:
    from simkit.live.sim_to_real import Report
    from simkit.policy import Policy

__all__ = ["sim_to_real"]

_NAME = "sim-to-real"
_POLICIES = ("open", "polite", "silent", "hardened")
_QUICK_S, _QUICK_REPEATS = 10.0, 1


def sim_to_real(
    scenario: Annotated[
        Path | None,
        typer.Argument(
            metavar="SCENARIO",
            help="A scenario file whose floods are called flood and leech; else the crowd that is "
            "made for this.",
        ),
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FILE", help=f"Policies to try; else {', '.join(_POLICIES)}."),
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each, with draws of their own.")] = 5,
    level: Annotated[
        list[int] | None,
        typer.Option(
            min=1, max=95, metavar="PERCENT", help="How busy the worker is to be; else 10, 50, 90."
        ),
    ] = None,
    costs: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.toml", help="Simulate at these costs; else they are calibrated between."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal draws, in both worlds.")] = 1,
    quick: Annotated[
        bool, typer.Option("--quick", help="Ten seconds once, instead of a minute five times.")
    ] = False,
    nginx: Annotated[
        Path | None, typer.Option(metavar="PATH", help="The nginx to run; else that on the PATH.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write tables, figure and costs there; a cut trial goes on there."
        ),
    ] = None,
    as_json: Json = False,
    allow_unsupported: AllowUnsupported = False,
) -> None:
    """Hold simulation against reality: one crowd, a live nginx on loopback, several policies.

    Takes more than an hour; while the worker is to be 90 % busy the machine is good for little
    else. Ends with 1 where outcomes are more than 3 percentage points apart, attempts per wish more
    than 5 %, or the worker's CPU time more than 20 %. On Linux only.
    """
    from simkit.bench.machine import processor
    from simkit.cli.progress import saying
    from simkit.live.sim_to_real import CROWD, LEVELS, Level, Wanted, trial
    from simkit.traffic import load_scenario

    policies = _policies(policy or _POLICIES, allow_unsupported=allow_unsupported)
    crowd = load_scenario(CROWD if scenario is None else scenario)
    levels = [one for one in LEVELS if level is None or round(100 * one.utilisation) in level]
    for percent in level or ():
        if percent not in (round(100 * one.utilisation) for one in levels):
            levels.append(Level(percent / 100, LEVELS[1].guess))
    wanted = Wanted(
        scenario=crowd.model_copy(update={"length_s": _QUICK_S}) if quick else crowd,
        policies=policies,
        levels=sorted(levels, key=lambda one: one.utilisation),
        repeats=_QUICK_REPEATS if quick else repeats,
        seed=seed,
        date=datetime.date.today().isoformat(),  # noqa: DTZ011 (the user's own day)
        processor=processor(),
        program=None if nginx is None else str(nginx),
        costs=None if costs is None else str(_costs(costs)),
    )
    with saying("against reality") as tell:
        found = trial(wanted, out, tell)
    if out is not None:
        _write(found, out)
    if as_json:
        print_json(found.to_json())
    else:
        from simkit.show.sim_to_real import print_report

        print_report(found)
    if not found.holds:
        raise typer.Exit(FAILED)


def _policies(given: Sequence[str], *, allow_unsupported: bool) -> dict[str, Policy]:
    """The policies by name. Raises InputError where something stands in front of one."""
    found = named_strategies(given, allow_unsupported=allow_unsupported)
    for name, strategy in found.items():
        if strategy.has_front:
            raise InputError(
                f"{name} has something in front of its server", hint="give its policy alone"
            )
    return {name: strategy.policy for name, strategy in found.items()}


def _costs(file: Path) -> Path:
    """The table as a file that can be read. Raises InputError."""
    from simkit.host import load_costs

    load_costs(file)
    return file.resolve() if file.exists() else file


def _write(found: Report, folder: Path) -> None:
    from simkit.show.figures_sim_to_real import save_figure
    from simkit.show.sim_to_real import markdown

    document, text, picture = (folder / f"{_NAME}.{s}" for s in ("json", "md", "png"))
    document.write_text(json.dumps(found.to_json(), indent=1, allow_nan=False) + "\n", "utf-8")
    save_figure(found, picture)
    text.write_text(markdown(found, picture.name), "utf-8")
