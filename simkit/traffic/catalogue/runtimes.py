"""Libraries of Go, Java, JavaScript and Ruby."""

from __future__ import annotations

from simkit.traffic.catalogue.client import Client
from simkit.traffic.reactions import Action

__all__ = ["GO", "GO_HTTP2", "RUNTIMES"]

_BROKEN = ("empty", "reset")

GO = dict.fromkeys(_BROKEN, Action(resend_reused=20, resend_reused_for="safe"))
"""net/http over HTTP/1.1: one resend for each connection that had served, until one is fresh."""

GO_HTTP2 = Action(resend_at_once=20)
"""net/http over HTTP/2, which tries a reset stream again on new connections without end."""

RUNTIMES = (
    Client(
        name="go",
        about="Go's net/http as it comes: many monitors, feed readers and scanners",
        evidence=(
            "[M] Go 1.19.8: 2 hits of a GET on a connection that had served, 1 on a new one, 1 "
            "of a POST. Over HTTP/2 a 444 is hit without end, GET and POST: 500 to 800 times a "
            "second on loopback, until the program's own time-out if it has one. "
            "[S] net/http/transport.go, shouldRetryRequest; golang/go issue 52459, open, names "
            "nginx's 444."
        ),
        reactions={**GO, "stream_reset": GO_HTTP2},
        unsaid="The resends of a reset stream go on beyond the 20 that stand here.",
    ),
    Client(
        name="java-http",
        about="java.net.http.HttpClient",
        evidence=(
            "[M] OpenJDK 17.0.15: 2 hits at once of a GET, on new and used connections, 1 of a "
            "POST; a refused connection is tried twice. "
            "[S] jdk.internal.net.http.MultiExchange: GET and HEAD alone."
        ),
        reactions={
            **dict.fromkeys(_BROKEN, Action(resend_at_once=1, resend_for="safe")),
            "refused": Action(resend_at_once=1),
        },
    ),
    Client(
        name="java-url",
        about="java.net.HttpURLConnection",
        evidence=(
            "[M] OpenJDK 17.0.15: 2 hits at once, on new and used connections, GET and POST. "
            "[S] sun.net.www.http.HttpClient; sun.net.http.retryPost is true."
        ),
        reactions=dict.fromkeys(_BROKEN, Action(resend_at_once=1)),
    ),
    Client(
        name="okhttp",
        about="OkHttp as it comes: apps on Android, services on the JVM",
        evidence=(
            "[M] OkHttp 3.13.1: 2 hits at once on a connection that had served, GET and POST, 1 "
            "on a new one. "
            "[S] RetryAndFollowUpInterceptor: also once more on a 408, and on a 503 whose "
            "Retry-After is 0."
        ),
        reactions={
            **dict.fromkeys(_BROKEN, Action(resend_reused=20)),
            "408": Action(resend_at_once=1),
            "503": Action(
                retry_after_s=(0.0,),
                honour_retry_after=True,
                only_with_header=True,
                longest_retry_after_s=0.0,
            ),
        },
        unsaid="A name with several addresses is tried at each.",
    ),
    Client(
        name="apache-httpclient",
        about="Apache HttpClient 4.5 as it comes",
        evidence=(
            "[M] HttpClient 4.5.14: 4 hits at once of a GET, on new and used connections, 1 of "
            "a POST. "
            "[S] DefaultHttpRequestRetryHandler: 3 retries of requests without a body."
        ),
        reactions=dict.fromkeys(_BROKEN, Action(resend_at_once=3, resend_for="safe")),
    ),
    Client(
        name="node",
        about="Node.js: fetch, which is undici, and http.request",
        evidence="[M] Node.js 20.20.2: 1 hit, whatever comes.",
        reactions={},
    ),
    Client(
        name="ruby",
        about="Ruby's Net::HTTP",
        evidence=(
            "[M] Ruby 3.1.2: 2 hits at once of a GET, on new and used connections, 1 of a POST. "
            "[D] Net::HTTP, max_retries: 1, for idempotent requests; time-outs too."
        ),
        reactions=dict.fromkeys(
            (*_BROKEN, "no_answer"), Action(resend_at_once=1, resend_for="idempotent")
        ),
    ),
)
