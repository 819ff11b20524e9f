"""Values put in their place by dotted paths."""

from __future__ import annotations

import pytest

from simkit.study.sweep.grid import Axis, as_text, canonical, points_of, scenario_with
from simkit.traffic import Scenario, load_scenario
from tests.study.sweep.making import CROWD


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    file = tmp_path_factory.mktemp("crowd") / "crowd.toml"
    dotted = CROWD.replace('name = "callers"', 'name = "callers.v1"')
    file.write_text(dotted)
    return load_scenario(file)


def test_what_the_file_leaves_out_can_be_varied(base: Scenario) -> None:
    assert scenario_with(base, {"host.upstream.mean_ms": 5}).host.upstream.mean_ms == 5


def test_names_and_keys_may_hold_dots(base: Scenario) -> None:
    assert scenario_with(base, {"cohorts.callers.v1.count": 9}).cohorts[0].count == 9
    page = scenario_with(base, {"site.files./a.css": 7}).site.find("/a.css")
    assert page is not None
    assert page.body_bytes == 7


def test_elements_go_by_number_and_whole_tables_can_be_put(base: Scenario) -> None:
    assert scenario_with(base, {"site.page.1.body_bytes": 1}).site.pages[1].body_bytes == 1
    arrivals = {"kind": "at once", "from_s": 5}
    changed = scenario_with(base, {"cohorts.some bots.arrivals": arrivals})
    assert changed.cohorts[1].arrivals.kind == "at once"


def test_the_base_is_left_as_it_was(base: Scenario) -> None:
    before = base.model_copy(deep=True)
    scenario_with(base, {"network.rtt_ms": 99, "cohorts.some bots.count": 3})
    assert base == before
    assert scenario_with(base, {}) is base


def test_the_last_axis_is_the_fastest(base: Scenario) -> None:
    axes = (Axis("length_s", (10, 20)), Axis("network.rtt_ms", (1, 2)))
    points = points_of(base, axes)
    assert [p.positions for p in points] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert points[1].values == {"length_s": 10, "network.rtt_ms": 2}


def test_texts_of_values() -> None:
    assert [as_text(v) for v in ("a b", 3, 0.25, True, [1], {"b": 1, "a": None})] == [
        *("a b", "3", "0.25", "true", "[1]", '{"a":null,"b":1}')
    ]
    assert canonical({"b": 1, "a": 2}) == canonical({"a": 2, "b": 1})
    assert canonical(1) != canonical(True) != canonical("1")
