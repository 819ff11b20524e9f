"""The catalogue put to a policy: every probe, what became of it, and by which line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simkit.policy import Policy, load_policy
from simkit.shipped import shipped_files
from simkit.study.probe import Report, Row, probe, target_of
from simkit.study.probes import CATALOGUE, Manner
from simkit.study.telling import blocked_addresses, catches_all, forbidden_path
from simkit.wire import SightKind, address
from tests.policy.making import load_http

EMPTY, RESET, STREAM, ALERT = "empty", "reset", "stream reset", "tls alert"

# Logged and seen, by probe, of policies that differ in them.
SHIPPED = {
    "bare address": {"open": "200", "silent": EMPTY, "reset": RESET, "polite": "400"},
    "unknown Host": {"open": "200", "silent": EMPTY, "reset": RESET, "uniform": "403"},
    "HTTP/1.0 without Host": {"silent": EMPTY, "reset": RESET, "hardened": EMPTY},
    "HTTP/1.1 without Host": {"silent": "400", "reset": "400", "hardened": EMPTY, "uniform": "403"},
    "two Hosts": {"silent": "400", "hardened": EMPTY, "uniform": "403"},
    "garbage": {"silent": "400", "hardened": EMPTY, "uniform": "403"},
    "TLS bytes, plain port": {"silent": "400", "hardened": EMPTY},
    "plain HTTP, TLS port": {"silent": "400", "hardened": EMPTY},
    "TLS without a name": {"open": "200", "silent": EMPTY, "reset": RESET, "hardened": ALERT},
    "TLS, the site": {"open": "200", "silent": "200", "hardened": "200"},
    "HTTP/2, scanner": {"open": "200", "silent": STREAM, "reset": STREAM, "polite": "403"},
    "over IPv6": {"open": "200", "silent": "200"},
    "no agent": {"open": "200", "silent": EMPTY, "polite": "403"},
    "agent python-requests": {"silent": "200", "polite": "200"},
    "forbidden path": {"open": "200", "silent": EMPTY, "polite": "403", "recommended": "403"},
    "absent path": {"open": "404", "silent": "404"},
    "long URI": {"silent": "414", "hardened": RESET, "uniform": "403"},
    "TRACE": {"silent": "405", "hardened": EMPTY},
    "unknown Transfer-Encoding": {"silent": "501", "hardened": EMPTY},
    "unread body, bare address": {"open": "200", "silent": RESET, "polite": "400"},
    "half a header": {"silent": EMPTY, "reset": RESET},
    "over the limit": {"silent": EMPTY, "reset": RESET, "polite": "429", "uniform": "403"},
    "from 203.0.113.0/24": {"silent": EMPTY, "polite": "403"},
}


def shipped(name: str) -> Report:
    return probe(load_policy(shipped_files("policies")[name]))


def row(report: Report, name: str) -> Row:
    return next(one for one in report.rows if one.probe.name == name)


def seen(report: Report, name: str) -> str:
    decision = row(report, name).decision
    assert decision is not None
    return decision.sight.symbol


@pytest.mark.parametrize("name", shipped_files("policies"))
def test_shipped_policies_answer_as_they_say(name: str) -> None:
    report = shipped(name)
    for probed, answers in SHIPPED.items():
        if name in answers:
            assert seen(report, probed) == answers[name], probed


def test_every_probe_has_a_row_in_order() -> None:
    names = [one.probe.name for one in shipped("silent").rows]
    assert names[: len(CATALOGUE)] == [one.name for one in CATALOGUE]
    assert names[len(CATALOGUE) :] == ["from 203.0.113.0/24", "from 2001:db8:bad::/48"]
    assert len(set(names)) == len(names)


def test_every_probe_says_what_it_tells_and_how_it_is_sent() -> None:
    for one in CATALOGUE:
        assert len(one.tells.split()) >= 3, one.name
        assert any(word in one.how for word in ("curl", "printf", "open")), one.name


def test_the_line_that_decides_is_named() -> None:
    report = shipped("silent")
    lines = report.policy.path.read_text().splitlines()
    decided = {
        "no agent": '"" 1;',
        "agent zgrab": "~*zgrab 1;",
        "bare address": "return 444;",
        "over the limit": "limit_req zone=perip",
        "half a header": "client_header_timeout 10s;",
        "from 203.0.113.0/24": "203.0.113.0/24 1;",
    }
    for name, text in decided.items():
        decision = row(report, name).decision
        assert decision is not None
        assert decision.rule is not None
        assert text in lines[decision.rule.decisive.line - 1], name


def test_an_error_page_that_took_over_is_named() -> None:
    through = row(shipped("hardened"), "garbage").through
    assert through is not None
    assert through.text.startswith("error_page 400")
    assert row(shipped("silent"), "garbage").through is None


def test_the_limit_is_asked_as_often_as_it_lets_pass_and_once_more(tmp_path: Path) -> None:
    zone = "limit_req_zone $binary_remote_addr zone=a:1m rate=1r/s;"
    for limit, count in (("", 2), ("burst=4", 6), ("burst=4 nodelay", 6), ("burst=9 delay=3", 11)):
        read = load_http(tmp_path, f"{zone} server {{ listen 80; limit_req zone=a {limit}; }}")
        found = row(probe(read), "over the limit")
        assert found.count == count
        assert found.remark == f"request {count} at once"


def test_a_limit_of_connections_is_met_too(tmp_path: Path) -> None:
    read = load_http(
        tmp_path,
        "limit_conn_zone $binary_remote_addr zone=a:1m; server { listen 80; limit_conn a 3; }",
    )
    found = row(probe(read), "over the limit")
    assert (found.count, found.decision and found.decision.status) == (4, 503)


def test_what_cannot_be_asked_says_why(tmp_path: Path) -> None:
    report = probe(load_http(tmp_path, "server { listen 80; }"))
    missing = {one.probe.name: one.remark for one in report.rows if one.decision is None}
    assert missing == {
        "plain HTTP, TLS port": "there is no such port",
        "TLS without a name": "there is no such port",
        "TLS, unknown name": "there is no such port",
        "TLS, the site": "there is no such port",
        "HTTP/2": "there is no such port",
        "HTTP/2, scanner": "there is no such port",
        "over IPv6": "there is no such port",
        "over the limit": "no limit is consulted",
    }


def test_a_site_that_speaks_only_tls_is_asked_over_tls(tmp_path: Path) -> None:
    read = load_http(
        tmp_path,
        "server { listen 8443 ssl; server_name a.example; ssl_certificate x.crt;"
        "ssl_certificate_key x.key; }",
    )
    report = probe(read)
    first = row(report, "a good browser")
    assert first.shape is not None
    assert (first.shape.port, first.shape.tls, first.shape.sni) == (8443, True, "a.example")
    assert row(report, "TLS without a name").remark == "certificate x.crt"
    assert row(report, "TLS bytes, plain port").decision is None


def test_a_server_without_any_time_of_its_own_waits_for_a_minute(tmp_path: Path) -> None:
    found = row(probe(load_http(tmp_path, "server { listen 80; }")), "half a header")
    assert (found.remark, found.wait_s) == ("after 60 s", 60.0)
    assert found.decision is not None
    assert found.decision.rule is not None
    assert "nginx's default" in found.decision.rule.source.text


def test_only_ipv6_is_asked_over_ipv6(tmp_path: Path) -> None:
    report = probe(load_http(tmp_path, "server { listen [::]:80; server_name a.example; }"))
    assert row(report, "a good browser").address.version == 6
    assert row(report, "a good browser").decision is not None


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("location /private/ { deny all; }", "/private/"),
        ("location ~ \\.env$ { return 404; }", "/.env"),
        ("location = /x { internal; return 444; } location /y { return 403; }", "/y"),
        ("location / { }", None),
        ("location /a { return 204; }", None),
    ],
)
def test_a_forbidden_path_is_found(text: str, path: str | None, tmp_path: Path) -> None:
    assert forbidden_path(load_http(tmp_path, f"server {{ listen 80; {text} }}")) == path


def test_addresses_that_are_singled_out_are_found(tmp_path: Path) -> None:
    read = load_http(
        tmp_path,
        "geo $a { default 0; 198.51.100.0/24 1; 192.0.2.7 1; 203.0.113.0/24 0; }"
        "geo $b { ranges; 10.0.0.0-10.0.0.9 yes; }"
        "server { listen 80; deny 2001:db8::/32; allow 192.0.2.1; deny all; }",
    )
    assert dict(blocked_addresses(read)) == {
        "198.51.100.0/24": address("198.51.100.1"),
        "192.0.2.7": address("192.0.2.7"),
        "10.0.0.0-10.0.0.9": address("10.0.0.0"),
        "2001:db8::/32": address("2001:db8::1"),
    }


def test_many_addresses_are_too_many_to_ask_about(tmp_path: Path) -> None:
    lines = "".join(f"10.{n}.0.0/16 1;" for n in range(200))
    read = load_http(tmp_path, f"geo $a {{ {lines} }} server {{ listen 80; }}")
    assert len(blocked_addresses(read)) == 4


@pytest.mark.parametrize(
    ("server", "code"),
    [
        ("return 444;", 444),
        ("location / { return 403; }", 403),
        ("if ($arg_x) { return 444; }", None),
        ("return 301 https://x;", None),
        ("location = /a { } location / { return 444; }", None),
        ("if ($arg_x) { break; } return 444;", None),
        ("", None),
    ],
)
def test_a_catch_all_turns_everybody_away(server: str, code: int | None, tmp_path: Path) -> None:
    read = load_http(tmp_path, f"server {{ listen 80; {server} }}")
    found = catches_all(read.http.servers[0])
    assert (None if found is None else found.code) == code


def test_what_probes_are_made_for() -> None:
    found = target_of(load_policy(shipped_files("policies")["silent"]))
    assert (found.site, found.plain, found.tls, found.http2, found.ipv6) == (
        "shop.example",
        80,
        443,
        443,
        80,
    )
    assert (found.forbidden, found.line_bytes) == ("/admin/", 8192)


def test_as_plain_data() -> None:
    report = shipped("silent")
    document: Any = report.to_json()
    json.dumps(document, allow_nan=False)
    rows = {one["probe"]: one for one in document["rows"]}
    limit = rows["over the limit"]
    assert limit["requests"] == 22
    assert limit["logged"] == {"status": 444, "body_bytes": 0}
    assert limit["curl"] == {"exit": 52, "message": "Empty reply from server"}
    assert limit["browser"] == "net::ERR_EMPTY_RESPONSE"
    assert rows["garbage"]["browser"] is None
    assert rows["a good browser"]["logged"] == {"status": 200, "body_bytes": None}
    assert rows["no agent"]["decided_by"]["text"] == '"" 1'
    assert document["findings"][0]["name"] == "parse-errors-get-a-page"


def test_a_good_browser_gets_the_page_everywhere() -> None:
    for name in shipped_files("policies"):
        assert seen(shipped(name), "a good browser") == "200"


def test_what_is_not_simulated_stands_in_the_report(tmp_path: Path) -> None:
    read: Policy = load_http(tmp_path, "server { listen 80; auth_jwt x; }", allow_unsupported=True)
    assert "auth_jwt" in str(probe(read).to_json()["warnings"])


def test_manners_are_those_of_the_catalogue() -> None:
    manners = {one.name: one.manner for one in CATALOGUE if one.manner is not Manner.ONCE}
    assert manners == {"half a header": Manner.HALF, "over the limit": Manner.BURST}
    assert row(shipped("silent"), "half a header").decision is not None
    assert SightKind.EMPTY.name.lower() == EMPTY
