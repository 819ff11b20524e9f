"""One cell of a study: one run, and what is kept of it. A function of its inputs and no more."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from simkit.engine.choice import Engine
from simkit.errors import printable
from simkit.study import fingerprints
from simkit.study.outcome import Outcome, Task, run_task

_LONGEST = 2000
_ROOT = Path(__file__).resolve().parents[3]

__all__ = ["Cell", "Failure", "Result", "lost", "run_cell"]


@dataclass(frozen=True, slots=True)
class Cell:
    """A run of a study. ``point`` holds the varied parameters as JSON, ``inputs`` fingerprints.

    ``engine`` is the one asked for; which one the task takes is a matter of time alone.
    """

    task: Task
    point: str
    inputs: Mapping[str, str]
    engine: Engine = "auto"

    @property
    def strategy(self) -> str:
        """The name of the strategy."""
        return self.task.strategy

    @property
    def replication(self) -> int:
        """The number of the replication, from 0."""
        return self.task.replication

    @property
    def group(self) -> tuple[str, str]:
        """Strategy and point: cells that cost alike."""
        return self.strategy, self.point

    @property
    def header(self) -> dict[str, object]:
        """Everything that the result depends on, and where it belongs."""
        return {
            "strategy": self.strategy,
            "point": self.point,
            "replication": self.replication,
            "seed": self.task.seed,
            "engine": self.engine,
            "inputs": dict(self.inputs),
        }


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a cell has no numbers: the error, and the place in simkit's sources that raised it.

    A failure that ``passes`` is none of the cell's own, such as a process that was killed: it is
    not kept, and the cell is tried again.
    """

    error: str
    where: str = ""
    passes: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a cell, and how long it took to run; 0 s where it was not."""

    found: Outcome | Failure
    took_s: float = 0.0


def run_cell(cell: Cell) -> Result:
    """Run a cell, here or elsewhere; whatever goes wrong is the result."""
    began = time.perf_counter()
    try:
        changed = _changed(cell)
        found: Outcome | Failure = changed or run_task(cell.task)
    except Exception as error:  # one cell ends none of the others
        found = _failure(error)
    return Result(found, time.perf_counter() - began)


def _changed(cell: Cell) -> Failure | None:
    """Where the work is done, the inputs have to be those that the study began with."""
    if fingerprints.of_simkit() != cell.inputs["simkit"]:
        return Failure("simkit is another one here than where the study was started", passes=True)
    strategy = cell.task.under.value
    if fingerprints.of_strategy(strategy) != cell.inputs["strategy"]:
        return Failure(f"{printable(str(strategy.path))} has changed meanwhile", passes=True)
    costs = cell.task.scenario.value.host.costs
    if fingerprints.of_costs(costs) != cell.inputs["costs"]:
        return Failure(f"the cost table {printable(costs)} has changed meanwhile", passes=True)
    return None


def _failure(error: Exception) -> Failure:
    """An error as it is kept. What the machine lacked may be there another time."""
    words = printable(f"{type(error).__name__}: {error}"[:_LONGEST])
    return Failure(words, _raised_at(error), isinstance(error, MemoryError | OSError))


def _raised_at(error: Exception) -> str:
    """The last line of simkit's own on the way to an error."""
    files = [(Path(f.filename), f.lineno) for f in traceback.extract_tb(error.__traceback__)]
    ours = [(f.relative_to(_ROOT), n) for f, n in files if f.is_relative_to(_ROOT / "simkit")]
    return f"{ours[-1][0].as_posix()}:{ours[-1][1]}" if ours else ""


def lost(error: Exception) -> Result:
    """The result of a cell whose process ended without one."""
    kind = type(error).__name__
    why = f"the process that ran it ended early ({kind}): killed, or out of memory"
    return Result(Failure(why, passes=True))
