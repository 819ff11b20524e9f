"""Small crowds and small policies for tests of the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from simkit.engine import Run, simulate
from simkit.policy import Policy, load_policy
from simkit.traffic import Custom, Scenario
from tests.engine.compiled.alike import differences
from tests.traffic.files import scenario, written

MS = 1_000_000
S = 1_000_000_000

FREE = """
name = "free"
nginx = "none"
provenance = "for tests: no work costs anything"
wake_up_us = {wake_up}
accept_us = {accept}
read_us = 0
delay_us = 0
body_ns_per_byte = 0
tls_answer_us = 0
tls_body_ns_per_byte = 0
resumed_us = {handshake}
refused_handshake_us = {accept}
handshake_us = {{ ecdsa = {handshake}, rsa = {handshake} }}
[new_connection_us]
silent = {new}
limited_silent = {new}
page = {new}
limited_page = {new}
static = {new}
proxy = {new}
[kept_connection_us]
silent = {kept}
limited_silent = {kept}
page = {kept}
limited_page = {kept}
static = {kept}
proxy = {kept}
"""

WORLD = """\
name = "small"
title = "a test"
length_s = {length_s}
[network]
rtt_ms = {rtt_ms}
[host]
cpus = 1
backlog = {backlog}
costs = "{costs}"
[host.upstream]
servers = 1
service = "constant"
mean_ms = {upstream_ms}
timeout_s = {timeout_s}
[site]
host = "shop.example"
address = "192.0.2.80"
[site.files]
"/a.css" = 100
"/b.css" = 100
"/c.css" = 100
[[site.page]]
path = "/"
body_bytes = 1000
resources = ["/a.css", "/b.css", "/c.css"]
[[site.page]]
path = "/plain"
body_bytes = 500
"""

CONF = """\
# A policy for tests.
worker_processes 1;
events {{ worker_connections {slots}; }}
http {{
    {http}
    server {{
        listen 80 default_server;
        listen 443 ssl http2 default_server;
        listen 444 ssl default_server;
        server_name shop.example;
        ssl_certificate x.crt;
        ssl_certificate_key x.key;
        {server}
        location / {{ {location} }}
    }}
}}
"""


def policy(
    folder: Path,
    *,
    http: str = "",
    server: str = "",
    location: str = "root html;",
    slots: int = 512,
    name: str = "test.conf",
) -> Policy:
    """A policy with these directives in its blocks."""
    text = CONF.format(http=http, server=server, location=location, slots=slots)
    return load_policy(written(folder, text, name))


def world(
    folder: Path,
    *cohorts: str,
    length_s: float = 60,
    rtt_ms: float = 20,
    backlog: int = 511,
    upstream_ms: float = 0,
    timeout_s: float = 60,
    **costs_us: float,
) -> Scenario:
    """A scenario of these cohorts; costs are 0 unless they are given in microseconds."""
    known = {"wake_up": 0.0, "accept": 0.0, "handshake": 0.0, "new": 0.0, "kept": 0.0}
    table = written(folder, FREE.format(**(known | costs_us)), "costs.toml")
    base = WORLD.format(
        length_s=length_s,
        rtt_ms=rtt_ms,
        backlog=backlog,
        upstream_ms=upstream_ms,
        timeout_s=timeout_s,
        costs=table,
    )
    return scenario(folder, *cohorts, base=base)


def cohort(kind: str, name: str = "clients", **keys: Any) -> str:
    """A cohort as TOML; values are given as TOML, or as plain numbers and truths."""
    usual = {
        "honest": "true",
        "count": 1,
        "addresses": '["198.18.0.0/16"]',
        "agents": '["test/1.0"]',
        "arrivals": '{ kind = "at once" }',
    }
    lines = [
        f"{k} = {str(v).lower() if isinstance(v, bool) else v}"
        for k, v in {**usual, **keys}.items()
    ]
    return "\n".join(["", "[[cohort]]", f'name = "{name}"', f'kind = "{kind}"', *lines, ""])


def caller(name: str = "clients", **keys: Any) -> str:
    """Clients that make one call, or more if their arrivals say so."""
    return cohort("caller", name, **{"calls": '[{ path = "/plain" }]', **keys})


def run(found: Scenario, under: Policy, **more: Any) -> Run:
    """A run with seed 1 unless told otherwise, on both engines where both can run it."""
    one = simulate(found, under, engine="simpy", **more)
    if "behaviours" not in more and not any(isinstance(c, Custom) for c in found.cohorts):
        assert differences(one, simulate(found, under, engine="compiled", **more)) == []
    return one


def column(found: Run, name: str, cohort_name: str | None = None) -> list[int]:
    """A column of the requests, of one cohort or of all."""
    rows = np.ones(len(found.requests["client"]), dtype=np.bool_)
    if cohort_name is not None:
        number = [c.name for c in found.cohorts].index(cohort_name)
        rows = found.requests["cohort"] == number
    values: list[int] = found.requests[name][rows].tolist()
    return values
