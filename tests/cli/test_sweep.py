"""``simkit sweep`` as a user runs it. Interruptions are in tests/study/sweep."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.commands import simkit
from tests.study.sweep.making import STUDY, written
from tests.study.sweep.test_running import broken_study


def test_a_study_is_run_once_and_shown_again(tmp_path: Path) -> None:
    study = written(tmp_path, replications=1)
    done = simkit("sweep", study, "--jobs", "1", cwd=tmp_path, PYTHONPATH=str(Path.cwd()))
    assert done.returncode == 0, done.stderr
    assert "by cohorts.some bots.count" in done.stdout
    names = {path.name for path in (tmp_path / "results/small").iterdir()}
    assert {"results.parquet", "results.csv", "README.md", "by-network-rtt-ms.png"} <= names
    assert str(tmp_path) not in (tmp_path / "results/small/README.md").read_text()
    again = simkit("sweep", study, "--out", tmp_path / "results/small", "--json")
    assert "12 of 12 cells are done already" in again.stderr
    document = json.loads(again.stdout)
    assert document["cells"] == {"wanted": 12, "done": 12, "failed": 0}
    assert document["vary"][1]["values"] == [10, 40]


def test_failed_cells_end_with_status_1_and_are_named(tmp_path: Path) -> None:
    study = written(tmp_path)
    broken_study(tmp_path)
    done = simkit("sweep", study, "--out", tmp_path / "out", "--jobs", "1")
    assert done.returncode == 1, done.stderr
    assert "2 of 4 cells failed" in done.stdout
    assert done.stderr == ""


def test_bad_input_ends_with_status_2_before_anything_is_written(tmp_path: Path) -> None:
    study = written(tmp_path)
    study.write_text(STUDY.format(replications=2).replace("[1, 2, 4]", "[1, 0]"))
    for words in ((study,), (written(tmp_path / "good"), "--engine", "fast")):
        done = simkit("sweep", *words, "--out", tmp_path / "out")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1, done.stderr
    assert not (tmp_path / "out").exists()
