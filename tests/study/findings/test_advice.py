"""Advice that is more than a word is tried: in the simulation, and on a live nginx."""

from __future__ import annotations

from pathlib import Path

import pytest

from simkit.live import ADDRESS_HEADER, LiveNginx, exchange
from simkit.policy import Gate, Planner
from simkit.study.findings import Finding, findings
from simkit.wire import Shape, address
from tests.policy.making import load_http

IPV6 = """
map $remote_addr $per_net {
    default $binary_remote_addr;
    "~^(?<net64>[^:]+:[^:]+(:[^:]+){0,2}):" $net64;
}
limit_req_zone $per_net zone=a:1m rate=1r/m;
server { listen 80; limit_req zone=a; limit_req_status 429; location / { try_files x =404; } }
"""
ONE_NETWORK = (
    ("2001:db8:1:2::5", "2001:db8:1:2:a:b:c:d", "2001:db8:1:2::1:1"),
    ("2001:db8:1::5", "2001:db8:1::7:8"),
    ("2001:db8::5", "2001:db8::a:b:c"),
    ("192.0.2.1",),
    ("192.0.2.2",),
    ("2001:db8:1:3::5",),
)
"""Addresses of one network each, every one another."""


def first_of_each_network() -> list[tuple[str, bool]]:
    """Each address, and whether it is the first of its network."""
    return [(who, number == 0) for net in ONE_NETWORK for number, who in enumerate(net)]


def advice(found: tuple[Finding, ...], name: str) -> str:
    return next(finding.do for finding in found if finding.name == name)


def test_the_map_is_the_advice_that_is_given(tmp_path: Path) -> None:
    read = load_http(
        tmp_path,
        "limit_req_zone $binary_remote_addr zone=a:1m rate=1r/s;"
        "server { listen [::]:80; limit_req zone=a; }",
    )
    text = advice(findings(read), "ipv6-address-is-one-key")
    [pattern] = [line.strip() for line in IPV6.splitlines() if "net64>" in line]
    assert pattern in text


def test_one_network_is_one_key_in_the_simulation(tmp_path: Path) -> None:
    read = load_http(tmp_path, IPV6.replace("listen 80;", "listen 80; listen [::]:80;"))
    planner = Planner(read)
    gate = Gate(planner)
    shape = Shape(headers=(("Host", "a"),))
    for who, first in first_of_each_network():
        step = gate.admit(planner.bind(shape, address(who)), 1000)
        assert step.status == ("PASSED" if first else "REJECTED"), who


def test_one_network_is_one_key_on_a_live_nginx(tmp_path: Path) -> None:
    load_http(tmp_path, IPV6)
    with LiveNginx(tmp_path / "made.conf") as nginx:
        for who, first in first_of_each_network():
            payload = f"GET / HTTP/1.1\r\nHost: a\r\n{ADDRESS_HEADER}: {who}\r\n\r\n".encode()
            assert exchange(nginx.endpoint(80), payload).sight.status == (404 if first else 429), (
                who
            )


@pytest.mark.parametrize(
    ("code", "payload"),
    [
        ("400", b"g{t / HTTP/1.1\r\n\r\n"),
        ("414", b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("505", b"GET / HTTP/3.0\r\n\r\n"),
    ],
)
def test_a_named_location_fails_where_it_is_said_to(
    code: str, payload: bytes, tmp_path: Path
) -> None:
    text = f"server {{ listen 80; error_page {code} =444 @drop; location @drop {{ return 444; }} }}"
    read = load_http(tmp_path, text)
    assert advice(findings(read), "named-location-for-parse-errors")
    with LiveNginx(tmp_path / "made.conf") as nginx:
        assert exchange(nginx.endpoint(80), payload).sight.status == 500
