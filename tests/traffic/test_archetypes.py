"""Archetypes: each is a cohort but for what its scenario says, and errors name the line."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter

from simkit.errors import InputError
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


@pytest.mark.parametrize("name", shipped_files("scenarios"))
def test_each_shipped_scenario_says_what_it_is_for(name: str) -> None:
    found = load_scenario(name)
    assert found.name == name
    assert found.title.endswith("?") or name == "small_shop"
    assert any(cohort.honest for cohort in found.cohorts)
    assert found.leakage is not None
