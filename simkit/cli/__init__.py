"""The command line: one module for each command, and what they share.

Exit status: 0 done, 1 a check failed, 2 the input cannot be used, 130 interrupted. Results go to
standard output, everything else to standard error.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from simkit import __version__
from simkit.cli import (
    attack,
    bench,
    calibrate,
    compare,
    explain,
    listing,
    probe,
    replay,
    serve,
    sim_to_real,
    simulate,
    sweep,
    verify,
)
from simkit.errors import InputError, printable

__all__ = ["app", "main"]

BAD_INPUT, INTERRUPTED = 2, 130

app = typer.Typer(
    name="simkit",
    help="Compare ways for an nginx server to answer unwanted requests: what attackers would "
    "learn, who would be hurt, what it would cost.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(compare.compare)
app.command()(simulate.simulate)
app.command()(attack.attack)
app.command()(replay.replay)
app.command()(explain.explain)
app.command()(probe.probe)
app.command()(serve.serve)
app.command()(sweep.sweep)
app.command()(verify.verify)
app.command()(calibrate.calibrate)
app.command()(sim_to_real.sim_to_real)
app.command()(bench.bench)
app.command()(listing.policies)
app.command()(listing.strategies)
app.command()(listing.scenarios)
app.command()(listing.cohorts)
app.command()(listing.clients)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"simkit {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Say the version."),
    ] = False,
) -> None:
    """What holds for every command."""


def main() -> None:
    """Run the command line and end the process with its status."""
    try:
        app()
    except InputError as error:
        print(f"simkit: error: {error}", file=sys.stderr)
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        print("simkit: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # whoever read the output has left; nothing more is to be said, not even by the interpreter
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        what = error.strerror or str(error)
        where = f"{error.filename}: " if error.filename else ""
        print(f"simkit: error: {printable(f'{where}{what}')}", file=sys.stderr)
        sys.exit(BAD_INPUT)
