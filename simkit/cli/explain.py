"""``simkit explain``: one request's way through a policy."""

from __future__ import annotations

from typing import Annotated

import typer

from simkit.cli.options import AllowUnsupported, Json, one_policy, print_json

__all__ = ["explain"]


def explain(
    policy: Annotated[
        str, typer.Argument(help="A configuration, or the name of a shipped policy.")
    ],
    request: Annotated[
        str | None,
        typer.Option(
            metavar="REQUEST",
            help='"GET /admin/ HTTP/1.1", a path, a URL, or @FILE with the bytes of a request. '
            "An ordinary browser asking for / if not said.",
        ),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(
            "-H",
            "--header",
            metavar="'NAME: VALUE'",
            help='As for curl, repeatable: "Host:" leaves the Host out.',
        ),
    ] = None,
    agent: Annotated[
        str | None, typer.Option("-A", "--agent", help='The user agent; "" sends none.')
    ] = None,
    client: Annotated[
        str | None, typer.Option("--from", metavar="ADDRESS", help="The client's address.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="The port; the site's if not said.")] = None,
    tls: Annotated[bool | None, typer.Option("--tls/--plain", help="With TLS or without.")] = None,
    http2: Annotated[bool, typer.Option("--http2", help="In HTTP/2, over TLS.")] = False,
    sni: Annotated[
        str | None, typer.Option(help='The name in the TLS handshake; "" sends none.')
    ] = None,
    over_limit: Annotated[
        bool, typer.Option("--over-limit", help="Show the way of a request that a limit rejects.")
    ] = False,
    allow_unsupported: AllowUnsupported = False,
    as_json: Json = False,
) -> None:
    """Explain one request: which lines looked at it, which decided, what everybody sees."""
    from simkit.live.asked import Wanted, shape_of, who_asks
    from simkit.study.explain import explain as run

    read = one_policy(policy, allow_unsupported=allow_unsupported)
    wanted = Wanted(request, tuple(header or ()), agent, port, tls, http2, sni)
    shape = shape_of(read, wanted)
    found = run(read, shape, who_asks(read, shape.port, client), over_limit=over_limit)
    if as_json:
        print_json(found.to_json())
        return
    from simkit.show.explain import print_explanation, print_hints

    print_explanation(found)
    if wanted == Wanted() and client is None and not over_limit:
        print_hints(read)
