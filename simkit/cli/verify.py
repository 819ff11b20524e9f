"""``simkit verify``: policies beside a live nginx, request by request."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simkit.cli.options import FAILED, AllowUnsupported, Seed
from simkit.errors import InputError, printable

if TYPE_CHECKING:
    from simkit.live.verify import Verified
    from simkit.policy import Policy

__all__ = ["verify"]


def verify(
    policy: Annotated[
        list[str],
        typer.Argument(
            metavar="POLICY…",
            help="Configurations, names of shipped policies, or folders of .conf files.",
        ),
    ],
    requests: Annotated[
        int, typer.Option(min=1, help="Requests to each policy, made for it from the seed.")
    ] = 200,
    seed: Seed = 1,
    timed: Annotated[
        int,
        typer.Option(
            min=0,
            help="Requests of each of two timed traces of a policy with limit_req; 0: none.",
        ),
    ] = 500,
    nginx: Annotated[
        Path | None, typer.Option(metavar="PATH", help="The nginx to run; else that on the PATH.")
    ] = None,
    to_json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write it all as JSON too.")
    ] = None,
    allow_unsupported: AllowUnsupported = False,
) -> None:
    """Verify policies: the same requests to the simulation and to a live nginx on loopback.

    nginx runs a copy of the configuration, with other ports and in a temporary folder. Ends with 1
    where the two disagree about an answer.
    """
    from simkit.live.nginx import nginx_version
    from simkit.policy.answers import NGINX_VERSION, version_note
    from simkit.show.verify import print_verified

    policies = _policies(policy, allow_unsupported=allow_unsupported)
    _check_writable(to_json)
    program = None if nginx is None else str(nginx)
    version = nginx_version(program)
    note = version_note(version)
    if note is not None:
        print(f"simkit: warning: {printable(note)}", file=sys.stderr)
    found: list[Verified] = []
    try:
        _verify(policies, found, requests=requests, seed=seed, timed=timed, program=program)
    finally:
        if found:
            print_verified(found, (version, NGINX_VERSION))
        if to_json is not None:
            _write(to_json, found, seed=seed, versions=(version, NGINX_VERSION))
    if not all(one.holds for one in found):
        raise typer.Exit(FAILED)


def _verify(
    policies: Sequence[Policy],
    found: list[Verified],
    *,
    requests: int,
    seed: int,
    timed: int,
    program: str | None,
) -> None:
    """Verify one after the other; what is done stays in ``found`` if one cannot be."""
    from simkit.cli.progress import progress
    from simkit.live.verify import verify as run

    with progress("verifying") as report:
        for number, policy in enumerate(policies):

            def tell(done: int, before: int = number * requests) -> None:
                report(before + min(done, requests), len(policies) * requests)

            found.append(
                run(policy, requests=requests, seed=seed, timed=timed, program=program, tell=tell)
            )


def _policies(given: Sequence[str], *, allow_unsupported: bool) -> list[Policy]:
    """All that is named, read before anything is started. Raises InputError."""
    from simkit.policy import load_policy

    files = {file.resolve(): file for text in given for file in _files(text)}
    return [load_policy(file, allow_unsupported) for file in files.values()]


def _files(text: str) -> list[Path]:
    from simkit.shipped import find

    folder = Path(text)
    if not folder.is_dir():
        return [find("policies", text)]
    files = sorted(folder.glob("*.conf"))
    if not files:
        raise InputError("there is no .conf file in this folder", file=folder)
    return files


def _check_writable(file: Path | None) -> None:
    """Complain about a file that cannot be written before the work, not after it."""
    if file is not None and (file.is_dir() or not file.absolute().parent.is_dir()):
        raise InputError("this file cannot be written", file=file, hint="--json FILE")


def _write(file: Path, found: Sequence[Verified], *, seed: int, versions: tuple[str, str]) -> None:
    document = {
        "nginx": versions[0],
        "modelled": versions[1],
        "seed": seed,
        "policies": [one.to_json() for one in found],
    }
    file.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8")
