"""The gate before nbval refuses what nbval would pass over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.notebook_gate import complaints, main

Cell = dict[str, Any]


def code(count: int | None, source: str = "1 + 1", *, tags: tuple[str, ...] = ()) -> Cell:
    return {
        "cell_type": "code",
        "execution_count": count,
        "metadata": {"tags": list(tags)},
        "source": source,
        "outputs": [],
    }


def failed(count: int, *, tags: tuple[str, ...] = ()) -> Cell:
    error = {"output_type": "error", "ename": "E", "evalue": "", "traceback": []}
    return code(count, "1 / 0", tags=tags) | {"outputs": [error]}


TEXT: Cell = {"cell_type": "markdown", "metadata": {}, "source": ["# words"]}


def write(folder: Path, *cells: Cell) -> Path:
    path = folder / "made_up.ipynb"
    path.write_text(json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5}))
    return path


@pytest.mark.parametrize(
    "cells",
    [
        (TEXT, code(1), TEXT, code(2)),
        (code(1), code(None, source="  \n"), code(2)),
        (failed(1, tags=("raises-exception",)), code(2)),
    ],
    ids=["run in order", "an empty cell does not count", "an error that is meant"],
)
def test_a_notebook_that_was_run_passes(tmp_path: Path, cells: tuple[Cell, ...]) -> None:
    assert list(complaints(write(tmp_path, *cells))) == []
    assert main(str(tmp_path)) == 0


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ((code(1), code(None, "b = 2\nb")), "code cell 2 has no execution count"),
        ((code(1), code(3)), "code cell 2 has execution count 3"),
        ((failed(1),), "code cell 1 ends in an error"),
        ((code(1, tags=("nbval-skip",)),), "code cell 1 is skipped"),
        ((TEXT,), "no code cells"),
    ],
)
def test_a_notebook_that_was_not_run_is_named(
    tmp_path: Path, cells: tuple[Cell, ...], problem: str
) -> None:
    (complaint,) = complaints(write(tmp_path, *cells))
    assert problem in complaint
    assert "made_up.ipynb" in complaint
    assert main(str(tmp_path)) == 1


def test_the_complaint_shows_the_cell(tmp_path: Path) -> None:
    (complaint,) = complaints(write(tmp_path, code(None, "b = 2\nb")))
    assert complaint.endswith(": b = 2")


def test_a_folder_without_notebooks_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(str(tmp_path)) == 1
    assert "no notebooks" in capsys.readouterr().out
