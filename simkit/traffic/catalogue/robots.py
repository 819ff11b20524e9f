"""Programs that nobody watches: crawlers, monitors, feed readers, scanners.

When a scanner stops is part of the scanner; see `simkit.traffic.cohorts.Scanner`.
"""

from __future__ import annotations

from simkit.traffic.catalogue.client import Client
from simkit.traffic.catalogue.runtimes import GO, GO_HTTP2
from simkit.traffic.reactions import Action

__all__ = ["ROBOTS"]

_SLOWER = Action(slow_down=2.0)

# A failed word is asked for again; each of the two may be resent by net/http.
_FFUF = Action(retry_after_s=(0.0,))

# It sleeps for a second or as long as Retry-After says, and the gaps between all its requests grow
# by half a second each time.
_SQLMAP_429 = Action(retry_after_s=(1.5, 2.0, 2.5), honour_retry_after=True)

ROBOTS = (
    Client(
        name="googlebot",
        about="Google's crawler",
        evidence=(
            "[D] it slows down for a host on 429 and 5xx; a 403 is a page that is gone. "
            "[R] connections that end without an answer count as 5xx do."
        ),
        reactions={"429": _SLOWER, "5xx": _SLOWER, "network": _SLOWER},
        unsaid="That it gets twice as slow each time is a guess.",
    ),
    Client(
        name="monitor",
        about="A check that fails and is made again at its next time: HAProxy's httpchk",
        evidence=(
            "[M] HAProxy 2.6.12, check inter 1s: one hit a second, whatever comes. "
            "[D] HAProxy's manual, inter, fall and rise."
        ),
        reactions={},
    ),
    Client(
        name="blackbox",
        about="Prometheus' blackbox exporter, a new connection for each check",
        evidence=(
            "[M] blackbox exporter 0.23.0: 1 hit, whatever comes; but over HTTP/2 a 444 is hit "
            "without end until the check's time-out, 834 times in 1 s on loopback. "
            "[S] golang/go issue 52459."
        ),
        reactions={"stream_reset": GO_HTTP2},
        unsaid="The resends of a reset stream go on beyond the 20 that stand here.",
    ),
    Client(
        name="feed-reader",
        about="A feed reader that asks again at its next time: newsboat",
        evidence="[M] newsboat 2.21: 1 hit in each reload, whatever comes.",
        reactions={},
    ),
    Client(
        name="gobuster",
        about="gobuster dir: after its check of a front page and an absent one it never stops",
        evidence=(
            "[M] gobuster 3.5: quits after 1 hit on an empty close, after 2 where an absent "
            "path is anything but 404; 1 hit for each word whatever comes, 2 where the "
            "connection had served."
        ),
        reactions=dict(GO),
    ),
    Client(
        name="ffuf",
        about="ffuf, which checks nothing first and stops only if told to",
        evidence=(
            "[M] ffuf 1.1.0: 2 hits for each word on a network error, 3 where the connection "
            "had served, 1 on a code. "
            "[S] pkg/ffuf/job.go, runTask."
        ),
        reactions={
            "empty": _FFUF.model_copy(update={"resend_reused": 20}),
            "reset": _FFUF.model_copy(update={"resend_reused": 20}),
            "network": _FFUF,
        },
    ),
    Client(
        name="feroxbuster",
        about="feroxbuster without --auto-tune and --auto-bail",
        evidence=(
            "[S] src/scanner/requester.rs: an error is counted and the next word is asked for."
        ),
        reactions={},
    ),
    Client(
        name="nuclei",
        about="nuclei: one retry",
        evidence=(
            "[S] retryablehttp-go do.go and backoff.go: any error of the connection, after 1 s. "
            "[S] pkg/protocols/common/hosterrorscache: a host is left after 30 errors in a row."
        ),
        reactions={"network": Action(retry_after_s=(1.0,))},
    ),
    Client(
        name="sqlmap",
        about="sqlmap: three retries",
        evidence=(
            "[M] sqlmap 1.10.10: 4 hits at once on a network error, then it gives the target "
            "up. "
            "[S] lib/request/connect.py: a 429, and a 503 with Retry-After, is asked for again "
            "after 1 s or as long as it says."
        ),
        reactions={
            "network": Action(retry_after_s=(0.0, 0.0, 0.0)),
            "429": _SQLMAP_429,
            "503": _SQLMAP_429.model_copy(update={"only_with_header": True}),
        },
        unsaid="Each 429 adds half a second to the gaps between all further requests, too.",
    ),
    Client(
        name="wafw00f",
        about="wafw00f: seven requests, and none after one that met a network error",
        evidence="[M] wafw00f 2.4.2: 1 hit on a 444, 7 on 403 and 429, each on its own connection.",
        reactions={"network": Action(leave=True)},
    ),
)
