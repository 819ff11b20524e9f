"""The probes on a live nginx: it answers as simulated, and what differs is found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from simkit.errors import InputError
from simkit.live import LiveNginx
from simkit.live.probe import Compared, Where, find_server, probe_live
from simkit.policy import load_policy
from simkit.shipped import shipped_files
from simkit.study.probe import probe
from simkit.study.probes import CATALOGUE
from simkit.wire import address
from tests.policy.making import load_http

HEADER_TIMEOUT = "client_header_timeout 1s;"
FAST = f"""
{HEADER_TIMEOUT}
limit_req_zone $binary_remote_addr zone=a:1m rate=20r/s;
limit_req_status 429;
"""


@contextmanager
def live(path: Path, *, family: int = 4) -> Iterator[Where]:
    """A configuration on a live nginx, and where it is."""
    with LiveNginx(path) as nginx:
        ends = [end for end in nginx.trial.endpoints if end.listen.family == family]
        yield Where(ends[0].host, {end.listen.port: end.port for end in ends})


def compared(path: Path, running: Path | None = None, **more: object) -> dict[str, Compared]:
    """Every probe of one configuration, sent to another (or to itself)."""
    report = probe(load_policy(path))
    with live(running or path) as where:
        found = probe_live(report, where, **more)  # type: ignore[arg-type]
        return {one.row.probe.name: one for one in found}


def differing(found: dict[str, Compared]) -> dict[str, tuple[str, ...]]:
    return {name: one.differences for name, one in found.items() if one.differences}


@pytest.mark.parametrize("name", ["silent", "hardened", "polite", "uniform", "reset"])
def test_shipped_policies_answer_as_simulated(name: str) -> None:
    found = compared(shipped_files("policies")[name], by_header=True, patience_s=0)
    assert differing(found) == {}
    unsent = {one for one, probed in found.items() if probed.seen is None}
    assert unsent == {"over IPv6", "half a header"}
    assert len(found) == len(CATALOGUE) + 2


def test_a_slow_header_is_let_go_as_simulated(tmp_path: Path) -> None:
    for reset in ("off", "on"):
        load_http(
            tmp_path,
            f"{FAST} reset_timedout_connection {reset}; server {{ listen 80; limit_req zone=a; }}",
        )
        found = compared(tmp_path / "made.conf")["half a header"]
        assert found.seen is not None
        assert found.seen.symbol == ("reset" if reset == "on" else "empty")
        assert found.differences == ()


def test_limits_that_earlier_probes_have_used_up_are_used_up_in_the_simulation(
    tmp_path: Path,
) -> None:
    load_http(
        tmp_path,
        f"{HEADER_TIMEOUT} limit_req_zone $binary_remote_addr zone=a:1m rate=1r/m;"
        "server { listen 80; limit_req zone=a burst=2 nodelay; limit_req_status 429; }",
    )
    found = compared(tmp_path / "made.conf", patience_s=0)
    assert differing(found) == {}
    refused = [one for one in found.values() if one.expected and one.expected.status == 429]
    assert len(refused) > 5


def test_what_differs_is_found(tmp_path: Path) -> None:
    simulated, running = tmp_path / "a", tmp_path / "b"
    simulated.mkdir()
    running.mkdir()
    load_http(
        simulated,
        "server { listen 80; location /admin/ { return 444; } location /x { return 403; }"
        "location / { if ($http_user_agent ~ sqlmap) { return 403; } } }",
    )
    load_http(
        running,
        "server { listen 80; location /admin/ { return 404; } location /x { return 403; }"
        "location / { if ($http_user_agent ~ sqlmap) { return 410; } } }",
    )
    found = differing(compared(simulated / "made.conf", running / "made.conf", patience_s=0))
    assert found == {
        "forbidden path": ("empty expected, 404 seen",),
        "agent sqlmap": ("status 403 expected, 410 seen",),
    }


def test_headers_and_keeping_are_compared(tmp_path: Path) -> None:
    simulated, running = tmp_path / "a", tmp_path / "b"
    simulated.mkdir()
    running.mkdir()
    text = "server {{ listen 80; {} location / {{ {} return 403; }} }}"
    load_http(simulated, text.format("", "add_header Retry-After 5 always;"))
    load_http(running, text.format("keepalive_timeout 0;", ""))
    found = differing(compared(simulated / "made.conf", running / "made.conf", patience_s=0))
    assert found["curl"] == (
        "retry-after: 5 expected, none seen",
        "kept expected, closed seen",
    )


def test_what_the_site_says_is_not_compared(tmp_path: Path) -> None:
    load_http(tmp_path, "server { listen 80; root html; }")
    found = compared(tmp_path / "made.conf", patience_s=0)
    assert found["a good browser"].differences == ()
    assert found["a good browser"].seen is not None
    assert found["a good browser"].seen.status in (403, 404)


def test_a_page_that_the_site_lacks_may_lead_elsewhere(tmp_path: Path) -> None:
    load_http(
        tmp_path,
        "server { listen 80; root html; error_page 403 404 =444 /drop;"
        "location = /drop { internal; return 444; } }",
    )
    found = compared(tmp_path / "made.conf", patience_s=0)
    assert differing(found) == {}
    assert found["agent sqlmap"].remark == "the site has no such page"


def test_over_ipv6_only_what_goes_over_ipv6_is_sent(tmp_path: Path) -> None:
    load_http(tmp_path, "server { listen [::]:80; listen 80; return 403; }")
    report = probe(load_policy(tmp_path / "made.conf"))
    with live(tmp_path / "made.conf", family=6) as where:
        found = {one.row.probe.name: one for one in probe_live(report, where, patience_s=0)}
    assert found["over IPv6"].differences == ()
    assert found["over IPv6"].seen is not None
    assert found["curl"].remark == "not sent: it goes over IPv4"


def test_a_closed_port_is_seen_and_no_error(tmp_path: Path) -> None:
    load_http(tmp_path, "server { listen 80; return 403; }")
    report = probe(load_policy(tmp_path / "made.conf"))
    found = next(iter(probe_live(report, Where("127.0.0.1", {80: 1}))))
    assert found.seen is not None
    assert found.seen.symbol == "refused"
    assert found.differences == ("403 expected, refused seen",)


def test_what_cannot_be_sent_says_why(tmp_path: Path) -> None:
    load_http(
        tmp_path,
        "limit_req_zone $binary_remote_addr zone=a:1m rate=9r/s;"
        "server { listen 80; deny 198.51.100.0/24; limit_req zone=a burst=5000 nodelay; }",
    )
    found = compared(tmp_path / "made.conf")
    why = {name: one.remark for name, one in found.items() if one.seen is None}
    assert why["from 198.51.100.0/24"] == "not sent: it would have to come from 198.51.100.1"
    assert why["half a header"] == "not sent: the server would wait 60 s"
    assert why["over the limit"] == "not sent: it takes 5,002 connections"
    assert why["HTTP/2"] == "there is no such port"


def test_only_ones_own_server_is_probed() -> None:
    with pytest.raises(InputError, match="--mine"):
        find_server("192.0.2.1", {}, mine=False)
    assert find_server("192.0.2.1", {80: 81}, mine=True).endpoint(80).port == 81
    assert find_server("127.0.0.1", {}, mine=False).source == address("127.0.0.1")
    assert find_server("[::1]", {}, mine=False).is_ipv6
    assert find_server("192.0.2.1", {}, mine=True).source == address("192.0.2.1")
    with pytest.raises(InputError, match="no server at"):
        find_server("no-such-name.invalid", {}, mine=True)


def test_as_plain_data(tmp_path: Path) -> None:
    load_http(tmp_path, "server { listen 80; return 403; }")
    document = compared(tmp_path / "made.conf", patience_s=0)["curl"].to_json()
    assert document["sent"] is True
    assert document["differences"] == []
    assert document["simulated"] == document["seen"]
