"""Strategies: reading them, what they decide, and what is seen through them."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from simkit.addresses import AddressRange
from simkit.errors import InputError
from simkit.policy import Planner, load_policy
from simkit.shipped import shipped_files
from simkit.strategy import Firewall, load_strategy, strategy_of
from simkit.strategy.firewall import FirewallSpec
from simkit.wire import Fault, Shape, Sight, SightKind, Version, address
from tests.traffic.files import written

CONF = """
events {}
http {
    limit_req_zone $binary_remote_addr zone=z:1m rate=1r/s;
    server {
        listen 80;
        location / { limit_req zone=z; root html; }
        location /deny { deny all; }
        location /drop { return 444; }
    }
}
"""
FRONTS = """\
policy = "site.conf"
about = "a test"

[firewall]
drop = ["203.0.113.0/24", "2001:db8::/32"]
reject = [
    "198.51.100.7",
]
rate = { per_s = 2, burst = 3 }
"""
CDN = 'policy = "site.conf"\n[cdn]\naddresses = ["192.0.2.8/29", "2001:db8:9::/64"]\nedges = 5\n'


def files(folder: Path, text: str) -> Path:
    written(folder, CONF, "site.conf")
    return written(folder, text, "mine.toml")


def ask(target: str = "/", **more: object) -> Shape:
    return Shape(target=target, headers=(("Host", "shop.example"),), **more)  # type: ignore[arg-type]


def test_a_bare_policy_is_a_strategy_with_nothing_in_front() -> None:
    policy = load_policy(shipped_files("policies")["open"])
    bare = strategy_of(policy)
    assert (bare.name, bare.about, bare.path) == (policy.name, policy.about, policy.path)
    assert not bare.has_front
    assert type(bare.planner()) is Planner
    assert strategy_of(bare) is bare
    assert load_strategy("open").policy.path == policy.path


@pytest.mark.parametrize("name", shipped_files("strategies"))
def test_shipped_strategies_can_be_used_and_sent_elsewhere(name: str) -> None:
    found = load_strategy(name)
    assert found.name == name
    assert found.about
    assert found.has_front
    again = pickle.loads(pickle.dumps(found))
    assert (again.path, again.policy.path) == (found.path, found.policy.path)


def test_the_policy_that_believes_the_cdn_is_the_recommended_one_and_three_lines() -> None:
    folder = shipped_files("policies")["recommended"].parent
    recommended = (folder / "recommended.conf").read_text().splitlines()
    behind = (folder.parent / "strategies" / "realip.conf").read_text().splitlines()
    plain = [line.replace("../policies/site/", "site/").strip() for line in behind]
    added = [line for line in plain if line not in {other.strip() for other in recommended}]
    directives = [line for line in added if line and not line.startswith("#")]
    assert directives == [
        "set_real_ip_from 192.0.2.128/28;",
        "real_ip_header X-Forwarded-For;",
        "real_ip_recursive on;",
    ]
    said = [line.strip() for line in recommended if line and not line.startswith("#")]
    assert [line for line in said if line not in plain] == []


def test_a_firewall_says_what_becomes_of_an_address_by_which_line(tmp_path: Path) -> None:
    strategy = load_strategy(files(tmp_path, FRONTS))
    firewall = strategy.firewall
    assert firewall is not None
    dropped = firewall.verdict(address("203.0.113.9"))
    rejected = firewall.verdict(address("198.51.100.7"))
    assert dropped is not None
    assert rejected is not None
    assert (dropped.sight.kind, rejected.sight.kind) == (SightKind.NO_ANSWER, SightKind.REFUSED)
    assert dropped.rule is not None
    assert rejected.rule is not None
    assert str(dropped.rule.source).endswith("mine.toml:5")
    assert str(rejected.rule.source).endswith("mine.toml:7")
    assert rejected.rule.source.text == 'reject "198.51.100.7"'
    assert firewall.verdict(address("198.51.100.8")) is None
    assert firewall.verdict(address("2001:db8:1::1")) is dropped or (
        firewall.verdict(address("2001:db8:1::1")).sight.kind is SightKind.NO_ANSWER  # type: ignore[union-attr]
    )


def test_verdicts_about_many_are_those_about_each() -> None:
    spec = FirewallSpec(drop=("10.0.0.4/30", "10.0.0.9"), reject=("10.0.0.0/28",))
    firewall = Firewall(spec, "f.toml", {})
    many = AddressRange(4, int(address("10.0.0.1")), 2, 12)
    found = [verdict for n, verdict in firewall.verdicts(many) for _ in range(n)]
    assert found == [firewall.verdict(who) for who in many]
    assert len(set(map(id, found))) == 4


def test_a_rate_is_a_bucket_of_connections() -> None:
    spec = FirewallSpec.model_validate_json('{"rate": {"per_s": 4, "burst": 3}}')
    rate = Firewall(spec, "f.toml", {}).rate
    assert rate is not None
    due_ns, passed = 0, []
    for now_ms in (0, 0, 0, 0, 100, 250, 260, 2000, 2000, 2000, 2000):
        passes, due_ns = rate.passes(due_ns, now_ms * 1_000_000)
        passed.append(passes)
    assert passed == [True, True, True, False, False, True, False, True, True, True, False]


def test_planned_through_a_firewall(tmp_path: Path) -> None:
    planner = load_strategy(files(tmp_path, FRONTS)).planner()
    (dropped,) = planner.bind(ask(), address("203.0.113.1")).plan.leaves()
    assert dropped.sight.kind is SightKind.NO_ANSWER
    assert len(planner.bind(ask(), address("192.0.2.1")).plan.leaves()) == 3


def test_a_cdn_spreads_visitors_over_its_edges_by_their_address(tmp_path: Path) -> None:
    cdn = load_strategy(files(tmp_path, CDN)).cdn
    assert cdn is not None
    assert [str(cdn.address_of(edge)) for edge in range(5)] == [
        "192.0.2.9", "2001:db8:9::1", "192.0.2.10", "2001:db8:9::2", "192.0.2.11",
    ]  # fmt: skip
    edges = [cdn.edge_of(who) for who in AddressRange(4, int(address("198.18.0.1")), 1, 2000)]
    assert [cdn.edge_of(address("198.18.0.1"))] == edges[:1]
    assert all(330 < edges.count(edge) < 470 for edge in range(5))


def test_what_a_cdn_passes_on(tmp_path: Path) -> None:
    cdn = load_strategy(files(tmp_path, CDN)).cdn
    assert cdn is not None
    who = address("198.18.0.1")
    sent = cdn.passed_on(ask("/x", version=Version.HTTP_2), who)
    assert sent is not None
    assert (sent.version, sent.target) == (Version.HTTP_1_1, "/x")
    assert sent.header("X-Forwarded-For") == "198.18.0.1"
    assert cdn.passed_on(ask(fault=Fault.BAD_HEADER), who) is None
    assert cdn.passed_on(Shape(headers=()), who) is None
    twice = Shape(headers=(("Host", "a"), ("host", "b")))
    assert cdn.passed_on(twice, who) is None


@pytest.mark.parametrize(
    ("target", "expected"),
    [("/", {200, 503}), ("/deny", {403}), ("/drop", {520})],
)
def test_what_is_seen_through_a_cdn(tmp_path: Path, target: str, expected: set[int]) -> None:
    planner = load_strategy(files(tmp_path, CDN)).planner()
    leaves = planner.bind(ask(target), address("198.18.0.1")).plan.leaves()
    assert {leaf.sight.status for leaf in leaves} == expected
    assert all(leaf.sight.kept for leaf in leaves)
    assert all(leaf.sight.header("server") == "cloudflare" for leaf in leaves)
    assert all(leaf.sight.header("connection") is None for leaf in leaves)
    assert planner.bind(ask(target), address("198.18.0.1")) is planner.bind(
        ask(target), address("198.18.0.1")
    )


def test_a_cdn_keeps_files_by_their_ending(tmp_path: Path) -> None:
    cdn = load_strategy(files(tmp_path, CDN + 'cached = ["css"]\n')).cdn
    assert cdn is not None
    assert cdn.may_keep(ask("/a.css?v=1"))
    assert not cdn.may_keep(ask("/a.js"))
    assert not cdn.may_keep(ask("/a.css", method="POST"))
    never = load_strategy(files(tmp_path, CDN + "keeps_s = 0\n")).cdn
    assert never is not None
    assert not never.may_keep(ask("/a.css"))
    assert cdn.seen(Sight(SightKind.REFUSED)).status == 521
    assert cdn.seen(Sight(SightKind.NO_ANSWER)).status == 522


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "mine.toml:1: is empty"),
        ("[firewall]\n", "policy: is missing"),
        ('policy = "none.conf"\n', "none.conf: no such file"),
        (FRONTS.replace("198.51.100.7", "198.51.100.700"), "mine.toml:7: firewall.reject[0]"),
        (
            FRONTS.replace("per_s = 2", "per_s = 0"),
            "mine.toml:9: firewall.rate.per_s: must be >= 1e-06",
        ),
        (FRONTS + "pass = 1\n", "mine.toml:10: firewall.pass: is no key that is known here"),
        (CDN.replace("edges = 5", "edges = 0"), "mine.toml:4: cdn.edges: must be >= 1"),
        (
            CDN + 'product = "nobody"\n',
            "mine.toml:5: cdn.product: nobody: no such file, and no product",
        ),
        (CDN + 'product = "apache"\n', "mine.toml:5: cdn.product: Apache does not stand in front"),
        (CDN.replace("8/29", "8/31"), "mine.toml:3: cdn.addresses[0]: 192.0.2.8/31 has room for 0"),
        (CDN + 'header = "X Y"\n', "mine.toml:5: cdn.header"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        load_strategy(files(tmp_path, text))
    assert expected in str(caught.value)
