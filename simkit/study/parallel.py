"""Doing many independent pieces of work, in one process or several, with the same result.

Results come back in the order of the tasks, whoever did them and whenever. Ctrl-C stops the
handing out of work: what is done is kept, and the caller is told.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Generic, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")
Progress = Callable[[int, int], None]

WORTHWHILE_S = 3.0
"""Work expected to take longer than this is spread over processes."""

_BROKEN = (
    "the other processes ended early and the rest was done in this one; a script that starts "
    "processes must do so under if __name__ == '__main__'"
)

__all__ = ["Gathered", "Progress", "gather", "processes"]


@dataclass(frozen=True, slots=True)
class Gathered(Generic[Result]):
    """Results in the order of the tasks, None where a task was not done."""

    results: tuple[Result | None, ...]
    interrupted: bool = False
    notes: tuple[str, ...] = ()


def processes(workers: int) -> Executor:
    """A pool of fresh processes that leave Ctrl-C to their parent."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    return ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_ignore_interrupt
    )


def _ignore_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def gather(
    work: Callable[[Task], Result],
    tasks: Sequence[Task],
    *,
    workers: int | Executor | None = None,
    progress: Progress | None = None,
) -> Gathered[Result]:
    """Do ``work`` on every task and return the results in order.

    ``workers`` is a number of processes (1: none but this one), None to decide by how long the
    first task takes on how many CPUs, or an executor of your own, which is left open. ``work``
    and tasks must pickle where there are other processes. An error of a task is raised;
    ``progress(done, total)`` is called after each.
    """
    desk = _Desk(work, tasks, progress)
    try:
        desk.do_all(workers)
    except KeyboardInterrupt:
        return Gathered(tuple(desk.results), True, tuple(desk.notes))
    return Gathered(tuple(desk.results), False, tuple(desk.notes))


class _Desk(Generic[Task, Result]):
    """The state of one gathering: what is done, and whom to tell."""

    def __init__(
        self, work: Callable[[Task], Result], tasks: Sequence[Task], progress: Progress | None
    ) -> None:
        self.work = work
        self.tasks = tasks
        self.progress = progress
        self.results: list[Result | None] = [None] * len(tasks)
        self.notes: list[str] = []
        self.done = 0

    def do_all(self, workers: int | Executor | None) -> None:
        if isinstance(workers, Executor):
            self._submit_all(workers, 0)
            return
        start = 0
        if workers is None and self.tasks:
            began = time.monotonic()
            self._here(0, 1)
            start = 1
            workers = _worthwhile(len(self.tasks) - 1, time.monotonic() - began)
        if (workers or 1) > 1 and len(self.tasks) - start > 1:
            self._elsewhere(start, workers or 1)
        else:
            self._here(start, len(self.tasks))

    def _here(self, start: int, stop: int) -> None:
        for index in range(start, stop):
            self._keep(index, self.work(self.tasks[index]))

    def _elsewhere(self, start: int, workers: int) -> None:
        pool = processes(min(workers, len(self.tasks) - start))
        try:
            self._submit_all(pool, start)
        except BrokenProcessPool:
            self.notes.append(_BROKEN)
            self._finish_here()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _finish_here(self) -> None:
        for index, result in enumerate(self.results):
            if result is None:
                self._keep(index, self.work(self.tasks[index]))

    def _submit_all(self, pool: Executor, start: int) -> None:
        pending: dict[Future[Result], int] = {}
        try:
            for index in range(start, len(self.tasks)):
                pending[pool.submit(self.work, self.tasks[index])] = index
            self._collect(pending)
        except BaseException:
            for future in pending:
                future.cancel()
            raise

    def _collect(self, pending: dict[Future[Result], int]) -> None:
        while pending:
            finished, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in sorted(finished, key=lambda f: pending[f]):
                self._keep(pending.pop(future), future.result())

    def _keep(self, index: int, result: Result) -> None:
        self.results[index] = result
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, len(self.tasks))


def _worthwhile(tasks: int, each_s: float) -> int:
    """As many processes as there are CPUs where the rest takes long, else one."""
    if tasks * each_s < WORTHWHILE_S:
        return 1
    return min(os.cpu_count() or 1, tasks)
