"""What else is kept of a run for a comparison's figures: its course in time, phases and answers.

It is small beside the run, and kept only where somebody is going to look: a sweep does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from simkit.engine.run import Run
from simkit.measures.answers import AnswerSum, answer_table
from simkit.measures.by_phase import PhaseNumbers, by_phase, warm_up
from simkit.measures.clients import SharedAddress, shared_addresses
from simkit.measures.over_time import OverTime, over_time
from simkit.measures.statistics.warmup import WarmUp
from simkit.measures.waiting import Recovery, recoveries
from simkit.study.outcome import Outcome, Task, outcome_of, perform

if TYPE_CHECKING:
    from simkit.traffic import Scenario

BINS = 60
"""Into how many parts the window is cut for the figures over time."""

__all__ = ["BINS", "Detail", "DetailedOutcome", "detail_of", "run_detailed"]


@dataclass(frozen=True, slots=True)
class Detail:
    """A run in time: bins, phases, whether it warms up; its answers; and what people met."""

    times: OverTime
    phases: tuple[PhaseNumbers, ...]
    warm_up: WarmUp
    answers: tuple[AnswerSum, ...]
    shared: tuple[SharedAddress, ...]
    recoveries: tuple[Recovery, ...]


@dataclass(frozen=True, slots=True)
class DetailedOutcome(Outcome):
    """An outcome with its detail, which says nothing of which outcomes are equal.

    The detail follows from the run as the rest does, and holds arrays, which have no plain ``==``.
    """

    detail: Detail | None = field(default=None, compare=False)


def detail_of(run: Run, scenario: Scenario) -> Detail:
    """The detail of a run of this scenario. Raises InputError where it recorded totals only."""
    return Detail(
        over_time(run, scenario.length_s / BINS),
        by_phase(run, scenario),
        warm_up(run, scenario),
        answer_table(run),
        shared_addresses(run),
        recoveries(run),
    )


def run_detailed(task: Task) -> Outcome:
    """Do one task, here or in another process, and keep its detail."""
    run = perform(task)
    found = outcome_of(task, run)
    kept = {f.name: getattr(found, f.name) for f in fields(found)}
    return DetailedOutcome(**kept, detail=detail_of(run, task.scenario.value))
