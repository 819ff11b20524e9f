"""``simkit attack``: what attackers find out about a policy, probe by probe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from simkit.cli.compare import DEFAULT_SCENARIO
from simkit.cli.options import AllowUnsupported, Json, named_strategies, print_json
from simkit.errors import InputError, printable

__all__ = ["attack"]


def attack(
    scenario: Annotated[
        str, typer.Argument(help="A scenario file, or the name of a shipped one: its [leakage].")
    ] = DEFAULT_SCENARIO,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE",
            help="A policy or strategy to attack; give it several times. Without any, all shipped "
            "policies.",
        ),
    ] = None,
    secret: Annotated[
        list[str] | None,
        typer.Option(help="presence, product, path, rule or threshold; all if not said."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write belief.png, attacks.csv and attacks.txt here.")
    ] = None,
    allow_unsupported: AllowUnsupported = False,
    as_json: Json = False,
) -> None:
    """Attack policies: what each probe tells, how belief moves, when an attacker is sure."""
    from simkit.show.attacker import print_attacks
    from simkit.show.figures_attacker import write_belief
    from simkit.study.attackers import attack_rows, attacks_of
    from simkit.traffic import load_scenario

    crowd = load_scenario(scenario)
    against = named_strategies(policy or [], allow_unsupported=allow_unsupported)
    if crowd.leakage is None:
        raise InputError(
            f"scenario {crowd.name} names no probes", file=scenario, hint="add a table [leakage]"
        )
    found = attacks_of(crowd, against, secrets=_wanted(secret))
    written = [] if out is None else write_belief(found, out)
    if as_json:
        print_json({"attacks": attack_rows(found)})
        return
    print_attacks(found)
    if out is not None:
        typer.echo(f"\nWritten to {printable(str(out))}: {', '.join(p.name for p in written)}")


def _wanted(secrets: Sequence[str] | None) -> frozenset[str] | None:
    from simkit.study.attackers import SECRETS

    unknown = [name for name in secrets or () if name not in SECRETS]
    if unknown:
        hint = f"there are {', '.join(SECRETS)}"
        raise InputError(f"there is no secret {unknown[0]!r}", hint=hint)
    return frozenset(secrets) if secrets else None
