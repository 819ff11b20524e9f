"""The shipped policies on a live nginx: that they start, and what each answers to whom."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from simkit.live import ADDRESS_HEADER, Connection, Http2, LiveNginx, Tls, check, exchange
from simkit.live.certificates import make_certificate
from simkit.policy.reader import Directive, first_comment, read
from simkit.shipped import shipped_files
from simkit.wire import Sight, SightKind
from tests.live.raw import HTTP_1_0, REFUSED, SERVED, clock_ms, get
from tests.live.raw import expected as limit_says

POLICIES = shipped_files("policies")
NAMES = ("hardened", "open", "polite", "recommended", "reset", "silent", "uniform")
RULED = tuple(name for name in NAMES if name != "open")
SHOP = "shop.example"


def of_shop(target: str = "/", **more: object) -> bytes:
    return get(target, host=SHOP, **more)  # type: ignore[arg-type]


def from_address(address: str) -> bytes:
    return of_shop(headers=((ADDRESS_HEADER, address),))


PROBES = {
    "visitor": of_shop(),
    "api": of_shop("/api/items", method="POST", body_bytes=20),
    "file": of_shop("/static/shop.css"),
    "no agent": of_shop(agent=None),
    "scanner": of_shop(agent="gobuster/3.5"),
    "scanner in capitals": of_shop(agent="SQLMAP/1.10"),
    "fuzzer": of_shop(agent="Fuzz Faster U Fool v1.1.0"),
    "script": of_shop(agent="python-requests/2.32"),
    "blocked IPv4": from_address("203.0.113.77"),
    "blocked IPv6": from_address("2001:db8:bad:1::5"),
    "neighbour": from_address("2001:db8:bae::5"),
    "admin": of_shop("/admin/users"),
    "bare address": get(host="192.0.2.10"),
    "HTTP/1.0 without Host": get(host=None, version=HTTP_1_0),
    "HTTP/1.1 without Host": get(host=None),
    "TLS on the plain port": bytes.fromhex("16030100c8010000c40303") + bytes(194),
}
WELCOME = ("visitor", "api", "file", "script", "neighbour")
SCANNERS = ("no agent", "scanner", "scanner in capitals", "fuzzer", "blocked IPv4", "blocked IPv6")
STRANGERS = ("bare address", "HTTP/1.0 without Host")
MALFORMED = ("HTTP/1.1 without Host", "TLS on the plain port")

# What is answered to scanners and blocked ranges, to /admin/, without a Host of ours, and to what
# is malformed.
ANSWERS = {
    "open": ("200", "200", "200", "400"),
    "silent": ("empty", "empty", "empty", "400"),
    "reset": ("reset", "reset", "reset", "400"),
    "hardened": ("empty", "empty", "empty", "empty"),
    "polite": ("403", "403", "400", "400"),
    "recommended": ("empty", "403", "empty", "400"),
    "uniform": ("403", "403", "403", "403"),
}
OVER_THE_LIMIT = {
    "silent": (444, None),
    "reset": (444, None),
    "hardened": (444, None),
    "polite": (429, "2"),
    "recommended": (429, "2"),
    "uniform": (403, None),
}


def expected(policy: str) -> dict[str, str]:
    scanners, admin, strangers, malformed = ANSWERS[policy]
    return (
        dict.fromkeys(WELCOME, "200")
        | dict.fromkeys(SCANNERS, scanners)
        | {"admin": admin}
        | dict.fromkeys(STRANGERS, strangers)
        | dict.fromkeys(MALFORMED, malformed)
    )


@pytest.fixture(scope="module", params=NAMES)
def policy(request: pytest.FixtureRequest) -> Iterator[tuple[str, LiveNginx]]:
    files = {"html/static/shop.css": b"a { color: black }\n"}
    with LiveNginx(POLICIES[request.param], files=files) as running:
        yield request.param, running


def test_all_of_them_are_here() -> None:
    assert tuple(POLICIES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_nginx_accepts_it_as_it_stands(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "conf"
    shutil.copytree(POLICIES[name].parent, folder)
    (tmp_path / "logs").mkdir()
    make_certificate(folder / "tls/shop.example.crt", folder / "tls/shop.example.key", (SHOP,))
    file = folder / POLICIES[name].name
    if os.geteuid() != 0:
        # nginx -t binds the ports, and these two are for root.
        file.write_text(re.sub(r"(listen \S*?)(80|443)\b", r"\g<1>1\g<2>", file.read_text()))
    checked = check(file, tmp_path)
    assert checked.accepted, checked.said
    complaints = [line for line in checked.said.splitlines() if "[warn]" in line]
    # nginx 1.25 wants "http2 on" in its place, which 1.22 does not know.
    assert all('"listen ... http2" directive is deprecated' in line for line in complaints)


@pytest.mark.parametrize("name", NAMES)
def test_its_first_comment_says_what_it_is_for(name: str) -> None:
    assert len(first_comment(POLICIES[name]).split()) >= 10


@pytest.mark.parametrize("name", NAMES)
def test_it_listens_on_both_families_and_both_ports(name: str) -> None:
    [http] = [d for d in read(POLICIES[name]) if d.name == "http"]
    for server in http.named("server"):
        found = {d.args[0] for d in server.named("listen")}
        assert found == {"80", "[::]:80", "443", "[::]:443"}


@pytest.mark.parametrize("name", RULED)
def test_all_policies_agree_on_who_is_unwelcome(name: str) -> None:
    def lists(name: str) -> list[tuple[str, tuple[str, ...]]]:
        [http] = [d for d in read(POLICIES[name]) if d.name == "http"]
        wanted = [d for d in http.block or () if d.name in ("map", "geo", "limit_req_zone")]
        kept = [d for d in wanted if "$retry_after" not in d.args]
        return [(e.name, e.args) for d in kept for e in (d, *(d.block or ()))]

    assert lists(name) == lists("silent")


def test_the_empty_agent_has_a_line_of_its_own() -> None:
    def entries(item: Directive) -> list[Directive]:
        return [e for e in item.block or () if (e.name, e.args) == ("", ("1",))]

    for name in RULED:
        [http] = [d for d in read(POLICIES[name]) if d.name == "http"]
        [entry] = [e for d in http.named("map") for e in entries(d)]
        lines = POLICIES[name].read_text().splitlines()
        assert Path(entry.source.file) == POLICIES[name]
        assert lines[entry.source.line - 1].strip() == '"" 1;'


def test_each_probe_is_answered_as_the_policy_promises(policy: tuple[str, LiveNginx]) -> None:
    name, nginx = policy
    seen = {p: exchange(nginx.endpoint(80), sent).sight.symbol for p, sent in PROBES.items()}
    assert seen == expected(name)


def test_ipv6_clients_are_answered_alike(policy: tuple[str, LiveNginx]) -> None:
    name, nginx = policy
    end = nginx.endpoint(80, family=6)
    for probe in ("visitor", "scanner", "bare address"):
        assert exchange(end, PROBES[probe]).sight.symbol == expected(name)[probe]


def test_tls_and_http2(policy: tuple[str, LiveNginx]) -> None:
    name, nginx = policy
    with Connection(nginx.endpoint(443), tls=Tls(SHOP, ("h2",))) as connection:
        client = Http2(connection)
        assert client.request(SHOP, headers=(("user-agent", "a"),)).status == 200
        scanner = client.request(SHOP, headers=(("user-agent", "nuclei"),))
    symbol = expected(name)["scanner"]
    if symbol in ("empty", "reset"):
        assert (scanner.status, scanner.reset) == (0, 1)
    else:
        assert scanner.status == int(symbol)


def test_who_scans_a_tls_address_sees_a_certificate_unless_hardened(
    policy: tuple[str, LiveNginx],
) -> None:
    name, nginx = policy
    with Connection(nginx.endpoint(443), tls=Tls()) as connection:
        if name == "hardened":
            assert (connection.alert, connection.certificate) == (112, b"")
        else:
            assert SHOP.encode() in connection.certificate


def test_over_the_limit(policy: tuple[str, LiveNginx]) -> None:
    name, nginx = policy
    sent = get(host=SHOP, headers=((ADDRESS_HEADER, "198.51.100.40"),))
    seen = exchange(nginx.endpoint(80), sent * 60, heads=(False,) * 60)
    if name == "open":
        assert [a.status for a in seen.answers] == [200] * 60
        return
    status, retry_after = OVER_THE_LIMIT[name]
    closes = status == 444
    # nginx logs a request before it closes; an answer may come before its line.
    records = nginx.log.take(seen.port, 60, timeout_s=0 if closes else 5)
    said = [r.limit_req for r in records]
    assert said == limit_says(clock_ms(records), rate_milli=10_000, burst=20)
    assert said.count(REFUSED) == 1 if closes else REFUSED in said
    assert [r.status for r in records] == [200 if w == SERVED else status for w in said]
    answers = [(a.status, a.header("Retry-After")) for a in seen.answers]
    promised = [(200, None) if w == SERVED else (status, retry_after) for w in said]
    if name == "reset":
        # A reset overtakes what the system had not sent yet, so the last answers may be lost.
        assert answers == promised[: len(answers)]
    else:
        assert answers == [p for p in promised if p[0] != 444]


def test_every_refusal_of_uniform_is_the_same_page() -> None:
    def bare(sight: Sight) -> Sight:
        """Whether the connection is kept depends on the request, not on the reason."""
        headers = tuple(h for h in sight.headers if h[0] != "connection")
        return replace(sight, headers=headers, kept=False)

    with LiveNginx(POLICIES["uniform"]) as nginx:
        end = nginx.endpoint(80)
        refused = (*SCANNERS, "admin", *STRANGERS, *MALFORMED)
        sights = {bare(exchange(end, PROBES[probe]).sight) for probe in refused}
        [sight] = sights
    assert (sight.kind, sight.status, sight.body_bytes) == (SightKind.HTTP, 403, 153)
