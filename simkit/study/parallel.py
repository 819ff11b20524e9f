"""Doing many independent pieces of work through any executor, with the same result.

Results come back in the order of the tasks, whoever did them and whenever. Ctrl-C stops the
handing out of work: what is done is kept, and the caller is told.

A process that ends in the middle of its work takes its pool with it. The work that it may have
been doing is then done again piece by piece, each in a process of its own, so that one piece that
kills its process costs nothing but itself.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from simkit.study.executors import Here, Processes

Task = TypeVar("Task")
Result = TypeVar("Result")
Progress = Callable[[int, int], None]

WORTHWHILE_S = 3.0
"""Work expected to take longer than this is spread over processes."""

_AHEAD = 1024  # tasks handed out at a time: enough for any cluster, few enough to hold
_LISTEN_S = 0.5  # Ctrl-C is heard at least this often where waiting cannot be interrupted

_BROKEN = (
    "the other processes ended early and the rest was done in this one; a script that starts "
    "processes must do so under if __name__ == '__main__'"
)

__all__ = ["Gathered", "Progress", "gather"]


@dataclass(frozen=True, slots=True)
class Gathered(Generic[Result]):
    """Results in the order of the tasks, None where a task was not done."""

    results: tuple[Result | None, ...]
    interrupted: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hooks(Generic[Result]):
    """Who is told of what: see `gather`."""

    progress: Progress | None = None
    keep: Callable[[int, Result], None] | None = None
    lost: Callable[[Exception], Result] | None = None


def gather(
    work: Callable[[Task], Result],
    tasks: Sequence[Task],
    *,
    workers: int | Executor | None = None,
    progress: Progress | None = None,
    keep: Callable[[int, Result], None] | None = None,
    lost: Callable[[Exception], Result] | None = None,
) -> Gathered[Result]:
    """Do ``work`` on every task and return the results in order.

    ``workers`` is a number of processes (1: none but this one), None to decide by how long the
    first task takes on how many CPUs, or an executor of your own, which is left open. ``work``
    and tasks must pickle where there are other processes. After each task ``keep(number,
    result)`` is called, then ``progress(done, total)``; both here and one at a time.

    An error of a task is raised, unless ``lost`` makes a result of it: then that is the task's,
    also where no error was ``work``'s own but the process that did it was killed.
    """
    desk = _Desk(work, tasks, Hooks(progress, keep, lost))
    try:
        desk.do_all(workers)
    except KeyboardInterrupt:
        return Gathered(tuple(desk.results), True, tuple(desk.notes))
    return Gathered(tuple(desk.results), False, tuple(desk.notes))


class _Desk(Generic[Task, Result]):
    """The state of one gathering: what is done, and whom to tell."""

    def __init__(
        self, work: Callable[[Task], Result], tasks: Sequence[Task], hooks: Hooks[Result]
    ) -> None:
        self.work = work
        self.tasks = tasks
        self.hooks = hooks
        self.results: list[Result | None] = [None] * len(tasks)
        self.notes: list[str] = []
        self.done = 0

    def do_all(self, workers: int | Executor | None) -> None:
        numbers = range(len(self.tasks))
        if isinstance(workers, Executor):
            self._through(workers, numbers)
            return
        if workers is None and numbers:
            began = time.monotonic()
            self._through(Here(), numbers[:1])
            numbers = numbers[1:]
            workers = _worthwhile(len(numbers), time.monotonic() - began)
        if (workers or 1) > 1 and len(numbers) > 1:
            self._elsewhere(numbers, workers or 1)
        else:
            self._through(Here(), numbers)

    def _through(self, executor: Executor, numbers: Sequence[int]) -> None:
        """Hand the tasks out, so many at a time, and keep what comes back as it comes."""
        waiting = deque(numbers)
        finished: SimpleQueue[Future[Result]] = SimpleQueue()
        pending: dict[Future[Result], int] = {}
        try:
            while waiting or pending:
                if waiting and len(pending) < _AHEAD:
                    number = waiting.popleft()
                    future = executor.submit(self.work, self.tasks[number])
                    pending[future] = number
                    future.add_done_callback(finished.put)
                    self._take_in(finished, pending, wait=False)
                else:
                    self._take_in(finished, pending, wait=True)
        except BaseException:
            self._save(pending)
            raise

    def _take_in(
        self,
        finished: SimpleQueue[Future[Result]],
        pending: dict[Future[Result], int],
        *,
        wait: bool,
    ) -> None:
        """Keep everything that has finished; with ``wait``, at least one thing if it comes soon."""
        timeout_s = _LISTEN_S if wait else None
        try:
            while pending:
                future = finished.get(wait, timeout_s)
                wait, timeout_s = False, None
                self._keep(pending[future], self._result(future))
                del pending[future]
        except Empty:
            pass

    def _result(self, future: Future[Result]) -> Result:
        try:
            return future.result()
        except BrokenProcessPool:
            raise
        except Exception as error:
            if self.hooks.lost is None:
                raise
            return self.hooks.lost(error)

    def _save(self, pending: dict[Future[Result], int]) -> None:
        """The work stops here: keep what has been done meanwhile, call off the rest."""
        for future, number in pending.items():
            if not future.cancel() and future.done() and future.exception() is None:
                self._keep(number, future.result())

    def _elsewhere(self, numbers: Sequence[int], workers: int) -> None:
        try:
            with Processes(min(workers, len(numbers))) as pool:
                self._through(pool, numbers)
        except BrokenProcessPool:
            self._after_breaking([n for n in numbers if self.results[n] is None], workers)

    def _after_breaking(self, left: Sequence[int], workers: int) -> None:
        """A process has ended early: those first in line are what it may have been doing."""
        if not _can_start():
            self.notes.append(_BROKEN)
            self._through(Here(), left)
            return
        suspects = 2 * workers + 1  # under way, and waiting at the processes' door
        for number in left[:suspects]:
            self._alone(number)
        if left[suspects:]:
            self._elsewhere(left[suspects:], workers)

    def _alone(self, number: int) -> None:
        try:
            with Processes(1) as pool:
                self._through(pool, (number,))
        except BrokenProcessPool as error:
            if self.hooks.lost is None:
                raise
            self._keep(number, self.hooks.lost(error))

    def _keep(self, number: int, result: Result) -> None:
        if self.results[number] is not None:
            return
        if self.hooks.keep is not None:
            self.hooks.keep(number, result)
        self.results[number] = result
        self.done += 1
        if self.hooks.progress is not None:
            self.hooks.progress(self.done, len(self.tasks))


def _can_start() -> bool:
    """Whether other processes start at all: not from a script without a guard."""
    try:
        with Processes(1) as pool:
            return pool.submit(_nothing).result()
    except BrokenProcessPool:
        return False


def _nothing() -> bool:
    return True


def _worthwhile(tasks: int, each_s: float) -> int:
    """As many processes as there are CPUs where the rest takes long, else one."""
    if tasks * each_s < WORTHWHILE_S:
        return 1
    return min(os.cpu_count() or 1, tasks)
