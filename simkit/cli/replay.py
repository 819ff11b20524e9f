"""``simkit replay``: a recorded access log through a policy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simkit.cli.options import AllowUnsupported, Json, Seed, one_policy, print_json

__all__ = ["replay"]


def replay(
    log: Annotated[Path, typer.Argument(help="An access log, plain or .gz.")],
    policy: Annotated[
        str, typer.Option(metavar="FILE", help="A configuration, or the name of a shipped policy.")
    ],
    host: Annotated[
        str | None,
        typer.Option(
            help="The Host of all requests where the log has none; the site's if not said."
        ),
    ] = None,
    log_format: Annotated[
        str | None,
        typer.Option(help="The log_format as in nginx.conf; combined and common are recognised."),
    ] = None,
    members: Annotated[
        int, typer.Option(min=1, help="Orders to try within seconds that the log leaves open.")
    ] = 20,
    port: Annotated[
        int | None, typer.Option(help="The port of all requests where the log has none.")
    ] = None,
    trust_clock: Annotated[
        bool, typer.Option("--trust-clock", help="Judge limits even where the clock looks wrong.")
    ] = False,
    seed: Seed = 1,
    full: Annotated[
        bool, typer.Option("--full", help="Show whole addresses and query strings.")
    ] = False,
    allow_unsupported: AllowUnsupported = False,
    as_json: Json = False,
) -> None:
    """Say what a policy would have refused of a recorded log, and by which line."""
    from simkit.study.replay import replay as run

    read = one_policy(policy, allow_unsupported=allow_unsupported)
    report = run(
        log,
        read,
        log_format=log_format,
        host=host,
        port=port,
        members=members,
        seed=seed,
        trust_clock=trust_clock,
    )
    if as_json:
        print_json(report.to_json(full=full))
        return
    from simkit.show.replay import print_replay

    print_replay(report, full=full)
