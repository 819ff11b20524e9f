"""What the commands print and write."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import simkit as package
from simkit.shipped import shipped_files
from simkit.show.figures import FIGURES
from simkit.study.courses import COURSES
from simkit.study.export import TABLES
from simkit.traffic.archetypes import archetypes
from simkit.traffic.catalogue import CATALOGUE
from tests.cli.commands import ROOT, simkit

FEW = ("--replications", "2", "--policy", "open", "--policy", "silent", "--workers", "1")


def test_help_and_version_need_no_heavy_library() -> None:
    code = (
        "import sys; from simkit.cli import app; "
        "app(['--help'], standalone_mode=False); "
        "print(sorted({'pandas', 'matplotlib', 'scipy', 'polars', 'numba'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert simkit("--version").stdout == f"simkit {package.__version__}\n"


@pytest.mark.parametrize("kind", ["policies", "scenarios", "strategies"])
def test_listings_name_everything_that_is_shipped(kind: str) -> None:
    listed = json.loads(simkit(kind, "--json").stdout)
    assert [entry["name"] for entry in listed] == list(shipped_files(kind))  # type: ignore[arg-type]
    assert all(entry["about"] for entry in listed)
    table = simkit(kind).stdout
    assert all(entry["name"] in table for entry in listed)


@pytest.mark.parametrize(("kind", "known"), [("cohorts", archetypes()), ("clients", CATALOGUE)])
def test_listings_name_whom_a_server_meets(kind: str, known: Mapping[str, object]) -> None:
    listed = json.loads(simkit(kind, "--json").stdout)
    assert [entry["name"] for entry in listed] == list(known)
    assert all(entry["about"] for entry in listed)
    table = simkit(kind, COLUMNS="200").stdout
    assert all(name in table for name in known)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first")
    done = simkit("compare", "small_shop", *FEW, "--out", folder)
    assert done.returncode == 0, done.stderr
    assert "open" in done.stdout
    assert "silent" in done.stdout
    return folder


def test_compare_writes_tables_and_figures(written: Path) -> None:
    names = {path.name for path in written.iterdir()}
    assert {f"{name}.csv" for name in (*TABLES, *COURSES, "attacks")} <= names
    assert {f"{name}.png" for name in (*FIGURES, "belief")} <= names
    assert "product under silent" in (written / "attacks.txt").read_text(encoding="utf-8")
    with (written / "measures.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["strategy"] for row in rows} == {"open", "silent"}
    assert all(row["unit"] for row in rows)


def test_equal_seeds_give_equal_bytes_in_another_process(written: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    two = [*FEW[:-1], "2"]
    done = simkit("compare", "small_shop", *two, "--out", again, PYTHONHASHSEED="7")
    assert done.returncode == 0, done.stderr
    tables = sorted(path.name for path in written.glob("*.csv"))
    assert tables
    for name in tables:
        assert (written / name).read_bytes() == (again / name).read_bytes(), name
    other = json.loads(simkit("compare", *FEW, "--seed", "2", "--json").stdout)["measures"]
    with (written / "measures.csv").open() as file:
        here = [float(row["mean"]) for row in csv.DictReader(file) if row["mean"]]
    assert here != [row["mean"] for row in other if row["mean"] is not None]


def test_compare_as_json_is_one_document() -> None:
    done = simkit("compare", *FEW, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [strategy["name"] for strategy in document["strategies"]] == ["open", "silent"]
    assert document["replications"] == {"wanted": 2, "done": 2}


def test_compare_goes_on_until_it_is_precise_enough_or_the_budget_ends() -> None:
    words = ("--until", "0.000001", "--budget", "3", "--engine", "simpy", "--json")
    done = simkit("compare", *FEW, *words)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["replications"] == {"wanted": 3, "done": 3}
    assert "the budget of 3 replications ended" in document["notes"][-1]
