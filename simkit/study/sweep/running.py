"""Running a study: whatever of it is not on the disk yet, through any executor."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path

from simkit.engine.choice import chosen
from simkit.study.parallel import gather
from simkit.study.sweep.cells import Cell, Failure, Result, lost, run_cell
from simkit.study.sweep.estimate import Estimate
from simkit.study.sweep.findings import Sweep, sweep_of
from simkit.study.sweep.results import remove_results, write_results
from simkit.study.sweep.store import Store
from simkit.study.sweep.study import Study

Tell = Callable[["State"], None]

__all__ = ["State", "Tell", "sweep"]


@dataclass(frozen=True)
class State:
    """How far a study is: cells finished of all, and the seconds to its end if they are known.

    ``kept`` cells were finished before it was started this time. Of those run anew because
    something had ``changed``, this has their number by what it was.
    """

    done: int
    total: int
    kept: int = 0
    changed: dict[str, int] = field(default_factory=dict)
    remaining_s: float | None = None


def sweep(
    study: Study,
    folder: Path,
    *,
    workers: int | Executor | None = None,
    tell: Tell | None = None,
    retry: bool = False,
) -> Sweep:
    """Run what the folder does not have of a study, and write its results.

    ``workers`` is the number of processes (None: decided by how long a run takes) or an executor
    of your own. Whoever does the runs, in whatever order and with whatever interruptions, the
    files are the same in the end. Each cell is on the disk when the next is told of; those that
    failed are not run again unless ``retry`` asks for it. ``tell`` hears of the state before the
    first cell and after each.

    Ctrl-C ends the work; the result then says that it was ``interrupted``, and no results file is
    written. Raises InputError where another study runs in the folder.
    """
    store = Store(folder)
    with store.opened():
        return _Session(study, store, tell or _nobody, retry).run(workers)


def _nobody(_: State) -> None:
    pass


class _Session:
    """One go at a study."""

    def __init__(self, study: Study, store: Store, tell: Tell, retry: bool) -> None:
        self.study = study
        self.store = store
        self.tell = tell
        self.cells = study.cells()
        self.results: dict[int, Result] = {}
        self.changed: dict[str, int] = {}
        self._look(retry)
        self.kept = len(self.results)
        self.began = time.monotonic()

    def _look(self, retry: bool) -> None:
        for number, cell in enumerate(self.cells):
            found = self.store.look(cell)
            for name in found.changed:
                self.changed[name] = self.changed.get(name, 0) + 1
            if found.result is not None and not (retry and _failed(found.result)):
                self.results[number] = found.result

    def run(self, workers: int | Executor | None) -> Sweep:
        todo = in_order(self.cells, [n for n in range(len(self.cells)) if n not in self.results])
        self.tell(self._state(None))
        interrupted = False
        if todo:
            remove_results(self.store.folder)
            interrupted = self._run(todo, workers)
        ran = len(self.results) - self.kept
        found = sweep_of(self.study, self.cells, self.results, ran=ran, interrupted=interrupted)
        if not interrupted:
            write_results(found, self.store.folder)
        return found

    def _run(self, todo: Sequence[int], workers: int | Executor | None) -> bool:
        """Run cells; whether that was interrupted."""
        cells = [_with_engine(self.cells[number], len(todo)) for number in todo]
        estimate = Estimate(cell.group for cell in cells)

        def keep(position: int, result: Result) -> None:
            self.store.keep(cells[position], result)
            self.results[todo[position]] = result
            estimate.finished(cells[position].group, result.took_s)
            self.tell(self._state(estimate.remaining_s(time.monotonic() - self.began)))

        return gather(run_cell, cells, workers=workers, keep=keep, lost=lost).interrupted

    def _state(self, remaining_s: float | None) -> State:
        done, total = len(self.results), len(self.cells)
        return State(done, total, self.kept, dict(self.changed), remaining_s)


def _with_engine(cell: Cell, runs: int) -> Cell:
    """A cell with the engine that pays for so many runs like it, where that is left open."""
    if cell.engine != "auto":
        return cell
    task = cell.task
    engine = chosen("auto", task.scenario.value, (), runs)
    return replace(cell, task=replace(task, engine=engine))


def _failed(result: Result) -> bool:
    return isinstance(result.found, Failure)


def in_order(cells: Sequence[Cell], numbers: Sequence[int]) -> list[int]:
    """First one cell of each strategy and point, so that costs are known; then group by group.

    Within a group the plans that the first cell made serve the others.
    """
    seen: set[tuple[str, str]] = set()
    first: list[int] = []
    later: list[int] = []
    for number in numbers:
        group = cells[number].group
        (later if group in seen else first).append(number)
        seen.add(group)
    return [*first, *later]
