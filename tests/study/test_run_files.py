"""The files of a run: names in place of numbers, every column explained, the same bytes again."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from simkit.study.run_files import COLUMNS, FIGURE, request_frame, wish_frame, write_run
from simkit.wire import SightKind
from tests.study.one_run_crowd import MARKUP, one_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("run")
    write_run(one_run(), path)
    return path


def test_every_column_is_explained_once(folder: Path) -> None:
    readme = (folder / "README.md").read_text()
    for name, columns in COLUMNS.items():
        frame = pl.read_parquet(folder / name)
        assert frame.columns == list(columns)
        assert all(f"| {column} | {text} |" in readme for column, text in columns.items())
    with (folder / "timeline.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 120
    held = ("connection slots", "connections", "cpu_percent", "requests_per_s: flood")
    assert set(held) <= set(rows[0])
    assert float(rows[-1]["start_s"]) == 59.5


def test_names_stand_in_place_of_numbers() -> None:
    run, frame = one_run().run, request_frame(one_run())
    columns = run.requests
    assert frame["cohort"].to_list() == [run.cohorts[i].name for i in columns["cohort"]]
    assert frame["address"].to_list() == [run.addresses[i] for i in columns["address"]]
    shapes = [run.shapes[i] for i in columns["shape"]]
    assert frame["target"].to_list() == [shape.target for shape in shapes]
    assert frame["agent"].to_list() == [shape.header("User-Agent") for shape in shapes]
    assert frame["host"].null_count() == sum(s.header("Host") is None for s in shapes) > 0
    sights = [SightKind(int(sight)).name.lower().replace("_", " ") for sight in columns["sight"]]
    assert frame["sight"].to_list() == sights
    for name in ("sent_ns", "status", "latency_ns", "refused", "reused"):
        np.testing.assert_array_equal(frame[name].to_numpy(), columns[name])


def test_rules_are_places_and_none_is_null() -> None:
    frame = request_frame(one_run())
    limited = frame.filter(pl.col("directive") == "limit_req")
    assert set(limited["rule"].unique()) == {"trial.conf:23"}
    assert frame.filter(pl.col("rule").is_null())["refused"].sum() == 0
    wishes = wish_frame(one_run())
    assert wishes["rule"].null_count() == (one_run().run.wishes["rule"] == -1).sum() > 0
    assert wishes["served"].sum() == one_run().run.wishes["served"].sum()


def test_equal_runs_give_equal_files(folder: Path, tmp_path: Path) -> None:
    one_run.cache_clear()
    for path in write_run(one_run(), tmp_path / "new" / "folder"):
        assert path.read_bytes() == (folder / path.name).read_bytes(), path.name


def test_no_folder_of_the_machine_is_in_them(folder: Path) -> None:
    home = str(one_run().strategy.policy.path.parent).encode()
    assert all(home not in path.read_bytes() for path in folder.iterdir())
    assert MARKUP.encode() in (folder / "summary.json").read_bytes()


def test_totals_leave_no_tables_of_an_earlier_run(tmp_path: Path) -> None:
    write_run(one_run(), tmp_path)
    (tmp_path / FIGURE).touch()
    (tmp_path / "mine.txt").touch()
    write_run(one_run("totals"), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "README.md",
        "mine.txt",
        "summary.json",
    ]
    assert "no timeline" in (tmp_path / "README.md").read_text()
    assert json.loads((tmp_path / "summary.json").read_text())["record"] == "totals"
