"""Answers that no policy gives: nginx's own when the upstream fails it, or a slot is missing."""

from __future__ import annotations

from simkit.policy.answers import header_bytes, page_bytes, product
from simkit.policy.plan import Decision, Handler
from simkit.wire import Sight, SightKind, Version

__all__ = ["failure"]


def failure(status: int, meant: Decision, *, http2: bool) -> Decision:
    """nginx's page for 500 (it closes the connection), 502 or 504, in place of the answer meant.

    An `error_page` for these codes is not followed, nor is `server_tokens off`.
    """
    size = page_bytes(status, tokens=True, padded=False)
    kept = http2 or (meant.sight.kept and status != 500)
    headers = [("Content-Type", "text/html"), ("Content-Length", str(size))]
    if not http2:
        headers.append(("Connection", "keep-alive" if kept else "close"))
    server = product(tokens=True)
    version = Version.HTTP_2 if http2 else Version.HTTP_1_1
    shown = [("server", server), *((n.lower(), v) for n, v in headers if n != "Content-Length")]
    sight = Sight(SightKind.HTTP, status, tuple(sorted(shown)), size, kept)
    sent = header_bytes(version, status, server, headers) + size
    return Decision(status, sight, Handler.PAGE, sent, lease=meant.lease)
