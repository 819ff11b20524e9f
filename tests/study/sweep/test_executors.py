"""Whoever does the runs, the files are the same to the byte."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import pytest

from simkit.study.sweep import load_study, sweep
from tests.cli.commands import simkit
from tests.study.sweep.making import contents, written


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def serial(study: Path) -> dict[str, bytes]:
    out = study.parent / "serial"
    sweep(load_study(study), out, workers=1)
    return contents(out)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    from distributed import LocalCluster

    made = LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=None)  # type: ignore[no-untyped-call]
    with made:
        yield made.scheduler_address


def ran(study: Path, out: Path, workers: int | Executor) -> dict[str, bytes]:
    found = sweep(load_study(study), out, workers=workers)
    assert (found.ran, found.left, found.failed) == (found.study.size, 0, ())
    return contents(out)


def test_two_processes(study: Path, serial: dict[str, bytes], tmp_path: Path) -> None:
    assert ran(study, tmp_path, 2) == serial


def test_threads_that_share_their_plans(
    study: Path, serial: dict[str, bytes], tmp_path: Path
) -> None:
    with ThreadPoolExecutor(4) as executor:
        assert ran(study, tmp_path, executor) == serial


def test_a_dask_cluster(
    study: Path, serial: dict[str, bytes], cluster: str, tmp_path: Path
) -> None:
    done = simkit("sweep", study, "--out", tmp_path, "--dask", cluster)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path) == serial


def test_a_scheduler_that_is_not_there(study: Path, tmp_path: Path) -> None:
    done = simkit("sweep", study, "--out", tmp_path, "--dask", "nonsense://nowhere")
    assert done.returncode == 2
    assert "no dask scheduler can be reached at nonsense://nowhere" in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
