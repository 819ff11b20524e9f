"""Archetypes: each is a cohort but for what its scenario says, and errors name the line."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter

from simkit.errors import InputError
from simkit.host import load_costs
from simkit.shipped import shipped_files
from simkit.traffic import Cohort, load_scenario
from simkit.traffic.archetypes import archetypes
from tests.traffic.files import ONE_CALLER, SMALLEST, written

SAID = {
    "name": "they",
    "count": 2,
    "addresses": ("198.18.0.0/24",),
}
OF_KIND: dict[str, dict[str, object]] = {
    "visitor": {"pages": ("/",)},
    "caller": {"calls": ({"path": "/"},)},
}


@pytest.mark.parametrize("name", archetypes())
def test_each_is_a_cohort_when_the_rest_is_said(name: str) -> None:
    found = archetypes()[name]
    assert found.about
    assert found.evidence
    keys = {**OF_KIND.get(found.keys["kind"], {}), **found.keys, **SAID}
    cohort = TypeAdapter(Cohort).validate_json(TypeAdapter(dict).dump_json(keys))
    assert cohort.name == "they"


def test_the_kinds_that_operators_meet_are_there() -> None:
    kinds = {found.keys["kind"] for found in archetypes().values()}
    assert kinds == {"visitor", "caller", "probe", "scanner", "flood", "slow"}
    assert len(archetypes()) >= 25


LIKE = """
[[cohort]]
name = "a scan"
like = "ffuf"
count = 1
addresses = ["198.51.100.66"]
threads = 3
"""


def test_a_cohort_takes_after_an_archetype_and_its_own_keys_win(tmp_path: Path) -> None:
    (found,) = load_scenario(written(tmp_path, SMALLEST + LIKE)).cohorts
    assert found.kind == "scanner"
    assert found.threads == 3
    assert not found.examines
    assert found.client == "ffuf"
    assert found.agents == ("Fuzz Faster U Fool v1.1.0",)
    assert len(found.asks()) == 160  # the words that ffuf has from gobuster
    assert [stop.on for stop in found.stops] == [("403",), ("429",), ("network",)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (LIKE.replace('"ffuf"', '"fuff"'), ":30: cohort[0].like: no archetype is named 'fuff'"),
        (LIKE + "rate = 3\n", ":34: cohort[0].rate: is no key that is known here"),
        (LIKE.replace("threads = 3", "threads = 0"), ":33: cohort[0].threads: must be >= 1"),
        (LIKE.replace("count = 1\n", ""), ":28: cohort[0].count: is missing"),
    ],
)
def test_errors_name_the_line_of_the_scenario(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        load_scenario(written(tmp_path, SMALLEST + text))
    assert expected in str(caught.value)


def test_a_scenario_takes_its_ground_from_another_and_never_the_crowd(tmp_path: Path) -> None:
    text = 'name = "mine"\ntitle = "mine"\nlike = "small_shop"\nlength_s = 9\n'
    own = "[network]\nrtt_ms = 5\n"
    found = load_scenario(written(tmp_path, text + own + ONE_CALLER))
    shop = load_scenario("small_shop")
    assert (found.site, found.host, found.leakage) == (shop.site, shop.host, shop.leakage)
    assert found.network.rtt_ms == 5
    assert [cohort.name for cohort in found.cohorts] == ["callers"]
    with pytest.raises(InputError, match=r"scenario.toml:3: like: no_shop: no such file"):
        load_scenario(written(tmp_path, text.replace("small_shop", "no_shop") + ONE_CALLER))


MINE = 'name = "mine"\ntitle = "mine"\nlike = "{}"\nlength_s = 9\n'


def test_the_ground_may_come_from_a_scenario_that_has_it_from_a_third(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(MINE.format("http_flood") + ONE_CALLER)
    below = written(tmp_path, MINE.format("mine.toml") + ONE_CALLER)
    assert load_scenario(below).site == load_scenario("small_shop").site
    (tmp_path / "mine.toml").write_text(MINE.format(below.name) + ONE_CALLER)
    with pytest.raises(InputError, match=r":3: like: .* is in the end like itself"):
        load_scenario(below)


def test_a_cost_table_lies_beside_the_scenario_that_names_it(tmp_path: Path) -> None:
    table = shipped_files("costs")["nginx-1.22-loopback"].read_text()
    (tmp_path / "mine.toml").write_text(table.replace("accept_us = 31", "accept_us = 7"))
    host = '[host]\ncosts = "mine.toml"\n'
    above = tmp_path / "above.toml"
    above.write_text(MINE.format("small_shop") + host + ONE_CALLER)
    below = written(tmp_path, MINE.format(above.name) + ONE_CALLER)
    for file in (above, below):
        assert load_costs(load_scenario(file).host.costs).accept_us == 7
    (tmp_path / "mine.toml").unlink()
    with pytest.raises(InputError, match=r"above.toml:6: host.costs: .*mine.toml: no such file"):
        load_scenario(above)


@pytest.mark.parametrize("name", shipped_files("scenarios"))
def test_each_shipped_scenario_says_what_it_is_for(name: str) -> None:
    found = load_scenario(name)
    assert found.name == name
    assert found.title.endswith("?") or name == "small_shop"
    assert any(cohort.honest for cohort in found.cohorts)
    assert found.leakage is not None
