"""Crowd and policies move to loopback together."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from simkit.errors import InputError
from simkit.live import LiveNginx
from simkit.live.crowd.loopback import Loopback
from simkit.policy import Planner, load_policy
from simkit.shipped import shipped_files
from simkit.traffic import load_scenario
from simkit.traffic.machine import Certificate
from simkit.wire import Shape, address


def test_a_network_keeps_its_end_and_its_length() -> None:
    loopback = Loopback()
    assert loopback.network("203.0.113.0/24") == "127.1.113.0/24"
    assert loopback.network("198.51.100.7") == "127.2.100.7"
    assert loopback.network("203.0.200.200/30") == "127.1.200.200/30"
    assert loopback.network("198.51.0.0/16") == "127.2.0.0/16"


@pytest.mark.parametrize(
    "word", ["default", "all", "10.0.0.0/8", "0.0.0.0/0", "2001:db8::/32", "127.9.0.1", "$x"]
)
def test_what_cannot_be_moved_stays(word: str) -> None:
    assert Loopback().network(word) == word


@pytest.mark.parametrize("name", sorted(shipped_files("policies")))
def test_a_shipped_policy_blocks_the_range_where_it_is_now(name: str, tmp_path: Path) -> None:
    loopback = Loopback()
    scenario = loopback.scenario(load_scenario("small_shop"))
    policy = load_policy(shipped_files("policies")[name])
    moved = loopback.policy(policy, tmp_path, "ecdsa")
    assert (moved.name, moved.about) == (policy.name, "")
    shape = Shape(headers=(("Host", "shop.example"), ("User-Agent", "Mozilla/5.0")))
    (bots,) = (c for c in scenario.cohorts if c.name == "price bot")
    (network,) = bots.networks()
    planners = Planner(policy), Planner(moved)
    for planner, blocked in zip(planners, ("203.0.113.9", str(network[9])), strict=True):
        refused = [
            planner.plan(shape, address(client)).leaves()[0].refused
            for client in (blocked, "198.18.0.1", "127.40.0.1")
        ]
        assert refused == [name != "open", False, False]


def test_the_certificate_is_of_the_kind_that_is_wanted(tmp_path: Path) -> None:
    policy = load_policy(shipped_files("policies")["open"])
    sizes = []
    for kind in get_args(Certificate):
        moved = Loopback().policy(policy, tmp_path / kind, kind)
        (key,) = (tmp_path / kind).rglob("*.key")
        sizes.append(key.stat().st_size)
        with LiveNginx(moved.path) as nginx:
            assert nginx.endpoint(443).tls
    assert sizes == sorted(sizes)
    assert sizes[0] < 400
    assert sizes[1] > 1500


def test_files_that_a_policy_reads_are_found_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "users").write_text("me:{PLAIN}secret\n")
    conf = tmp_path / "mine.conf"
    conf.write_text(
        "events {} http { server { listen 80; auth_basic x; auth_basic_user_file users; } }"
    )
    moved = Loopback().policy(load_policy(conf), tmp_path / "elsewhere", "ecdsa")
    assert str(tmp_path / "users") in moved.path.read_text()


def test_a_cohort_without_ipv4_is_an_error() -> None:
    scenario = load_scenario("small_shop")
    alone = scenario.cohorts[0].model_copy(update={"addresses": ("2001:db8::/48",)})
    with pytest.raises(InputError, match="cohort shoppers has no IPv4 address"):
        Loopback().scenario(scenario.model_copy(update={"cohorts": (alone,)}))


def test_addresses_of_ipv6_are_left_out_and_named() -> None:
    scenario = load_scenario("small_shop")
    loopback = Loopback()
    moved = loopback.scenario(scenario)
    mixed = [
        before.name
        for before, after in zip(scenario.cohorts, moved.cohorts, strict=True)
        if len(after.addresses) < len(before.addresses)
    ]
    assert mixed
    assert loopback.left_out == mixed
