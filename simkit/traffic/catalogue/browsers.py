"""Browsers: what a page and its scripts do when a connection breaks. Codes are final."""

from __future__ import annotations

from simkit.traffic.catalogue.client import Client
from simkit.traffic.reactions import Action

__all__ = ["BROWSERS"]

# Resends go on while the connection that broke had been in use or, for a page, had been opened
# ahead of need: one for each idle connection, and the one that opens a fresh one is the last. A
# browser opens six connections to a site.
_ALL_IDLE = Action(resend_reused=20)

# After 1, 5, 30 s, 1, 5, 10 and 30 minutes.
_RELOADS_S = (1.0, 5.0, 30.0, 60.0, 300.0, 600.0, 1800.0)
_RELOAD = Action(retry_after_s=_RELOADS_S, retry_for="safe", documents_only=True)
_BROKEN = _RELOAD.model_copy(update={"resend_at_once": 2, "resend_reused": 20})

_TEN_AT_ONCE = Action(resend_at_once=9, resend_for="safe", resend_reused=1)

BROWSERS = (
    Client(
        name="chromium",
        about="Chromium and what is built on it, a person's pages",
        evidence=(
            "[M] Chromium 156: an empty close or a reset is hit 1 to 4 times in each load, mostly "
            "2 in a private window and 3 in the usual one, 10 to 15 times in 96 s; a reset of an "
            "HTTP/2 stream once in each load. "
            "[S] net/http/http_network_transaction.cc: what broke before a header came is sent "
            "again, whatever the method, if its connection was a reused one. "
            "[S] net_error_auto_reloader.cc: network errors are loaded again, codes and forms "
            "are not."
        ),
        reactions={"empty": _BROKEN, "reset": _BROKEN, "network": _RELOAD},
        unsaid=(
            "It hits a page once for each connection opened ahead: two, as is usual, stand here, "
            "but a private window has one. A window that nobody looks at is not loaded again."
        ),
    ),
    Client(
        name="chromium-fetch",
        about="Chromium, requests that a script makes: fetch() and its kind",
        evidence=(
            "[M] Chromium 156: GET, POST and PUT alike, 2 hits with one idle connection, 7 with "
            "six, 1 with none. "
            "[S] net/http/http_network_transaction.cc."
        ),
        reactions={"empty": _ALL_IDLE, "reset": _ALL_IDLE},
    ),
    Client(
        name="firefox",
        about="Firefox, pages and scripts",
        evidence=(
            "[M] Firefox 153 ESR: 10 hits at once of whatever is asked for by GET, on new and "
            "used connections, page, picture or script; none later; 10 hits, POST too, where an "
            "HTTP/2 stream is reset. "
            "[S] netwerk/protocol/http/nsHttpTransaction.cpp: safe methods, and any method on a "
            "reused connection; network.http.request.max-attempts is 10."
        ),
        reactions={
            "empty": _TEN_AT_ONCE,
            "reset": _TEN_AT_ONCE,
            "stream_reset": Action(resend_at_once=9),
        },
    ),
)
