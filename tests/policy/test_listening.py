"""Several addresses on one port: which group counts, and what is said about the others."""

from __future__ import annotations

from tests.policy.making import Load, ask, status


def test_the_wildcard_counts_and_what_differs_elsewhere_is_said(load: Load) -> None:
    policy = load("""
        server { listen 127.0.0.1:80; return 403; }
        server { listen 80; server_name a; return 404; }
    """)
    assert status(policy) == 404
    [warning] = policy.warnings
    assert "made.conf:4: listen 127.0.0.1:80: " in warning
    assert "all on port 80 count as sent to *:80" in warning
    assert "made.conf:5 is listened on" in warning


def test_the_first_of_several_addresses_counts(load: Load) -> None:
    policy = load("""
        server { listen 192.0.2.1:80; return 403; }
        server { listen 192.0.2.2:80; return 404; }
    """)
    assert status(policy) == 403
    assert ["listen 192.0.2.2:80" in warning for warning in policy.warnings] == [True]


def test_nothing_is_said_where_all_addresses_have_the_same_servers(load: Load) -> None:
    policy = load("""
        server { listen 80; listen 192.0.2.1:80; server_name a; return 403; }
        server { listen 192.0.2.1:80; listen 80; server_name b; return 404; }
        server { listen [::]:80; return 410; }
        server { listen [::1]:81 ipv6only=on; listen 81; return 410; }
    """)
    assert status(policy, ask(host="b")) == 404
    assert policy.warnings == ()


def test_another_default_server_or_protocol_makes_a_difference(load: Load) -> None:
    policy = load("""
        server { listen 80; listen 192.0.2.1:80; server_name a; return 403; }
        server { listen 80; listen 192.0.2.1:80 default_server; server_name b; return 404; }
        server { listen 81; listen 192.0.2.1:81 ssl; ssl_reject_handshake on; return 200; }
        server { listen [::]:82; listen [2001:db8::1]:82; return 200; }
        server { listen [2001:db8::1]:82; server_name c; return 404; }
    """)
    assert status(policy, ask(host="none")) == 403
    assert [
        warning.partition(": a request")[0].rpartition(": ")[2] for warning in policy.warnings
    ] == [
        "listen 192.0.2.1:80 default_server",
        "listen 192.0.2.1:81 ssl",
        "listen [2001:db8::1]:82",
    ]
