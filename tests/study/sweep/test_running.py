"""What is run, what is kept, and what is run anew."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from simkit.engine import simulate
from simkit.errors import InputError
from simkit.measures.drops import drops_of
from simkit.measures.load import load_of
from simkit.study import compare as comparing
from simkit.study.outcome import ALL_HONEST, SERVER, Outcome
from simkit.study.sweep import Failure, State, Sweep, load_study, run_cell, sweep
from simkit.study.sweep.cells import lost
from simkit.study.sweep.running import in_order
from simkit.study.sweep.store import Store
from simkit.study.sweep.table import outcome_of, text_of
from tests.study.sweep.making import STUDY, contents, marks, written

Again = Callable[..., tuple[Sweep, State]]


@pytest.fixture
def again(tmp_path: Path) -> Again:
    """Runs the study of the folder in this process; what was found, and the state at first."""

    def run(**options: bool) -> tuple[Sweep, State]:
        states: list[State] = []
        study = load_study(tmp_path / "study.toml")
        return sweep(study, tmp_path / "out", workers=1, tell=states.append, **options), states[0]

    written(tmp_path)
    return run


def test_each_number_is_that_of_the_run(tmp_path: Path, again: Again) -> None:
    found, _ = again()
    frame = pl.read_parquet(tmp_path / "out/results.parquet")
    assert frame.columns[:4] == [
        *("strategy", "cohorts.some bots.count", "network.rtt_ms", "replication")
    ]
    study = found.study
    run = simulate(study.points[3].scenario, study.strategies["strict one"], seed=3, replication=1)
    place = {"cohorts.some bots.count": 2, "network.rtt_ms": 40, "replication": 1}
    values = {
        (row["measure"], row["cohort"]): row["value"]
        for row in frame.iter_rows(named=True)
        if row["strategy"] == "strict one" and place.items() <= row.items()
    }
    drops = drops_of(run)
    assert values["false_drops_per_wish", "callers"] == 100 * drops.of("callers").dropped_share
    assert drops.of("callers").dropped > 0
    assert values["cpu_s", SERVER] == load_of(run).server["cpu_s"]
    assert frame.height == len(found.cells) * len(values)


def test_a_point_says_what_a_comparison_says(tmp_path: Path, again: Again) -> None:
    found, _ = again()
    study = found.study
    point = study.points[2]
    there = comparing.compare(
        point.scenario, study.strategies, replications=2, seed=3, workers=1
    ).to_json()
    here = found.comparisons[2]
    assert here is not None
    assert here.to_json() == there


def test_a_mean_over_the_other_axes_is_taken_within_replications(again: Again) -> None:
    found, _ = again()
    number, axis = found.axis("cohorts.some bots.count")
    values = found.values("loose", number, 1, "misses", "some bots")
    points = [c for _, c in found.at(number, 1) if c is not None]
    assert len(points) == 2
    by_hand = sum(c.values("loose", "misses", "some bots") for c in points) / 2
    assert values == pytest.approx(by_hand)
    interval = found.interval("strict one", number, 2, "false_drops_per_wish", ALL_HONEST)
    assert interval.n == 2
    assert 0 <= interval.low <= interval.mean <= interval.high <= 100
    assert axis.values[1] == 2
    with pytest.raises(KeyError):
        found.axis("nonsense")


def plain(outcome: Outcome) -> object:
    """Everything in an outcome; what is no number is equal to itself."""
    return json.loads(text_of(outcome), parse_constant=str)


def test_what_is_kept_of_a_run_comes_back_as_it_was(again: Again) -> None:
    found, _ = again()
    comparison = found.comparisons[-1]
    assert comparison is not None
    for outcome in comparison.outcomes:
        back = outcome_of(text_of(outcome))
        assert plain(back) == plain(outcome)
        assert back.rules == outcome.rules
        assert back.drops == outcome.drops


def test_a_second_time_nothing_is_run(tmp_path: Path, again: Again) -> None:
    first, start = again()
    assert (first.ran, start.kept, start.total) == (24, 0, 24)
    cells, files = marks(tmp_path / "out"), contents(tmp_path / "out")
    second, start = again()
    assert (second.ran, start.kept, start.changed) == (0, 24, {})
    assert marks(tmp_path / "out") == cells
    assert contents(tmp_path / "out") == files


def test_of_a_policy_that_has_changed_the_cells_are_run_anew(tmp_path: Path, again: Again) -> None:
    again()
    before = marks(tmp_path / "out")
    file = tmp_path / "strict.inc"
    file.write_text(file.read_text().replace("429", "444"))
    found, start = again()
    assert (found.ran, start.kept, start.changed) == (12, 12, {"strategy": 12})
    after = marks(tmp_path / "out")
    same = {name.split("/")[1].split("-")[0] for name in before if before[name] == after[name]}
    assert same == {"loose"}
    fresh = tmp_path / "fresh"
    sweep(load_study(tmp_path / "study.toml"), fresh, workers=1)
    assert contents(fresh) == contents(tmp_path / "out")


def test_a_comment_in_the_scenario_changes_nothing_and_a_number_does(
    tmp_path: Path, again: Again
) -> None:
    again()
    file = tmp_path / "crowd.toml"
    file.write_text("# another word\n" + file.read_text())
    assert again()[0].ran == 0
    file.write_text(file.read_text().replace("every_s = 3", "every_s = 4"))
    found, start = again()
    assert (found.ran, start.changed) == (24, {"scenario": 24})


def test_a_study_that_grows_keeps_what_it_has(tmp_path: Path, again: Again) -> None:
    again()
    text = STUDY.format(replications=3).replace("[1, 2, 4]", "[8, 1, 2, 4]")
    (tmp_path / "study.toml").write_text(text)
    found, start = again()
    assert (start.kept, found.ran, found.study.size) == (24, 24, 48)


def test_a_cell_that_cannot_be_read_is_run_anew(tmp_path: Path, again: Again) -> None:
    again()
    files = contents(tmp_path / "out")
    cell = next(iter(marks(tmp_path / "out")))
    (tmp_path / "out" / cell).write_bytes(b"PAR1 and no more")
    found, start = again()
    assert (found.ran, start.changed) == (1, {"file": 1})
    assert contents(tmp_path / "out") == files


def broken_study(tmp_path: Path) -> None:
    """A study in which the bots of one point have no behaviour: two of its cells fail."""
    crowd = tmp_path / "crowd.toml"
    caller, probe = (f'kind = "{kind}"\nhonest = false' for kind in ("caller", "probe"))
    probing = crowd.read_text().replace(caller, probe)
    crowd.write_text(probing.replace('calls = [{ path = "/plain" }]\n', ""))
    text = STUDY.format(replications=1).partition("[vary]")[0]
    vary = '[vary]\n"cohorts.some bots.kind" = ["probe", "custom"]\n'
    (tmp_path / "study.toml").write_text(text + vary)


def test_a_failed_cell_is_kept_and_ends_no_other(tmp_path: Path, again: Again) -> None:
    broken_study(tmp_path)
    found, _ = again()
    assert (found.ran, len(found.failed)) == (4, 2)
    assert {f.cell.strategy for f in found.failed} == {"loose", "strict one"}
    assert "InputError: cohort 'some bots' is custom" in found.failed[0].failure.error
    assert found.failed[0].failure.where.startswith("simkit/engine/")
    assert [c is None for c in found.comparisons] == [False, True]
    with (tmp_path / "out/cells.csv").open() as file:
        statuses = [row["status"] for row in csv.DictReader(file)]
    assert sorted(statuses) == ["done", "done", "failed", "failed"]
    files = contents(tmp_path / "out")
    second, start = again()
    assert (second.ran, start.kept, len(second.failed)) == (0, 4, 2)
    third, start = again(retry=True)
    assert (third.ran, start.kept, len(third.failed)) == (2, 2, 2)
    assert contents(tmp_path / "out") == files


def test_what_is_no_fault_of_a_cell_is_not_kept(tmp_path: Path) -> None:
    store, study = Store(tmp_path / "out"), load_study(written(tmp_path))
    cell = study.cells()[0]
    killed = lost(OSError("gone"))
    assert isinstance(killed.found, Failure)
    assert "killed, or out of memory" in killed.found.error
    store.keep(cell, killed)
    assert store.look(cell).result is None
    elsewhere = replace(cell, inputs={**cell.inputs, "simkit": "0" * 64})
    found = run_cell(elsewhere).found
    assert isinstance(found, Failure)
    assert (found.passes, found.error[:24]) == (True, "simkit is another one he")


def test_a_policy_that_changes_meanwhile_fails_where_it_is_read(tmp_path: Path) -> None:
    import pickle

    cell = load_study(written(tmp_path)).cells()[0]
    sent = pickle.dumps(cell)
    (tmp_path / "loose.inc").write_text("deny all;\n")
    assert isinstance(run_cell(cell).found, Outcome)
    found = run_cell(pickle.loads(sent)).found
    assert isinstance(found, Failure)
    assert found.passes
    assert "loose.conf has changed meanwhile" in found.error


def test_two_at_once_in_one_folder_are_refused(tmp_path: Path, again: Again) -> None:
    with Store(tmp_path / "out").opened(), pytest.raises(InputError, match="a study is running"):
        again()
    assert marks(tmp_path / "out") == {}


def test_only_the_measures_asked_for_are_in_the_results(tmp_path: Path, again: Again) -> None:
    text = STUDY.format(replications=1).replace("seed = 3", 'measures = ["misses", "cpu_share"]')
    (tmp_path / "study.toml").write_text(text)
    again()
    frame = pl.read_parquet(tmp_path / "out/results.parquet")
    assert set(frame["measure"]) == {"misses", "cpu_share"}
    with (tmp_path / "out/measures.csv").open() as file:
        assert {row["measure"] for row in csv.DictReader(file)} == {"misses", "cpu_share"}


def test_one_of_each_group_comes_first_and_then_group_by_group(tmp_path: Path) -> None:
    cells = load_study(written(tmp_path, replications=3)).cells()
    order = in_order(cells, range(len(cells)))
    assert sorted(order) == list(range(len(cells)))
    groups = [cells[number].group for number in order]
    assert len(set(groups[:12])) == 12
    assert groups[12:] == [group for group in groups[:12] for _ in range(2)]
