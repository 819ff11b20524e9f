"""``simkit simulate`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.commands import simkit
from tests.study.one_run_crowd import POLICY, made

FIRST = '198.51.100.1 - - [01/Jan/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 1000 '


@pytest.fixture
def crowd(tmp_path: Path) -> tuple[Path, str, Path]:
    made(tmp_path)
    return tmp_path / "crowd.toml", "--policy", tmp_path / "trial.conf"


def test_tables_figure_and_log_are_written(crowd: tuple[Path, str, Path], tmp_path: Path) -> None:
    out, log = tmp_path / "new" / "out", tmp_path / "access.log"
    done = simkit("simulate", *crowd, "--out", out, "--access-log", log)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Who was refused, by which line" in done.stdout
    assert {path.name for path in out.iterdir()} == {
        "README.md",
        "requests.parquet",
        "summary.json",
        "timeline.csv",
        "timeline.png",
        "wishes.parquet",
    }
    assert log.read_text().startswith(FIRST)
    replayed = simkit("replay", log, *crowd[1:])
    assert "0 malformed" in replayed.stdout

    again, once_more = tmp_path / "again", tmp_path / "again.log"
    words = ("--out", again, "--access-log", once_more, "--json")
    second = simkit("simulate", *crowd, *words, PYTHONHASHSEED="7")
    assert once_more.read_bytes() == log.read_bytes()
    for path in out.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name
    document = json.loads(second.stdout)
    assert document.pop("access_log")["lines"] == log.read_bytes().count(b"\n")
    assert document == json.loads((out / "summary.json").read_text())


def test_the_log_begins_when_and_looks_as_one_says(
    crowd: tuple[Path, str, Path], tmp_path: Path
) -> None:
    log = tmp_path / "access.log"
    words = ("--access-log", log, "--start", "2024-02-29T23:59:59+01:00", "--log-format", "own")
    done = simkit("simulate", *crowd, *words)
    assert done.returncode == 0, done.stderr
    assert "$limit_req_status" in done.stdout
    first = log.read_text().splitlines()[0]
    assert first.startswith("198.51.100.1 [2024-02-29T23:59:59+01:00] ")
    assert first.endswith('80 http "PASSED" "PASSED"')


def test_totals_say_that_there_is_no_timeline(
    crowd: tuple[Path, str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = simkit("simulate", *crowd, "--record", "totals", "--out", out)
    assert done.returncode == 0, done.stderr
    assert "there is no timeline" in done.stdout
    assert {path.name for path in out.iterdir()} == {"README.md", "summary.json"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--engine", "fast"), "--engine fast cannot be (auto, simpy or compiled)"),
        (("--record", "some"), "--record some cannot be"),
        (("--start", "2024-01-01"), "--start says when an access log begins"),
        (("--access-log", "x.log", "--start", "noon"), "--start noon is no time"),
        (("--access-log", "x.log", "--record", "totals"), "totals have no requests"),
        (("--access-log", "nowhere/x.log"), "nowhere/x.log: the access log cannot be written"),
        (("--access-log", "x.log", "--log-format", "$pid"), "it has $pid"),
        (("--out", "trial.conf"), "trial.conf: File exists"),
    ],
)
def test_bad_input_ends_with_status_2_and_writes_nothing(
    crowd: tuple[Path, str, Path], tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    root = str(Path(__file__).resolve().parents[2])
    done = simkit("simulate", *crowd, *words, cwd=tmp_path, PYTHONPATH=root)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"crowd.toml", "trial.conf"}
    assert (tmp_path / "trial.conf").read_text() == POLICY
