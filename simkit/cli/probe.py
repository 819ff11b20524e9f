"""``simkit probe``: telling requests put to a policy, and what surprises people."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from simkit.cli.options import FAILED, AllowUnsupported, Json, one_policy, print_json
from simkit.errors import InputError, printable

if TYPE_CHECKING:
    from simkit.study.probe import Report

__all__ = ["probe"]


def probe(
    policy: Annotated[
        str | None, typer.Argument(help="A configuration, or the name of a shipped policy.")
    ] = None,
    live: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Send the probes to a real server too, and end with 1 where it answers "
            "otherwise. On this machine only, unless --mine.",
        ),
    ] = None,
    mine: Annotated[
        bool, typer.Option("--mine", help="The server at ADDRESS is mine, and I may probe it.")
    ] = False,
    ports: Annotated[
        str, typer.Option(metavar="80=8080,…", help="Where its ports are, if not where configured.")
    ] = "",
    catalogue: Annotated[
        bool, typer.Option("--catalogue", help="List the probes, and how to send each by hand.")
    ] = False,
    allow_unsupported: AllowUnsupported = False,
    as_json: Json = False,
) -> None:
    """Probe a policy: a fixed catalogue of telling requests, and what surprises people."""
    if catalogue:
        _catalogue(as_json=as_json)
        return
    if policy is None:
        raise InputError("no policy is named", hint="simkit probe nginx.conf")
    from simkit.study.probe import probe as run

    report = run(one_policy(policy, allow_unsupported=allow_unsupported))
    if live is not None:
        _live(report, live, ports, mine=mine, as_json=as_json)
        return
    if as_json:
        print_json(report.to_json())
        return
    from simkit.show.probe import print_report

    print_report(report)


def _catalogue(*, as_json: bool) -> None:
    from simkit.show.probe import print_catalogue
    from simkit.study.probes import CATALOGUE

    if as_json:
        print_json([{"probe": one.name, "tells": one.tells, "how": one.how} for one in CATALOGUE])
        return
    print_catalogue()


def _live(report: Report, text: str, ports: str, *, mine: bool, as_json: bool) -> None:
    from simkit.cli.progress import progress
    from simkit.live.probe import Compared, find_server, probe_live, server_version
    from simkit.policy.answers import version_note
    from simkit.show.probe import print_compared

    where = find_server(text, _ports(ports), mine=mine)
    found: list[Compared] = []
    with progress("probing") as tell:
        for one in probe_live(report, where):
            found.append(one)
            tell(len(found), len(report.rows))
    if as_json:
        print_json({**report.to_json(), "live": [one.to_json() for one in found]})
    else:
        print_compared(found)
    note = version_note(server_version(found))
    if note is not None:
        print(f"simkit: warning: {printable(note)}", file=sys.stderr)
    if any(one.differences for one in found):
        raise typer.Exit(FAILED)


def _ports(text: str) -> dict[int, int]:
    found: dict[int, int] = {}
    for pair in filter(None, text.split(",")):
        port, equals, other = pair.partition("=")
        if not equals or not port.isdecimal() or not other.isdecimal():
            raise InputError(f'--ports "{text}" cannot be read', hint="--ports 80=8080,443=8443")
        found[int(port)] = int(other)
    return found
