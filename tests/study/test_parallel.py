"""Work done by one process, several, or an executor: the same results in the same order."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from simkit.study.parallel import gather


def square(number: int) -> int:
    return number * number


def fails(number: int) -> int:
    raise ZeroDivisionError(f"task {number}")


def whereabouts(number: int) -> int:
    return os.getpid()


class Backwards(Executor):
    """Does everything when it is submitted, and finishes it in no useful order."""

    def submit(self, fn: Callable[..., int], /, *args: int, **kwargs: int) -> Future[int]:  # type: ignore[override]
        future: Future[int] = Future()
        future.set_result(fn(*args))
        return future


@pytest.mark.parametrize("workers", [None, 1, 2, Backwards(), ThreadPoolExecutor(3)])
def test_results_stand_in_the_order_of_the_tasks(workers: int | Executor | None) -> None:
    told: list[tuple[int, int]] = []
    found = gather(square, range(7), workers=workers, progress=lambda d, t: told.append((d, t)))
    assert found.results == (0, 1, 4, 9, 16, 25, 36)
    assert not found.interrupted
    assert told == [(d, 7) for d in range(1, 8)]


def test_other_processes_do_the_work() -> None:
    pids = gather(whereabouts, range(4), workers=2).results
    assert os.getpid() not in pids
    assert gather(whereabouts, range(2), workers=1).results == (os.getpid(),) * 2


def test_nothing_to_do() -> None:
    assert gather(square, []).results == ()


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_a_task_is_raised(workers: int) -> None:
    with pytest.raises(ZeroDivisionError, match="task"):
        gather(fails, range(3), workers=workers)


def test_an_interrupt_keeps_what_is_done() -> None:
    def stop_after_two(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    found = gather(square, range(5), workers=1, progress=stop_after_two)
    assert found.results == (0, 1, None, None, None)
    assert found.interrupted


SCRIPT = """
from simkit.study.parallel import gather
from tests.study.test_parallel import square
found = gather(square, range(4), workers=2)
print(found.results, len(found.notes))
"""


def test_a_script_without_a_guard_is_finished_all_the_same(tmp_path: Path) -> None:
    """Each fresh process imports the script, which would start processes again: Python forbids."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(0, 1, 4, 9) 1"
