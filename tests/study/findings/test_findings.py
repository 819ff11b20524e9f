"""Every finding fires where it should, names its lines, and is gone once its advice is taken."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from simkit.policy import load_policy
from simkit.shipped import shipped_files
from simkit.study.findings import ALL, Finding, findings
from tests.policy.making import load_http

ZONE = "limit_req_zone $binary_remote_addr zone=a:1m rate=10r/s;"
CERTIFICATE = "ssl_certificate a.crt; ssl_certificate_key a.key;"


@dataclass(frozen=True)
class Pair:
    """A configuration in which a finding fires at these lines, and one in which it must not."""

    name: str
    fires: str
    at: tuple[str, ...]
    quiet: str


PAIRS = {
    "a return in the location of a limit": Pair(
        "return-before-limit",
        f"{ZONE} server {{ listen 80;\n"
        "location / {\nlimit_req zone=a burst=9;\nreturn 200 x;\n} }",
        ("limit_req zone=a burst=9", "return 200 x"),
        f"{ZONE} server {{ listen 80;"
        "location / { limit_req zone=a burst=9; try_files x =404; } }",
    ),
    "a return of the server before its limit": Pair(
        "return-before-limit",
        f"{ZONE} server {{ listen 80; limit_req zone=a;\nreturn 301 https://x;location /a {{ }} }}",
        ("limit_req zone=a", "return 301 https://x"),
        f"{ZONE} limit_req zone=a burst=9; server {{ listen 80; return 301 https://x; }}"
        "server { listen 81; location / { } }",
    ),
    "a return before a limit of connections": Pair(
        "return-before-limit",
        "limit_conn_zone $binary_remote_addr zone=a:1m;"
        "server { listen 80; location /a { limit_conn a 5; return 204; } }",
        ("limit_conn a 5", "return 204"),
        "limit_conn_zone $binary_remote_addr zone=a:1m;"
        "server { listen 80; location /a { limit_conn a 5; if ($arg_x) { return 204; } } }",
    ),
    "a limit that some locations return before": Pair(
        "return-before-limit",
        f"{ZONE} server {{ listen 80; location = /a {{ limit_req zone=a burst=8; return 200; }}"
        "location / { limit_req zone=a burst=9; } }",
        ("limit_req zone=a burst=8", "return 200"),
        f"{ZONE} limit_req zone=a burst=9; server {{ listen 80; location = /a {{ return 200; }}"
        "location / { } }",
    ),
    "a break before the return": Pair(
        "return-before-limit",
        f"{ZONE} server {{ listen 80; location / {{ limit_req zone=a; set $x 1; return 200; }} }}",
        ("limit_req zone=a", "return 200"),
        f"{ZONE} server {{ listen 80; location / {{ limit_req zone=a; if ($arg_x) {{ break; }}"
        "return 200; } }",
    ),
    "a return in the location of a deny": Pair(
        "return-before-access",
        "server { listen 80; location /admin/ {\ndeny all;\nreturn 200 secret;\n} }",
        ("deny all", "return 200 secret"),
        "server { listen 80; location /admin/ { deny all; } }",
    ),
    "a return in the location of a password": Pair(
        "return-before-access",
        "server { listen 80; location /a { auth_basic x; auth_basic_user_file f; return 200; } }",
        ("auth_basic x", "return 200"),
        "server { listen 80; location /a { auth_basic x; auth_basic_user_file f; } }",
    ),
    "deny": Pair(
        "deny-is-not-silent",
        "server { listen 80;\ndeny 198.51.100.0/24;\n}",
        ("deny 198.51.100.0/24",),
        "server { listen 80; deny 198.51.100.0/24; error_page 403 =444 /drop;"
        "location = /drop { internal; allow all; return 444; } }",
    ),
    "deny that an allow overrules": Pair(
        "deny-is-not-silent",
        "server { listen 80; location ~ \\.env$ { deny all; } }",
        ("deny all",),
        "server { listen 80; allow all; deny all; }",
    ),
    "a geo instead of deny": Pair(
        "deny-is-not-silent",
        "server { listen 80; deny 2001:db8::/32; listen [::]:80; }",
        ("deny 2001:db8::/32",),
        "geo $b { default 0; 198.51.100.0/24 1; } server { listen 80; if ($b) { return 444; } }",
    ),
    "a catch-all of silence": Pair(
        "parse-errors-get-a-page",
        "server { listen 80 default_server;\nreturn 444;\n}",
        ("return 444",),
        "server { listen 80 default_server; error_page 400 405 414 494 495 496 497 501 505 "
        "=444 /drop; return 444; }",
    ),
    "a catch-all in a location": Pair(
        "parse-errors-get-a-page",
        "server { listen 80 default_server; location / { return 444; } }",
        ("return 444",),
        "server { listen 80 default_server; error_page 400 =444 /drop;"
        "location = /drop { internal; return 444; } location / { return 444; } }",
    ),
    "a catch-all that is no silence": Pair(
        "parse-errors-get-a-page",
        "server { listen 81; return 444; }",
        ("return 444",),
        "server { listen 80 default_server; return 403; }",
    ),
    "parse errors to a named location": Pair(
        "named-location-for-parse-errors",
        "server { listen 80; error_page 400 414 =444 @drop; location @drop { return 444; } }",
        ("error_page 400 414 =444 @drop",),
        "server { listen 80; error_page 400 414 =444 /drop;"
        "location = /drop { internal; return 444; } }",
    ),
    "errors of a parsed request to a named location": Pair(
        "named-location-for-parse-errors",
        "server { listen 80; error_page 505 @drop; location @drop { return 444; } }",
        ("error_page 505 @drop",),
        "server { listen 80; error_page 404 502 @drop; location @drop { return 444; } }",
    ),
    "a certificate of a catch-all": Pair(
        "certificate-is-shown",
        f"server {{ listen 443 ssl default_server;\n{CERTIFICATE}\nreturn 444; }}",
        ("ssl_certificate a.crt",),
        f"{CERTIFICATE} server {{ listen 443 ssl default_server; ssl_reject_handshake on; "
        "return 444; } server { listen 443 ssl; server_name a.example; }",
    ),
    "a certificate for all servers": Pair(
        "certificate-is-shown",
        f"{CERTIFICATE} server {{ listen 443 ssl default_server; return 403; }}"
        "server { listen 443 ssl; server_name a.example; }",
        ("ssl_certificate a.crt",),
        f"{CERTIFICATE} server {{ listen 443 ssl default_server; server_name a.example; }}",
    ),
    "silence over a limit": Pair(
        "silence-is-retried",
        f"{ZONE} server {{ listen 80; server_name a.example; limit_req zone=a burst=20 nodelay;"
        "limit_req_status 444; }",
        ("limit_req_status 444",),
        f"{ZONE} server {{ listen 80; server_name a.example; limit_req zone=a burst=20 nodelay;"
        "limit_req_status 429; }",
    ),
    "silence for a path": Pair(
        "silence-is-retried",
        "server { listen 80; server_name a.example; location /admin/ { return 444; }"
        "location / { } }",
        ("return 444",),
        "server { listen 80; server_name a.example; location = /drop { internal; return 444; }"
        "location /admin/ { return 403; } location / { } }",
    ),
    "silence for scanners only": Pair(
        "silence-is-retried",
        "server { listen 80; location = /x { return 444; } location / { } }",
        ("return 444",),
        "map $http_user_agent $bad { default 0; ~*zgrab 1; }"
        "server { listen 80 default_server; return 444; }"
        "server { listen 80; server_name a.example; if ($bad) { return 444; } location / { } }",
    ),
    "no burst": Pair(
        "burst-below-a-page",
        f"{ZONE} server {{ listen 80;\nlimit_req zone=a;\nlocation / {{ }} }}",
        ("limit_req zone=a",),
        f"{ZONE} server {{ listen 80; limit_req zone=a burst=20 nodelay; location / {{ }} }}",
    ),
    "a small burst": Pair(
        "burst-below-a-page",
        f"{ZONE} server {{ listen 80; location / {{ limit_req zone=a burst=4 nodelay; }} }}",
        ("limit_req zone=a burst=4 nodelay",),
        f"{ZONE} server {{ listen 80; location / {{ limit_req zone=a burst=5 nodelay; }} }}",
    ),
    "no burst where no page is": Pair(
        "burst-below-a-page",
        f"{ZONE} server {{ listen 80; location / {{ limit_req zone=a burst=1; }} }}",
        ("limit_req zone=a burst=1",),
        f"{ZONE} server {{ listen 80; location = /login {{ limit_req zone=a; }}location / {{ }} }}",
    ),
    "a dry run refuses nobody": Pair(
        "burst-below-a-page",
        f"{ZONE} server {{ listen 80; limit_req zone=a burst=2; }}",
        ("limit_req zone=a burst=2",),
        f"{ZONE} server {{ listen 80; limit_req zone=a; limit_req_dry_run on; }}",
    ),
    "a rate per minute": Pair(
        "rate-is-not-per-minute",
        "limit_req_zone $binary_remote_addr zone=m:1m rate=6000r/m;\n"
        "server { listen 80; limit_req zone=m burst=20; }",
        ("limit_req_zone $binary_remote_addr zone=m:1m rate=6000r/m", "limit_req zone=m burst=20"),
        "limit_req_zone $binary_remote_addr zone=m:1m rate=100r/s;"
        "server { listen 80; limit_req zone=m burst=20; }",
    ),
    "a rate per minute with a minute's burst": Pair(
        "rate-is-not-per-minute",
        "limit_req_zone $binary_remote_addr zone=m:1m rate=30r/m;\n"
        "server { listen 80; limit_req zone=m burst=28; }",
        ("limit_req_zone $binary_remote_addr zone=m:1m rate=30r/m", "limit_req zone=m burst=28"),
        "limit_req_zone $binary_remote_addr zone=m:1m rate=30r/m;"
        "server { listen 80; limit_req zone=m burst=29 nodelay; }",
    ),
    "the default status": Pair(
        "limit-answers-503",
        f"{ZONE} server {{ listen 80; limit_req zone=a burst=20; }}",
        ("limit_req zone=a burst=20",),
        f"{ZONE} limit_req_status 429; server {{ listen 80; limit_req zone=a burst=20; }}",
    ),
    "503 on purpose": Pair(
        "limit-answers-503",
        "limit_conn_zone $binary_remote_addr zone=c:1m; server { listen 80; limit_conn c 9;"
        "limit_req_status 429; }",
        ("limit_conn c 9",),
        f"{ZONE} server {{ listen 80; limit_req zone=a burst=20; limit_req_status 503; }}",
    ),
    "429 over a limit": Pair(
        "429-without-retry-after",
        f"{ZONE} server {{ listen 80; limit_req zone=a burst=20; limit_req_status 429; }}",
        ("limit_req zone=a burst=20",),
        f'{ZONE} map $status $again {{ default ""; 429 2; }} server {{ listen 80;'
        "limit_req zone=a burst=20; limit_req_status 429; add_header Retry-After $again always; }",
    ),
    "a header without always, and one that is lost": Pair(
        "429-without-retry-after",
        f"{ZONE} add_header Retry-After 2 always; server {{ listen 80; limit_req zone=a burst=20;"
        "limit_req_status 429; location / { add_header X-A b; } }",
        ("limit_req zone=a burst=20",),
        f"{ZONE} add_header Retry-After 2 always; server {{ listen 80; limit_req zone=a burst=20;"
        "limit_req_status 429; location / { } }",
    ),
    "429 by return": Pair(
        "429-without-retry-after",
        "server { listen 80; location /a { add_header Retry-After 2; return 429; } }",
        ("return 429",),
        "server { listen 80; location /a { add_header Retry-After 2 always; return 429; } }",
    ),
    "a limit by address": Pair(
        "limit-by-the-proxys-address",
        f"{ZONE} server {{ listen 80; limit_req zone=a burst=20; }}",
        ("limit_req zone=a burst=20", "limit_req_zone $binary_remote_addr zone=a:1m rate=10r/s"),
        f"{ZONE} set_real_ip_from 192.0.2.0/24; real_ip_header X-Forwarded-For;"
        "server { listen 80; limit_req zone=a burst=20; }",
    ),
    "a limit by something else": Pair(
        "limit-by-the-proxys-address",
        "limit_conn_zone $remote_addr zone=c:1m; server { listen 80; limit_conn c 9; }",
        ("limit_conn c 9", "limit_conn_zone $remote_addr zone=c:1m"),
        "limit_conn_zone $server_name zone=c:1m; server { listen 80; limit_conn c 9; }",
    ),
    "everybody is a proxy": Pair(
        "real-ip-from-anyone",
        "set_real_ip_from 0.0.0.0/0; real_ip_header X-Forwarded-For; server { listen 80; }",
        ("set_real_ip_from 0.0.0.0/0",),
        "set_real_ip_from 192.0.2.0/24; real_ip_header X-Forwarded-For; server { listen 80; }",
    ),
    "a key that clients choose": Pair(
        "key-chosen-by-clients",
        "limit_req_zone $http_x_forwarded_for zone=f:1m rate=1r/s;"
        "server { listen 80; limit_req zone=f burst=20; }",
        ("limit_req_zone $http_x_forwarded_for zone=f:1m rate=1r/s",),
        f"{ZONE} server {{ listen 80; limit_req zone=a burst=20; }}",
    ),
    "IPv6 by address": Pair(
        "ipv6-address-is-one-key",
        f"{ZONE}\nserver {{ listen 80; listen [::]:80; limit_req zone=a burst=20; }}",
        ("limit_req_zone $binary_remote_addr zone=a:1m rate=10r/s",),
        "map $remote_addr $per_net { default $binary_remote_addr; "
        '"~^(?<net64>[^:]+:[^:]+(:[^:]+){0,2}):" $net64; }'
        "limit_req_zone $per_net zone=a:1m rate=10r/s;"
        "server { listen 80; listen [::]:80; limit_req zone=a burst=20; }",
    ),
    "IPv6 that is not listened on": Pair(
        "ipv6-address-is-one-key",
        f"{ZONE}\nserver {{ listen [::]:80; limit_req zone=a burst=20; }}",
        ("limit_req_zone $binary_remote_addr zone=a:1m rate=10r/s",),
        f"{ZONE} server {{ listen 80; limit_req zone=a burst=20; }}",
    ),
    "no agent": Pair(
        "no-agent-is-refused",
        'map $http_user_agent $bad { default 0;\n"" 1; }'
        "server { listen 80; if ($bad) { return 444; } }",
        ('"" 1',),
        "map $http_user_agent $bad { default 0; ~*zgrab 1; }"
        "server { listen 80; if ($bad) { return 444; } }",
    ),
    "no agent, by an if": Pair(
        "no-agent-is-refused",
        'server { listen 80; if ($http_user_agent = "") { return 403; } }',
        ("if ($http_user_agent = )",),
        "server { listen 80; return 403; }",
    ),
}

EXPECTED = {
    "open": [],
    "silent": [
        "parse-errors-get-a-page",
        "certificate-is-shown",
        "silence-is-retried",
        "limit-by-the-proxys-address",
        "ipv6-address-is-one-key",
        "no-agent-is-refused",
    ],
    "hardened": [
        "silence-is-retried",
        "limit-by-the-proxys-address",
        "ipv6-address-is-one-key",
        "no-agent-is-refused",
    ],
    "polite": [
        "deny-is-not-silent",
        "certificate-is-shown",
        "limit-by-the-proxys-address",
        "ipv6-address-is-one-key",
        "no-agent-is-refused",
    ],
}
EXPECTED["reset"] = EXPECTED["silent"]
EXPECTED["uniform"] = EXPECTED["polite"]
EXPECTED["recommended"] = ["deny-is-not-silent", "parse-errors-get-a-page", *EXPECTED["polite"][1:]]


def named(found: tuple[Finding, ...], name: str) -> list[Finding]:
    return [finding for finding in found if finding.name == name]


@pytest.mark.parametrize("case", PAIRS)
def test_it_fires_at_its_lines(case: str, tmp_path: Path) -> None:
    pair = PAIRS[case]
    [found] = named(findings(load_http(tmp_path, pair.fires)), pair.name)
    assert tuple(source.text for source in found.where) == pair.at
    written = (tmp_path / "made.conf").read_text().splitlines()
    for source in found.where:
        assert source.file == str(tmp_path / "made.conf")
        assert source.text.split()[0] in written[source.line - 1]
    assert found.what.endswith(".")
    assert found.do.endswith(".")


@pytest.mark.parametrize("case", PAIRS)
def test_it_does_not_fire_where_it_must_not(case: str, tmp_path: Path) -> None:
    pair = PAIRS[case]
    assert named(findings(load_http(tmp_path, pair.quiet)), pair.name) == []


def test_every_finding_has_a_configuration_here() -> None:
    assert len({pair.name for pair in PAIRS.values()}) == len(ALL)


@pytest.mark.parametrize("name", EXPECTED)
def test_shipped_policies_surprise_only_where_they_mean_to(name: str) -> None:
    found = findings(load_policy(shipped_files("policies")[name]))
    assert [finding.name for finding in found] == EXPECTED[name]


def test_all_shipped_policies_are_here() -> None:
    assert set(EXPECTED) == set(shipped_files("policies"))


def test_as_plain_data(tmp_path: Path) -> None:
    read = load_http(tmp_path, "server { listen 80; deny all; }")
    [found] = named(findings(read), "deny-is-not-silent")
    document = found.to_json()
    assert document["name"] == "deny-is-not-silent"
    assert document["where"] == [
        {"file": str(tmp_path / "made.conf"), "line": 3, "text": "deny all"}
    ]
