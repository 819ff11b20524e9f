"""Made-up scenarios and policies in which the engine's every part has something to do."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

SITE = {
    "host": "shop.example",
    "address": "192.0.2.80",
    "files": {"/a.css": 100, "/b.css": 2_000, "/c.css": 90_000},
    "page": [
        {"path": "/", "body_bytes": 1_000, "resources": ["/a.css", "/b.css", "/c.css"]},
        {"path": "/app", "body_bytes": 300, "resources": ["/a.css", "/app/x", "/app/x"]},
        {"path": "/app/x", "body_bytes": 5},
        {"path": "/limited", "body_bytes": 50, "resources": ["/b.css"]},
    ],
}
PATHS = ["/", "/app", "/app/x", "/limited", "/none", "/deny", "/drop", "/few"]

CONF = """
worker_processes {workers};
events {{ worker_connections {slots}; }}
http {{
    limit_req_zone {key} zone=z:32k rate={rate};
    limit_req_zone $server_name zone=all:32k rate=200r/s;
    limit_conn_zone $binary_remote_addr zone=c:32k;
    {http}
    server {{
        listen 80 default_server;
        listen [::]:80 default_server;
        listen 443 ssl {http2} default_server;
        server_name shop.example;
        ssl_certificate x.crt;
        ssl_certificate_key x.key;
        {server}
        location / {{ root html; }}
        location /app {{ proxy_pass http://127.0.0.1:9; {app} }}
        location /limited {{ root html; {limits} }}
        location /deny {{ deny all; }}
        location /drop {{ return 444; }}
        location /few {{ limit_conn c 1; limit_conn_status 429; proxy_pass http://127.0.0.1:9; }}
        location @slow {{ return 503; }}
    }}
    server {{ listen 444 ssl default_server; ssl_reject_handshake on; }}
}}
"""


HTTP = [
    ["", "keepalive_timeout 0;", "keepalive_timeout 2s;", "keepalive_requests 3;"],
    ["", "keepalive_time 3s;", "reset_timedout_connection on;"],
    ["", "client_header_timeout 2s;"],
    ["", "client_body_timeout 900ms;", "client_body_timeout 900ms; lingering_timeout 700ms;"],
    ["", "lingering_time 2s;", "ssl_session_tickets off;", "ssl_session_timeout 1s;"],
    ["", "set_real_ip_from 192.0.2.128/28; real_ip_header X-Forwarded-For;"],
    ["", "limit_req_status 429;", "limit_req_status 444;", "limit_req_dry_run on;"],
]


@st.composite
def configurations(draw: st.DrawFn) -> str:
    """The text of a policy."""

    def pick(*options: object) -> object:
        return draw(st.sampled_from(options))

    return CONF.format(
        workers=pick(1, 2, 3),
        slots=pick(3, 8, 40, 512),
        key=pick("$binary_remote_addr", "$http_user_agent", "$binary_remote_addr$uri"),
        rate=pick("1r/s", "5r/s", "40r/m", "100r/s"),
        http2=pick("", "http2"),
        http="\n".join(draw(st.sampled_from(options)) for options in HTTP),
        server=pick(
            "",
            "if ($http_user_agent = bad) { return 444; }",
            "limit_req zone=all burst=5;",
            "limit_conn c 2;",
            "error_page 503 @slow; limit_req zone=z burst=2 nodelay;",
        ),
        app=pick(
            "",
            "limit_req zone=z;",
            "add_header Retry-After 1 always;",
            "add_header Retry-After 0 always;",
            "add_header Retry-After 99999999999999999999 always;",
            "limit_conn c 1;",
        ),
        limits=pick(
            "limit_req zone=z;",
            "limit_req zone=z burst=3;",
            "limit_req zone=z burst=4 nodelay;",
            "limit_req zone=z burst=4 delay=2; limit_req zone=all burst=10;",
        ),
    )


METHODS = st.sampled_from(["any", "idempotent", "safe"])
ACTIONS = st.fixed_dictionaries(
    {},
    optional={
        "resend_at_once": st.integers(0, 2),
        "resend_reused": st.integers(0, 2),
        "resend_for": METHODS,
        "resend_reused_for": METHODS,
        "retry_for": METHODS,
        "retry_after_s": st.lists(st.sampled_from([0.0, 0.25, 1.0, 3.5, 1e9]), max_size=3),
        "jitter": st.sampled_from([0.0, 0.5]),
        "documents_only": st.booleans(),
        "honour_retry_after": st.booleans(),
        "only_with_header": st.booleans(),
        "shorten": st.sampled_from([0.0, 0.4, 1.0]),
        "longest_retry_after_s": st.sampled_from([0.0, 2.0]),
        "zero_is_none": st.booleans(),
        "slow_down": st.sampled_from([1.0, 2.0, 1e9]),
        "speed_up": st.sampled_from([1.0, 1.5]),
        "change": st.sampled_from(["agent", "address", "both"]),
        "leave": st.booleans(),
    },
)
REACTIONS = st.dictionaries(
    st.sampled_from(["network", "empty", "reset", "4xx", "429", "5xx", "no_answer", "ok"]),
    ACTIONS,
    max_size=3,
)
STOPS = st.lists(
    st.builds(
        lambda of, on, measure: {"of": of, "on": on, **measure},
        st.sampled_from(["requests", "wishes"]),
        st.lists(st.sampled_from(["network", "4xx", "429", "ok", "empty"]), min_size=1, max_size=2),
        st.one_of(
            st.builds(
                lambda n, row: {"count": n, "in_a_row": row}, st.integers(1, 6), st.booleans()
            ),
            st.builds(
                lambda x, after: {"share": x, "after": after},
                st.sampled_from([0.0, 0.3, 0.9]),
                st.integers(0, 8),
            ),
        ),
    ),
    max_size=2,
)
CALLS = st.lists(
    st.builds(
        lambda path, method: {"path": path, "method": method},
        st.sampled_from(PATHS),
        st.sampled_from(["GET", "GET", "POST", "HEAD", "PUT"]),
    ),
    min_size=1,
    max_size=3,
)
ARRIVALS = st.one_of(
    st.builds(
        lambda kind, every: {"kind": kind, "every_s": every},
        st.sampled_from(["poisson", "periodic"]),
        st.sampled_from([0.2, 1.0, 3.0]),
    ),
    st.sampled_from([{"kind": "uniform"}, {"kind": "at once", "from_s": 1.0}]),
    st.just({"kind": "poisson", "every_s": 0.05, "from_s": 2.0, "until_s": 4.0}),
    st.builds(
        lambda kind, pause: {
            "kind": kind,
            "every_s": 0.3,
            "from_s": 0.5,
            "pulse_s": 0.7,
            "pause_s": pause,
        },
        st.sampled_from(["poisson", "periodic", "uniform"]),
        st.sampled_from([0.4, 2.0]),
    ),
)
GOES = st.sampled_from(["request", "request", "connect", "handshake"])
OWN: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "visitor": st.fixed_dictionaries(
        {
            "pages": st.lists(
                st.sampled_from(["/", "/app", "/limited"]), min_size=1, max_size=3, unique=True
            ),
            "pages_mean": st.sampled_from([1.0, 3.0]),
            "think_mean_s": st.sampled_from([0.0, 1.0, 1e9]),
            "connections": st.integers(1, 3),
        }
    ),
    "caller": st.fixed_dictionaries(
        {"calls": CALLS, "order": st.sampled_from(["in turn", "drawn"])}
    ),
    "probe": st.fixed_dictionaries({"calls": CALLS, "goes": GOES}),
    "scanner": st.fixed_dictionaries(
        {
            "words": st.just(["a", "app", "deny", "none", "drop"]),
            "endings": st.sampled_from([[""], ["", ".bak"]]),
            "calls": st.one_of(st.just([]), CALLS),
            "threads": st.integers(1, 4),
            "examines": st.booleans(),
            "rate_per_s": st.sampled_from([None, 2.0, 40.0]),
        }
    ),
    "flood": st.fixed_dictionaries({"calls": CALLS, "goes": GOES}),
    "slow": st.fixed_dictionaries(
        {
            "connections": st.integers(1, 6),
            "open_per_s": st.sampled_from([2.0, 50.0]),
            "line_every_s": st.sampled_from([0.3, 1.0, 10.0, 1e9]),
            "what": st.sampled_from(["header", "body"]),
            "call": st.builds(lambda path: {"path": path}, st.sampled_from(PATHS)),
            "heeds": st.booleans(),
        }
    ),
}


HABITS = st.fixed_dictionaries(
    {},
    optional={
        "stops": STOPS,
        "identities": st.integers(1, 3),
        "rotates": st.sampled_from(["never", "wish", "start"]),
        "resumes": st.booleans(),
        "direct": st.booleans(),
        "downlink_mbit_per_s": st.sampled_from([0.001, 0.1, 8.0, 1e9]),
    },
)


@st.composite
def cohorts(draw: st.DrawFn, number: int) -> dict[str, Any]:
    """A cohort of any kind but custom."""
    kind = draw(st.sampled_from(sorted(OWN)))
    tls = draw(st.booleans())
    cohort: dict[str, Any] = {
        "name": f"cohort {number}",
        "kind": kind,
        "honest": draw(st.booleans()),
        "count": draw(st.integers(1, 5)),
        "addresses": draw(
            st.sampled_from([["198.18.0.0/24"], ["192.0.2.1"], ["2001:db8::/48", "192.0.2.7"]])
        ),
        "protocol": draw(
            st.sampled_from(["HTTP/1.0", "HTTP/1.1", *([] if kind == "slow" else ["HTTP/2.0"])])
        ),
        "tls": tls,
        "agents": draw(st.sampled_from([[], ["good"], ["bad", "good"]])),
        "keeps_connections": draw(st.booleans()),
        "patience_s": draw(st.sampled_from([1e-6, 0.03, 0.5, 3.0, 1e9])),
        "rtt_ms": draw(st.sampled_from([0.0, 10.0, 80.0, 1e9])),
        "arrivals": draw(ARRIVALS),
        "reactions": draw(REACTIONS),
        **draw(OWN[kind]),
    }
    if draw(st.booleans()):
        cohort |= draw(HABITS)
    if draw(st.integers(0, 4)) == 0:
        cohort["port"] = draw(st.sampled_from([81, 444]))
    if draw(st.integers(0, 3)) == 0:
        cohort["flaw"] = {"share": 0.4, "headers": [["Host", "shop.example"]]}
    return cohort


@st.composite
def scenarios(draw: st.DrawFn) -> dict[str, Any]:
    """A scenario of a few seconds, as its file would have it."""
    count = draw(st.integers(1, 4))
    return {
        "name": "made up",
        "title": "made up",
        "length_s": 6.0,
        "site": SITE,
        "network": draw(st.sampled_from([{}, {"uplink_mbit_per_s": 1.0}])),
        "host": {
            "cpus": 1,
            "backlog": draw(st.sampled_from([0, 2, 511])),
            "certificate": draw(st.sampled_from(["ecdsa", "rsa"])),
            "upstream": {
                "servers": draw(st.integers(1, 3)),
                "service": draw(st.sampled_from(["constant", "exponential", "lognormal"])),
                "mean_ms": draw(st.sampled_from([0.0, 5.0, 400.0, 1e5])),
                "timeout_s": draw(st.sampled_from([0.5, 60.0, 1e9])),
                "queue": draw(st.sampled_from([None, None, 0, 2])),
                "fails": draw(st.sampled_from([0.0, 0.0, 0.3])),
            },
        },
        "cohort": [draw(cohorts(number)) for number in range(count)],
    }


NETWORKS = st.lists(
    st.sampled_from(["198.18.0.0/30", "192.0.2.1", "2001:db8::/47", "192.0.2.128/29"]), max_size=2
)


@st.composite
def fronts(draw: st.DrawFn) -> dict[str, Any]:
    """What a strategy file says of what stands in front: often nothing."""
    found: dict[str, Any] = {}
    if draw(st.integers(0, 2)) == 0:
        found["firewall"] = {"drop": draw(NETWORKS), "reject": draw(NETWORKS)}
        if draw(st.booleans()):
            found["firewall"]["rate"] = {
                "per_s": draw(st.sampled_from([1e-6, 0.5, 3.0, 1e9])),
                "burst": draw(st.integers(1, 4)),
                "over": draw(st.sampled_from(["drop", "reject"])),
            }
    if draw(st.integers(0, 2)) == 0:
        found["cdn"] = {
            "addresses": draw(
                st.sampled_from([["192.0.2.128/28"], ["192.0.2.130", "2001:db8:9::/64"]])
            ),
            "edges": draw(st.integers(1, 3)),
            "rtt_ms": draw(st.sampled_from([0.0, 6.0])),
            **draw(st.sampled_from([{}, {"origin_rtt_ms": 0.0}, {"origin_rtt_ms": 30.0}])),
            "patience_s": draw(st.sampled_from([0.2, 100.0])),
            "cached": draw(st.sampled_from([[], ["css"], ["css", "bak"]])),
            "keeps_s": draw(st.sampled_from([0.0, 1.0, 60.0])),
            "tries_again": draw(st.booleans()),
        }
    return found
