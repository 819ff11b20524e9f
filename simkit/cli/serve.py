"""``simkit serve``: a configuration on real sockets, on a machine without nginx."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simkit.cli.options import AllowUnsupported, one_policy
from simkit.errors import InputError, printable

if TYPE_CHECKING:
    from simkit.live.serve.server import Listening, Server

__all__ = ["serve"]

_MOST_PORT = 65535


def serve(
    policy: Annotated[
        str,
        typer.Argument(metavar="CONF", help="A configuration, or the name of a shipped policy."),
    ],
    prefix: Annotated[
        Path | None,
        typer.Option(
            "--prefix", "-p", help="The folder of relative paths; the current one if not said."
        ),
    ] = None,
    globals_: Annotated[
        str, typer.Option("-g", metavar="DIRECTIVES", help='Global directives: "pid my.pid;".')
    ] = "",
    port: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PORT=OTHER",
            help="Listen on another port than configured; 0: any that is free. Repeatable.",
        ),
    ] = None,
    host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS",
            help="Listen on this address in place of loopback, such as 0.0.0.0 or ::. Repeatable.",
        ),
    ] = None,
    make_certificates: Annotated[
        bool,
        typer.Option(
            "--make-certificates", help="Self-signed certificates in place of those not there."
        ),
    ] = False,
    echo: Annotated[
        bool, typer.Option("--echo", help="All logs to the terminal, no pid file.")
    ] = False,
    allow_unsupported: AllowUnsupported = False,
) -> None:
    """Serve a policy on real sockets, for lessons and trials. It is no production server."""
    import asyncio

    from simkit.live.serve.server import Options, Server
    from simkit.live.serve.wiring import Wiring, global_directives

    read = one_policy(policy, allow_unsupported=allow_unsupported)
    folder = (prefix or Path.cwd()).resolve()
    if not folder.is_dir():
        raise InputError("there is no such folder", file=prefix, hint="--prefix names a folder")
    wiring = Wiring(read, folder, global_directives(globals_), echo=echo)
    options = Options(_hosts(host or []), _ports(port or []), make_certificates)
    with Server(wiring, options) as server:
        asyncio.run(server.serve(lambda: _announce(server, read.warnings, wiring.left_out())))


def _announce(server: Server, *warnings: object) -> None:
    """Say what this is, where it listens, and what it leaves out."""
    _say("this is no production server: it is for lessons and trials with what you trust")
    for group in warnings:
        for warning in group:  # type: ignore[attr-defined]
            _say(f"warning: {warning}")
    for listening in server.listening:
        _say(_line(listening))
        if not ip_address(listening.host).is_loopback:
            _say(f"warning: {listening.host} can be reached from outside this machine")
    _say("stop with Ctrl-C")


def _say(text: str) -> None:
    print(f"simkit: {printable(text)}", file=sys.stderr, flush=True)


def _line(listening: Listening) -> str:
    scheme = "https" if listening.tls else "http"
    shown = f"[{listening.host}]" if ":" in listening.host else listening.host
    text = f"{scheme}://{shown}:{listening.port}/"
    if listening.port != listening.configured_port:
        text += f" stands for port {listening.configured_port}"
    return text + (" (HTTP/1.1 only)" if listening.http2 else "")


def _hosts(given: Sequence[str]) -> tuple[str, ...]:
    for text in given:
        try:
            ip_address(text)
        except ValueError:
            raise InputError(
                f'--host "{text}" is no address', hint="such as 0.0.0.0 or ::1"
            ) from None
    return tuple(given)


def _ports(given: Sequence[str]) -> dict[int, int]:
    found: dict[int, int] = {}
    for text in given:
        configured, equals, other = text.partition("=")
        numbers = (configured, other)
        valid = all(n.isascii() and n.isdigit() and int(n) <= _MOST_PORT for n in numbers)
        if not equals or not valid:
            raise InputError(f'--port "{text}" cannot be read', hint="such as --port 80=8080")
        found[int(configured)] = int(other)
    return found
