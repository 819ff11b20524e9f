"""``simkit bench`` on tiny cases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simkit.bench import command
from simkit.bench.case import Case
from simkit.bench.cases import cases
from simkit.cli import app

TINY = {"queue": 40, "limit": 200, "start": 100}
MEASURED = ("SimPy, a process for each request", "Ciw", "salabim", "simpy")


def tiny(quick: bool) -> Iterator[Case]:
    """Every case; a few are measured, once and with next to no requests."""
    for case in cases(quick):
        small = replace(case, repeats=1, loops=1, missing=case.missing or "left out")
        if case.part != "flood" and case.engine in MEASURED and case.size <= 8_000:
            small = replace(small, requests=TINY[case.part], missing="")
        yield small


def left_out(quick: bool) -> list[Case]:
    """Every case, and none is measured."""
    return [replace(case, missing="left out") for case in cases(quick)]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "cases", tiny)
    monkeypatch.setattr(command, "sources_digest", lambda: "as they were")


@pytest.mark.usefixtures("small")
def test_json_has_the_headline_and_files_are_written(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["bench", "--quick", "--json", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert set(document["requests_per_s"]) == {"1000", "100000", "1000000"}
    assert document["engine"] == "simpy"
    assert document["limit_req_decisions_per_s"]["8000"] > 0
    assert {"compiled_over_simpy", "peak_bytes_1e8_requests"} <= set(document)
    assert all(check["passed"] for check in document["checks"])
    assert {row["engine"] for row in document["queue"] if row["samples"]} >= {"Ciw", "salabim"}
    names = {"benchmark.json", "benchmark.md", "benchmark.png"}
    assert {path.name for path in tmp_path.iterdir()} == names
    assert json.loads((tmp_path / "benchmark.json").read_text()) == document


@pytest.mark.usefixtures("small")
def test_a_failed_check_is_status_1_and_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = [Case("flood", "simpy", 10, 3, repeats=1), *left_out(quick=True)]
    monkeypatch.setattr(command, "cases", lambda _: broken)
    done = CliRunner().invoke(app, ["bench"])
    assert done.exit_code == 1
    assert "FAILED: flood: simkit, SimPy engine ends" in done.stdout


def test_a_program_that_is_edited_while_it_is_measured_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    digests = iter(["before", "after"])
    monkeypatch.setattr(command, "sources_digest", lambda: next(digests))
    monkeypatch.setattr(command, "cases", left_out)
    found = command.run(quick=True, progress=lambda *_: None)
    (check,) = found.checks
    assert (check.passed, check.found) == (False, "before, after")
