"""Work done by one process, several, or an executor: the same results in the same order."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from simkit.study.parallel import gather
from simkit.study.shared import Shared


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


def dies_on_two(number: int) -> int:
    if number == 2:
        os._exit(9)
    return number * number


def test_work_that_kills_its_process_costs_nothing_but_itself() -> None:
    told: list[str] = []

    def lost(error: Exception) -> int:
        told.append(type(error).__name__)
        return -1

    found = gather(dies_on_two, range(4), workers=2, lost=lost)
    assert found.results == (0, 1, -1, 9)
    assert (told, found.notes) == (["BrokenProcessPool"], ())
    with pytest.raises(BrokenProcessPool):
        gather(dies_on_two, range(2, 4), workers=2)


def test_an_error_can_be_made_a_result_and_each_result_is_told_of() -> None:
    kept: dict[int, int] = {}
    found = gather(fails, range(3), workers=1, keep=kept.__setitem__, lost=lambda e: len(str(e)))
    assert found.results == (6, 6, 6)
    assert kept == {0: 6, 1: 6, 2: 6}


ORPHANS = """
import sys
from tests.study.test_parallel import square
from simkit.study.executors import Processes
if __name__ == "__main__":
    pool = Processes(2)
    print(pool.submit(square, 3).result(), flush=True)
    sys.stdin.read()
"""


def test_processes_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(ORPHANS)
    root = Path(__file__).parents[2]
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(root)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "9\n"
    parent.kill()
    # the pipe has its end when nobody is left who holds it
    assert parent.communicate(timeout=100)[0] == ""


def test_what_tasks_share_is_made_once_in_a_process() -> None:
    shared, other = Shared([1, 2]), Shared([1, 2], lambda _: "another version")
    sent = [pickle.loads(pickle.dumps(s)) for s in (shared, shared, other)]
    assert [s.value for s in sent] == [[1, 2]] * 3
    assert sent[0].value is sent[1].value
    assert sent[0].value is not sent[2].value
    assert pickle.loads(pickle.dumps(sent[0])).value is sent[0].value


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
