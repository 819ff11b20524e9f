"""Programs of the command line."""

from __future__ import annotations

from simkit.traffic.catalogue.client import Client
from simkit.traffic.reactions import Action

__all__ = ["TOOLS"]

# curl sends again what broke on a connection that had served, up to five times for one transfer.
_CURL_REUSED = Action(resend_reused=5)
_CURL_DELAYS = Action(retry_after_s=(1.0, 2.0), honour_retry_after=True, zero_is_none=True)
_CURL_CODES = ("408", "429", "500", "502", "503", "504")

_WGET_DELAYS_S = (*(float(s) for s in range(1, 10)), *[10.0] * 10)
_WGET = ("empty", "reset", "no_answer", "504")

TOOLS = (
    Client(
        name="once",
        about="Any program that asks once and takes what comes",
        evidence=(
            "[M] Python's urllib, Perl's LWP 6.68, check_http 2.3.3: 1 hit, whatever comes. "
            "[S] zgrab2 http."
        ),
        reactions={},
    ),
    Client(
        name="curl",
        about="curl as it comes",
        evidence=(
            "[M] curl 7.88.1: 1 hit on a new connection, 2 on one that had served, GET and "
            "POST. "
            "[S] lib/transfer.c, Curl_retry_request."
        ),
        reactions={"empty": _CURL_REUSED, "reset": _CURL_REUSED},
    ),
    Client(
        name="curl-retry",
        about="curl --retry 2: codes and time-outs, not broken connections",
        evidence=(
            "[M] curl 7.88.1: 408, 429, 500, 502, 503, 504 and no answer in time, after 1 and 2 "
            "s or a Retry-After; a 444 is hit as without --retry. "
            "[D] curl's manual."
        ),
        reactions={
            "empty": _CURL_REUSED,
            "reset": _CURL_REUSED,
            **dict.fromkeys((*_CURL_CODES, "no_answer"), _CURL_DELAYS),
        },
    ),
    Client(
        name="curl-retry-all",
        about="curl --retry 2 --retry-all-errors: whatever goes wrong on the way, too",
        evidence=(
            "[M] curl 7.88.1: 3 hits on a 444, a reset, a refused connection or a reset stream, "
            "after 1 and 2 s; 4 where the connection had served. "
            "[D] curl's manual."
        ),
        reactions={
            "empty": _CURL_DELAYS.model_copy(update={"resend_reused": 5}),
            "reset": _CURL_DELAYS.model_copy(update={"resend_reused": 5}),
            **dict.fromkeys((*_CURL_CODES, "network"), _CURL_DELAYS),
        },
    ),
    Client(
        name="wget",
        about="wget as it comes: 20 tries",
        evidence=(
            "[M] wget 1.21.3: 444, reset, no answer and 504, after 1, 2, 3 s and so on; other "
            "codes and a refused connection are final; POST as GET. "
            "[D] wget's manual: the wait grows by a second up to 10 s."
        ),
        reactions=dict.fromkeys(_WGET, Action(retry_after_s=_WGET_DELAYS_S)),
    ),
    Client(
        name="wget-tries-3",
        about="wget --tries=3",
        evidence="[M] wget 1.21.3: 3 hits, after 1 and 2 s.",
        reactions=dict.fromkeys(_WGET, Action(retry_after_s=_WGET_DELAYS_S[:2])),
    ),
)
