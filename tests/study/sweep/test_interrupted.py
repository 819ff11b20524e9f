"""Studies that are killed or stopped in the middle end in the same bytes, and run nothing twice."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from simkit import draws
from simkit.study.sweep import load_study, sweep
from tests.study.sweep.making import contents, marks, started, written

KILLS = 10
MOST_CELLS = 5
PATIENCE_S = 120
REPLICATIONS = 10


def uniform(number: int, purpose: int) -> float:
    return draws.uniform(draws.stream(1, "kill -9", number), purpose)


def wait_for(cells: int, out: Path, process: subprocess.Popen[str]) -> None:
    """Until so many cells are there."""
    end = time.monotonic() + PATIENCE_S
    while len(marks(out)) < cells and process.poll() is None:
        assert time.monotonic() < end, "nothing comes of it"
        time.sleep(0.002)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the study that nobody interrupts."""
    folder = tmp_path_factory.mktemp("calm")
    study = load_study(written(folder, replications=REPLICATIONS))
    assert not sweep(study, folder / "out", workers=1).failed
    return folder / "out"


def test_killed_ten_times_and_resumed_it_is_the_same_study(
    undisturbed: Path, tmp_path: Path
) -> None:
    study, out = written(tmp_path, replications=REPLICATIONS), tmp_path / "out"
    finished: dict[str, tuple[int, int]] = {}
    for number in range(KILLS):
        process = started(study, out, "--jobs", "2" if number % 5 == 4 else "1")
        more = draws.integer(MOST_CELLS, uniform(number, 0))
        wait_for(len(finished) + more, out, process)
        time.sleep(0.05 * uniform(number, 1))
        process.kill()
        # the pipes close when the last process has gone that could write to them
        process.communicate(timeout=PATIENCE_S)
        assert process.returncode == -signal.SIGKILL
        now = marks(out)
        assert finished.items() <= now.items(), "a finished cell was written again"
        assert not (out / "results.parquet").exists()
        finished = now
    assert 0 < len(finished) < len(marks(undisturbed))
    process = started(study, out, "--jobs", "1")
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, errors
    assert f"{len(finished)} of {len(marks(undisturbed))} cells are done already" in errors
    assert finished.items() <= marks(out).items()
    assert contents(out) == contents(undisturbed)
    assert list(out.rglob("*.writing")) == []


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(
    undisturbed: Path, tmp_path: Path, jobs: str
) -> None:
    study, out = written(tmp_path, replications=REPLICATIONS), tmp_path / "out"
    process = started(study, out, "--jobs", jobs)
    wait_for(3, out, process)
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, errors
    done = len(marks(out))
    assert said == ""
    assert f"{done} of {len(marks(undisturbed))} cells are done and kept" in errors
    assert f"To go on: simkit sweep {study} --out {out}\n" in errors
    assert "Traceback" not in errors
    before = marks(out)
    found = sweep(load_study(study), out, workers=1)
    assert found.ran == found.study.size - done
    assert before.items() <= marks(out).items()
    assert contents(out) == contents(undisturbed)
