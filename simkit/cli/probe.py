"""``simkit probe``: telling requests put to a policy, and what surprises people."""

from __future__ import annotations

from typing import Annotated

import typer

from simkit.cli.options import AllowUnsupported, Json, one_policy, print_json

__all__ = ["probe"]


def probe(
    policy: Annotated[
        str, typer.Argument(help="A configuration, or the name of a shipped policy.")
    ],
    allow_unsupported: AllowUnsupported = False,
    as_json: Json = False,
) -> None:
    """Probe a policy: a fixed catalogue of telling requests, and what surprises people."""
    from simkit.study.probe import probe as run

    read = one_policy(policy, allow_unsupported=allow_unsupported)
    report = run(read)
    if as_json:
        print_json(report.to_json())
        return
    from simkit.show.probe import print_report

    print_report(report)
