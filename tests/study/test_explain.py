"""One request explained: the ending that was asked for, the others, and the words for each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simkit.policy import Policy, load_policy
from simkit.shipped import shipped_files
from simkit.study.explain import explain, limit_words
from simkit.study.wire_words import (
    answered_by,
    decided_by,
    logged_words,
    place,
    wire_lines,
    wire_short,
)
from simkit.wire import Fault, Shape, Version, address
from tests.policy.making import load_http

CLIENT = address("192.0.2.1")
BROWSER = ("User-Agent", "Mozilla/5.0 (X11) Firefox/128.0")


def shipped(name: str) -> Policy:
    return load_policy(shipped_files("policies")[name])


def shop(target: str = "/", **more: object) -> Shape:
    headers = (("Host", "shop.example"), BROWSER)
    return Shape(target=target, headers=headers, **more)  # type: ignore[arg-type]


def wire(policy: Policy, shape: Shape) -> tuple[str, ...]:
    return wire_lines(explain(policy, shape, CLIENT).decision, shape)


def test_the_first_way_is_within_the_limits_and_the_others_are_over_them() -> None:
    found = explain(shipped("polite"), shop(), CLIENT)
    assert [way.decision.status for way in found.ways] == [200, 429]
    assert found.decision.status == 200
    over = explain(shipped("polite"), shop(), CLIENT, over_limit=True)
    assert [way.decision.status for way in over.ways] == [429, 200]


def test_over_the_limit_changes_nothing_where_there_is_none() -> None:
    found = explain(shipped("open"), shop(), CLIENT, over_limit=True)
    assert [way.decision.status for way in found.ways] == [200]


@pytest.mark.parametrize(
    ("rate", "limit", "words"),
    [
        ("10r/s", "burst=20 nodelay", "after 21 at once (22nd on); one more every 100 ms"),
        ("30r/m", "", "after 1 at once (2nd on); one more every 2 s"),
        ("1r/m", "burst=2", "after 3 at once (4th on); one more every 62.5 s"),
        ("300r/s", "burst=10", "after 11 at once (12th on); one more every 3.333 ms"),
    ],
)
def test_when_a_limit_rejects(tmp_path: Path, rate: str, limit: str, words: str) -> None:
    read = load_http(
        tmp_path,
        f"limit_req_zone $binary_remote_addr zone=a:1m rate={rate};"
        f"server {{ listen 80; limit_req zone=a {limit}; }}",
    )
    use = explain(read, shop(), CLIENT).ways[1].rejected_by
    assert use is not None
    assert limit_words(use, read.http) == words


def test_when_a_limit_of_connections_rejects(tmp_path: Path) -> None:
    read = load_http(
        tmp_path,
        "limit_conn_zone $binary_remote_addr zone=a:1m; server { listen 80; limit_conn a 3; }",
    )
    use = explain(read, shop(), CLIENT).ways[1].rejected_by
    assert use is not None
    assert limit_words(use, read.http) == "from request 4 at a time on"


def test_the_wire_shows_status_line_headers_and_sizes() -> None:
    assert wire(shipped("polite"), shop("/admin/")) == (
        "HTTP/1.1 403 Forbidden",
        "Connection: keep-alive",
        "Content-Type: text/html",
        "Server: nginx/1.22.1",
        "(153 bytes of body, 308 in all)",
        "(the connection is kept)",
    )
    assert wire(shipped("silent"), shop("/admin/")) == ("FIN, not a byte before it",)
    assert wire(shipped("reset"), shop("/admin/")) == ("RST, not a byte before it",)


def test_the_wire_of_http2_and_of_a_refused_handshake() -> None:
    http2 = shop("/admin/", port=443, tls=True, sni="shop.example", version=Version.HTTP_2)
    assert wire(shipped("silent"), http2) == ("RST_STREAM (PROTOCOL_ERROR); the connection stays",)
    assert wire(shipped("polite"), http2)[0] == ":status: 403"
    refused = wire(shipped("hardened"), shop(port=443, tls=True, sni="other"))
    assert refused == ("TLS alert unrecognized_name, then FIN; no certificate",)


def test_what_the_site_answers_has_no_size_here() -> None:
    found = explain(shipped("open"), shop(), CLIENT)
    assert wire_lines(found.decision, found.shape)[0] == "HTTP/1.1 200 OK"
    assert wire_short(found.decision) == "200, the site's page"
    assert logged_words(found.decision) == "200"


def test_the_rule_is_named_from_the_deciding_entry_to_the_directive() -> None:
    policy = shipped("silent")
    zgrab = Shape(headers=(("Host", "shop.example"), ("User-Agent", "zgrab")))
    rule = explain(policy, zgrab, CLIENT).decision.rule
    text = decided_by(rule, policy.path.parent)
    parts = [part.split(" ", 1)[1] for part in text.split(" → ")]
    assert parts == ["~*zgrab 1", "if ($bad_agent)", "return 444"]
    lines = policy.path.read_text().splitlines()
    for part in text.split(" → "):
        where, written = part.split(" ", 1)
        line = lines[int(where.removeprefix("silent.conf:")) - 1]
        assert written.split()[0] in line


def test_nginx_itself_and_the_site_are_named() -> None:
    policy = shipped("silent")
    malformed = explain(policy, Shape(fault=Fault.BAD_METHOD), CLIENT).decision.rule
    text = decided_by(malformed, policy.path.parent)
    assert text.startswith("nginx itself, before any rule: client sent invalid method")
    assert decided_by(None, policy.path.parent) == "no rule: the site itself answers"


def test_an_error_page_is_named_with_where_it_led() -> None:
    policy = shipped("hardened")
    way = explain(policy, Shape(fault=Fault.BAD_METHOD), CLIENT).ways[0]
    text = answered_by(way, policy.path.parent)
    assert text is not None
    assert text.startswith("hardened.conf:")
    assert "error_page 400" in text
    assert text.endswith("return 444")
    assert answered_by(explain(policy, shop(), CLIENT).ways[0], policy.path.parent) is None


def test_files_are_named_as_seen_from_the_policy() -> None:
    policy = shipped("open")
    [location] = [n for n in explain(policy, shop(), CLIENT).ways[0].notes if "prefix" in n.verdict]
    assert location.source is not None
    assert place(location.source, policy.path.parent) == "site/locations.conf:2"
    assert place(location.source, Path("/elsewhere")) == str(location.source)


def test_as_plain_data() -> None:
    hostile = Shape(
        target="/admin/",
        headers=(("Host", "shop.example"), ("User-Agent", "Mozilla/5.0 \x1b[31m")),
    )
    document: Any = explain(shipped("polite"), hostile, CLIENT).to_json()
    text = json.dumps(document)
    assert "\\u001b" not in text
    assert document["from"] == "192.0.2.1"
    first, over = document["endings"]
    assert first["if"] is None
    assert first["decided_by"]["text"] == "deny all"
    assert first["decided_by"]["directive"]["name"] == "deny"
    assert first["logged"] == {"status": 403, "body_bytes": 153}
    assert first["wire"]["lines"][0] == "HTTP/1.1 403 Forbidden"
    assert first["curl"] == {"exit": 0, "message": "the 403 page (Forbidden)"}
    assert first["way"][0]["phase"] == "handshake"
    assert over["if"]["when"].startswith("after 21 at once")
    assert over["logged"]["status"] == 429
