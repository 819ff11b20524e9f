"""Study files: what they say, and one clear error with file, line and key for what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simkit.errors import InputError
from simkit.shipped import shipped_files
from simkit.study.outcome import Outcome
from simkit.study.sweep import load_study, run_cell
from simkit.study.sweep.reading import known_measures
from simkit.traffic import load_scenario
from tests.study.sweep.making import STUDY, written


def test_a_study_is_every_combination(tmp_path: Path) -> None:
    study = load_study(written(tmp_path, replications=2))
    assert list(study.strategies) == ["loose", "strict one"]
    assert [(a.path, a.values, a.label) for a in study.axes] == [
        ("cohorts.some bots.count", (1, 2, 4), ""),
        ("network.rtt_ms", (10, 40), "round trip, ms"),
    ]
    crowds = [(p.scenario.cohorts[1].count, p.scenario.network.rtt_ms) for p in study.points]
    assert crowds == [(1, 10), (1, 40), (2, 10), (2, 40), (4, 10), (4, 40)]
    cells = study.cells()
    assert len(cells) == study.size == 2 * 6 * 2
    assert len({(c.strategy, c.point, c.replication) for c in cells}) == len(cells)
    assert json.loads(cells[0].point) == {"cohorts.some bots.count": 1, "network.rtt_ms": 10}


def test_a_point_is_the_scenario_with_that_value_in_the_file(tmp_path: Path) -> None:
    study = load_study(written(tmp_path))
    text = (tmp_path / "crowd.toml").read_text()
    by_hand = tmp_path / "by_hand.toml"
    by_hand.write_text(text.replace("rtt_ms = 20", "rtt_ms = 40").replace("count = 2", "count = 4"))
    assert study.points[-1].scenario == load_scenario(by_hand)


def test_without_anything_varied_there_is_one_point(tmp_path: Path) -> None:
    study = load_study(written(tmp_path, study=STUDY.partition("[vary]")[0]))
    assert [p.scenario for p in study.points] == [load_scenario(tmp_path / "crowd.toml")]
    assert study.size == 4


@pytest.mark.parametrize("name", shipped_files("studies"))
def test_shipped_studies_can_be_used(name: str) -> None:
    study = load_study(name)
    assert study.title
    assert study.axes
    assert study.size <= 200


BAD = [
    ("name = ", "nam = ", 1, "nam: is no key that is known here"),
    ('"crowd.toml"', '"crowds.toml"', 3, "scenario: "),
    ('["./loose.conf"', '["./losse.conf"', 4, "strategies[0]: "),
    (
        'name = "strict one"',
        'name = "loose"',
        4,
        'strategies[1]: another strategy is named "loose"',
    ),
    ("policy = ", "polcy = ", 4, "strategies[1].polcy: is no key"),
    ("replications = 2", "replications = 0", 5, "replications: must be >= 1 (it is 0)"),
    ("seed = 3", 'engine = "fast"', 6, "engine: must be "),
    ("seed = 3", 'measures = ["misses", "nonsense"]', 6, "measures[1]: nonsense is no measure"),
    ("some bots.count", "bots.count", 9, "there is no such cohort (there are callers, some bots)"),
    ("some bots.count", "some bots.size", 9, "cohort[1].size: is no key that is known here"),
    ("some bots.count", "some bots", 9, "cohort[1]: "),
    ("[1, 2, 4]", "[1, 2, 0]", 9, "count[2]: cohort[1].count: must be >= 1 (it is 0)"),
    ("[1, 2, 4]", "[1, 2, 1]", 9, "has the same value twice"),
    ("[1, 2, 4]", "[]", 9, "needs a list of values"),
    ("[1, 2, 4]", "3", 9, "needs a list of values"),
    ("[1, 2, 4]", "[1,\n  999]", 10, "has room for 254 clients, not for 999"),
    ("label = ", "lable = ", 10, "vary.network.rtt_ms: takes a list"),
    ("[10, 40]", '[10, "slow"]', 10, "vary.network.rtt_ms.values[1]: network.rtt_ms: "),
    ("network.rtt_ms", "network.rtt", 10, "network.rtt: is no key that is known here"),
    ("network.rtt_ms", "length_s.more", 10, "length_s has no part more"),
    ("network.rtt_ms", '"site.page.7.body_bytes"', 10, "7 is none of the 2 elements"),
    ("network.rtt_ms", '"site.page.x.body_bytes"', 10, "page has no part x"),
    ("network.rtt_ms", '"host.costs"', 10, "should be a valid string"),
]


@pytest.mark.parametrize(("old", "new", "line", "words"), BAD)
def test_what_is_wrong_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, words: str
) -> None:
    text = STUDY.format(replications=2)
    assert old in text
    file = written(tmp_path)
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        load_study(file)
    assert str(caught.value).startswith(f"{file}:{line}: ")
    assert words in str(caught.value)


def test_an_error_of_a_policy_names_the_policy(tmp_path: Path) -> None:
    file = written(tmp_path)
    (tmp_path / "strict.inc").write_text("limit_req zone=none;\n")
    with pytest.raises(InputError, match=r"strict\.(inc|conf):\d+: "):
        load_study(file)


def test_every_measure_of_a_run_can_be_asked_for(tmp_path: Path) -> None:
    study = load_study(written(tmp_path))
    found = run_cell(study.cells()[0]).found
    assert isinstance(found, Outcome)
    known = known_measures(study.points[0].scenario, study.strategies["loose"])
    assert {v.measure for v in found.values({})} <= set(known)
