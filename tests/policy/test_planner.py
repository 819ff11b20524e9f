"""Plans are remembered: many requests, few plans, and the same object for equal ones."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path
from unittest.mock import patch

import pytest

from simkit.policy import Planner, load_policy
from simkit.policy.plan import Consult, Occupy, Plan
from simkit.policy.walk import Walk
from simkit.shipped import shipped_files
from simkit.wire import address
from tests.policy.making import HERE, Load, ask

ADDRESSES = 200_000


def counted(planner: Planner) -> tuple[list[int], object]:
    walks = [0]
    real = Walk.run

    def run(self: Walk) -> object:
        walks[0] += 1
        return real(self)

    return walks, patch.object(Walk, "run", run)


def test_many_addresses_share_a_plan_and_each_has_its_own_key() -> None:
    planner = Planner(load_policy(shipped_files("policies")["recommended"]))
    walks, counting = counted(planner)
    shape = ask(host="shop.example", headers={"User-Agent": "Mozilla/5.0"})
    blocked = int(IPv4Address("203.0.113.0"))
    with counting:  # type: ignore[attr-defined]
        plans: dict[Plan, int] = {}
        for i in range(ADDRESSES):
            plan = planner.plan(shape, IPv4Address(blocked - ADDRESSES // 2 + i))
            plans[plan] = plans.get(plan, 0) + 1
    assert sorted(plans.values()) == [256, ADDRESSES - 256]
    assert walks[0] <= 20
    bounds = {planner.bind(shape, IPv4Address(blocked - 1 - i)) for i in range(100)}
    assert len({entry for b in bounds for keys in b.entries.values() for entry in keys}) == 100


def test_many_agents_share_the_entries_of_their_map() -> None:
    planner = Planner(load_policy(shipped_files("policies")["recommended"]))
    shapes = (
        ask(host="shop.example", headers={"User-Agent": f"Mozilla/5.0 ({i})"}) for i in range(5000)
    )
    assert len({planner.plan(shape, HERE) for shape in shapes}) == 1


def test_what_set_hands_on_to_a_limit_is_not_looked_at(load: Load) -> None:
    policy = load("""
        limit_req_zone $limit_key zone=one:1m rate=1r/s;
        server {
            set $limit_key $binary_remote_addr;
            set $said "$http_user_agent and $1";
            if ($http_x_friend) { set $limit_key ""; }
            limit_req zone=one;
        }
    """)
    planner = Planner(policy)
    walks, counting = counted(planner)
    with counting:  # type: ignore[attr-defined]
        found = {
            planner.plan(ask(headers={"User-Agent": f"agent {i}"}), address(f"192.0.2.{i}"))
            for i in range(200)
        }
        friend = planner.plan(ask(headers={"X-Friend": "1"}), HERE)
    assert len(found) == 1
    assert friend.uses() == ()
    assert walks[0] <= 10


def test_rewritten_queries_are_not_looked_at(load: Load) -> None:
    policy = load(r"""
        server {
            location / { rewrite ^/(.*)$ /index.php?page=$1 last; }
            location = /index.php { proxy_pass http://127.0.0.1; }
        }
    """)
    planner = Planner(policy)
    assert len({planner.plan(ask(f"/{i}?x={i}"), HERE) for i in range(300)}) == 1


def test_equal_requests_have_the_same_plan_and_bound(load: Load) -> None:
    planner = Planner(load("server { }"))
    first, second = (planner.bind(ask("/a"), address("192.0.2.1")) for _ in range(2))
    assert first is second
    assert planner.plan(ask("/a"), HERE) is planner.plan(ask("/b"), HERE)


def test_a_plan_has_a_branch_for_each_outcome(load: Load) -> None:
    policy = load("""
        limit_req_zone $binary_remote_addr zone=a:1m rate=1r/s;
        limit_req_zone $server_name zone=b:1m rate=1r/s;
        limit_conn_zone $binary_remote_addr zone=c:1m;
        server {
            server_name x.example;
            limit_req zone=a burst=5;
            limit_req zone=b nodelay;
            limit_req_status 429;
            limit_conn c 3;
            error_page 429 = @slow;
            location / { }
            location @slow { return 200 "$limit_req_status"; }
        }
    """)
    plan = Planner(policy).plan(ask(), HERE)
    [consult] = {n for n in plan.nodes() if isinstance(n, Consult)}
    occupies = [n for n in plan.nodes() if isinstance(n, Occupy)]
    assert len(consult.uses) == len(consult.rejected) == 2
    assert len(occupies) == 2  # once passed at once, once after a delay
    assert [use.is_address for use in consult.uses] == [True, False]
    assert sorted(d.status for d in plan.leaves()) == [200, 200, 200, 200, 503, 503]
    assert len(plan.uses()) == 3


def test_limits_whose_key_is_empty_are_left_out_and_may_be_met_later(load: Load) -> None:
    policy = load("""
        limit_req_zone $arg_key zone=a:1m rate=1r/s;
        limit_req_zone $binary_remote_addr zone=b:1m rate=1r/s;
        server {
            location / { limit_req zone=a; error_page 404 = /other; proxy_intercept_errors on;
                         proxy_pass http://a; }
            location /other { limit_req zone=b; return 404; }
            location /last { limit_req zone=b; proxy_pass http://a; }
        }
    """)

    class Nothing:
        def find(self, path: str) -> None:
            return None

    planner = Planner(policy, Nothing())
    with_key = planner.plan(ask("/?key=1"), HERE)
    without = planner.plan(ask("/"), HERE)
    assert len(with_key.uses()) == 1
    assert without.uses() == ()  # `return` comes before the limit of /other
    assert len(planner.plan(ask("/last"), HERE).uses()) == 1


def test_keys_of_different_lengths_are_warned_of_once(load: Load) -> None:
    policy = load("limit_req_zone $uri zone=a:1m rate=1r/s; server { limit_req zone=a; }")
    planner = Planner(policy)
    for i in range(5):
        planner.bind(ask("/" + "x" * 60 * i), HERE)
    assert len(planner.warnings) == 1
    assert "zone a" in planner.warnings[0]


@pytest.mark.parametrize("name", shipped_files("policies"))
def test_shipped_policies_need_few_walks(name: str) -> None:
    planner = Planner(load_policy(Path(shipped_files("policies")[name])))
    walks, counting = counted(planner)
    with counting:  # type: ignore[attr-defined]
        for i in range(2000):
            shape = ask(f"/page/{i}", host="shop.example", headers={"User-Agent": f"a{i % 7}"})
            planner.plan(shape, address(f"10.0.{i // 200}.{i % 200}"))
    assert walks[0] <= 12
