"""Scenarios: the default one, the site, addresses, groups, the names for leakage."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path

from simkit.addresses import in_turn
from simkit.host.order import PLACE_BITS, SEQUENCE_BITS
from simkit.strategy.cdn import MOST_EDGES
from simkit.traffic import load_scenario, members
from simkit.traffic.crowd import ranges_of
from simkit.traffic.scenario import MOST_CLIENTS
from tests.traffic.files import ONE_CALLER, scenario


def test_the_default_scenario_holds_every_cohort_that_operators_meet() -> None:
    shop = load_scenario("small_shop")
    kinds = {c.kind for c in shop.cohorts}
    assert kinds == {"visitor", "caller", "probe", "scanner", "flood", "slow"}
    by_name = {c.name: c for c in shop.cohorts}
    assert len(by_name["office"].addresses) == 1
    assert by_name["office"].count > 1
    monitor = by_name["uptime monitor"]
    assert (monitor.protocol, monitor.host, monitor.agents) == ("HTTP/1.0", "none", ())
    assert not by_name["feed reader"].has_agent
    blocked = ip_network("203.0.113.0/24")
    inside = {
        c.name: all(ip_address(str(n.network_address)) in blocked for n in c.networks())
        for c in shop.cohorts
    }
    assert [name for name, is_in in inside.items() if is_in] == ["price bot"]
    assert all(not c.honest for c in shop.cohorts if inside[c.name])


def test_groups_hold_honest_cohorts_by_what_they_share() -> None:
    groups = load_scenario("small_shop").groups
    assert groups["no agent"] == ("uptime monitor", "feed reader")
    assert groups["browsers HTTP/1.1"] == ("shoppers HTTP1", "office")
    assert groups["browsers HTTP/2"] == ("shoppers",)


def test_the_site_knows_pages_and_files_and_nothing_else(tmp_path: Path) -> None:
    site = scenario(tmp_path, ONE_CALLER).site
    page, file = site.find("/"), site.find("/a.css")
    assert page is not None
    assert file is not None
    assert (page.status, page.body_bytes, file.body_bytes) == (200, 1000, 100)
    assert site.find("/absent") is None
    assert site.has_page("/plain")
    assert not site.has_page("/a.css")


def test_leakage_takes_the_names_of_the_site_unless_told_others(tmp_path: Path) -> None:
    found = scenario(tmp_path, ONE_CALLER, '[leakage]\nport = 8080\nplain_address = "2001:db8::9"')
    probes = found.leakage
    assert probes is not None
    assert (probes.host, probes.bare_host, probes.port) == ("shop.example", "192.0.2.80", 8080)
    assert probes.plain_address == ip_address("2001:db8::9")
    assert scenario(tmp_path, ONE_CALLER).leakage is None


def crowd(folder: Path, *cohorts: str) -> dict[str, list[tuple[int, str, str]]]:
    found = scenario(folder, *cohorts)
    table: dict[str, list[tuple[int, str, str]]] = {}
    for member in members(found, 1, 0):
        cohort = found.cohorts[member.cohort]
        who = in_turn(ranges_of(cohort), member.index)
        agent = cohort.agents[member.agent] if cohort.agents else ""
        table.setdefault(cohort.name, []).append((member.key, str(who), agent))
    return table


MANY = """
[[cohort]]
name = "many"
kind = "caller"
honest = true
count = 6
addresses = ["198.18.0.0/24", "2001:db8::/48", "192.0.2.9"]
agents = ["one", "two"]
arrivals = { kind = "at once" }
calls = [{ path = "/" }]
"""


def test_clients_take_addresses_in_turn_and_share_a_single_one(tmp_path: Path) -> None:
    addresses = [address for _, address, _ in crowd(tmp_path, MANY)["many"]]
    assert addresses == [
        "198.18.0.1",
        "2001:db8:0:1::1",
        "192.0.2.9",
        "198.18.0.2",
        "2001:db8:0:2::1",
        "192.0.2.9",
    ]


def test_another_cohort_leaves_who_the_others_are_untouched(tmp_path: Path) -> None:
    alone = crowd(tmp_path, MANY)["many"]
    assert crowd(tmp_path, ONE_CALLER, MANY)["many"] == alone
    assert len({key for key, _, _ in alone}) == 6
    assert {agent for _, _, agent in alone} == {"one", "two"}


def test_the_order_of_events_has_room_for_all_clients_and_a_hundred_doors_of_each_edge() -> None:
    assert MOST_CLIENTS + 100 * MOST_EDGES <= 1 << (PLACE_BITS - SEQUENCE_BITS)
