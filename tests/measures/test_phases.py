"""Phases: from the scenario's own windows, and nothing else."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from simkit.measures.phases import ORDINARY, phases, why_not_stationary
from simkit.shipped import shipped_files
from simkit.traffic import Scenario, load_scenario


def scenario(*arrivals: dict[str, Any]) -> Scenario:
    """100 s with a caller for each of these arrivals, named a, b, …"""
    base = {"kind": "caller", "honest": True, "count": 1, "calls": [{"path": "/"}]}
    return Scenario.model_validate_json(
        json.dumps(
            {
                "name": "made-up",
                "title": "made up",
                "length_s": 100,
                "site": {"host": "a.example", "address": "192.0.2.1", "page": [{"path": "/"}]},
                "cohort": [
                    {
                        **base,
                        "name": chr(97 + i),
                        "addresses": [f"192.0.2.{10 + i}"],
                        "arrivals": given,
                    }
                    for i, given in enumerate(arrivals)
                ],
            }
        )
    )


STEADY = {"kind": "poisson", "every_s": 5.0}


def test_what_goes_on_all_the_time_is_one_phase() -> None:
    found = scenario(STEADY, {"kind": "uniform"}, {**STEADY, "until_s": 100.0})
    assert [(p.from_s, p.until_s, p.name) for p in phases(found)] == [(0.0, 100.0, ORDINARY)]
    assert why_not_stationary(found) == ""


def test_windows_cut_the_time_and_name_the_phases() -> None:
    found = scenario(STEADY, {**STEADY, "from_s": 20, "until_s": 60}, {**STEADY, "from_s": 50})
    assert [(p.from_s, p.until_s, p.active) for p in phases(found)] == [
        (0.0, 20.0, ()),
        (20.0, 50.0, ("b",)),
        (50.0, 60.0, ("b", "c")),
        (60.0, 100.0, ("c",)),
    ]
    assert "b, c come and go" in why_not_stationary(found)


def test_a_single_start_leaves_its_end_open() -> None:
    found = scenario(STEADY, {"kind": "at once", "from_s": 30})
    assert [p.active for p in phases(found)] == [(), ("b",)]
    assert "b comes and goes" in why_not_stationary(found)


def test_windows_beyond_the_end_are_cut() -> None:
    found = scenario({**STEADY, "from_s": 40, "until_s": 900})
    assert [(p.from_s, p.until_s) for p in phases(found)] == [(0.0, 40.0), (40.0, 100.0)]


def test_the_default_scenario_has_a_flood_between_its_phases() -> None:
    default = load_scenario(shipped_files("scenarios")["small_shop"])
    found = phases(default)
    assert [p.from_s for p in found] == [0.0, 30.0, 60.0, 150.0, 165.0, 270.0]
    assert all(a.until_s == b.from_s for a, b in pairwise(found))
    assert [p.from_s for p in found if "flood" in p.active] == [150.0]
    assert sum(p.length_s for p in found) == default.length_s
    assert "flood" in why_not_stationary(default)
