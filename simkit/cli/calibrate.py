"""``simkit calibrate``: what an nginx on this machine costs, as a cost table for simulations."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simkit.cli.options import Json, print_json
from simkit.errors import InputError

if TYPE_CHECKING:
    from simkit.live.calibrate import Calibration

__all__ = ["calibrate"]

_SHIPPED = "nginx-1.22-loopback"


def calibrate(
    nginx: Annotated[
        Path | None, typer.Option(metavar="PATH", help="The nginx to run; else that on the PATH.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.toml", help="Write the cost table here; it is named after it."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="About 20 seconds instead of some minutes; noisier.")
    ] = False,
    date: Annotated[
        str, typer.Option(metavar="YYYY-MM-DD", help="The date in the provenance; else today.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Calibrate: measure the CPU time that a live nginx takes here, and write a cost table.

    nginx answers on loopback only, from a temporary folder. What is counted is CPU time of its
    worker, so a busy machine adds noise and no waiting. A scenario names the table
    as "costs" of its host. On Linux only.
    """
    from simkit.bench.machine import processor
    from simkit.cli.progress import saying
    from simkit.live.calibrate import FULL, QUICK
    from simkit.live.calibrate import calibrate as run

    day = _day(date)
    _check_writable(out)
    with saying("calibrating") as tell:
        found = run(
            program=nginx,
            effort=QUICK if quick else FULL,
            date=day,
            processor=processor(),
            tell=tell,
        )
    name = f"nginx-{found.conditions.nginx}-{day}" if out is None else out.stem
    _report(found, name, out, as_json=as_json)


def _report(found: Calibration, name: str, out: Path | None, *, as_json: bool) -> None:
    from simkit.host import load_costs
    from simkit.live.calibrate import to_toml

    if out is not None:
        out.write_text(to_toml(found, name), encoding="utf-8")
    if as_json:
        print_json(found.to_json(name))
        return
    from simkit.show.calibrate import print_calibration

    print_calibration(found, load_costs(_SHIPPED))
    if out is not None:
        typer.echo(f'\nWritten to {out}. In a scenario: [host] costs = "{out}"')
    else:
        typer.echo("\nNothing is written: --out FILE.toml does that.")


def _day(text: str) -> str:
    """The date as given, or today's. Raises InputError for what is none."""
    if not text:
        return datetime.date.today().isoformat()  # noqa: DTZ011 (the user's own day)
    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError:
        raise InputError(f'"{text}" is no date', hint="--date 2026-01-31") from None


def _check_writable(file: Path | None) -> None:
    """Complain about a file that cannot be written before the work, not after it."""
    if file is None:
        return
    if file.suffix != ".toml":
        raise InputError("a cost table is a .toml file", file=file, hint="--out FILE.toml")
    if file.is_dir() or not file.absolute().parent.is_dir():
        raise InputError("this file cannot be written", file=file, hint="--out FILE.toml")
