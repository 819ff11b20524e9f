"""Runs that have sums alone: what needs rows says so instead of counting nothing."""

from __future__ import annotations

from simkit.engine.run import Run
from simkit.errors import InputError

__all__ = ["need_rows"]


def need_rows(run: Run) -> None:
    """Raises InputError where the run recorded totals only, though something happened in it."""
    happened = bool(run.clients["requests"].sum() or run.clients["wishes"].sum())
    if happened and not run.requests["sent_ns"].size and not run.wishes["start_ns"].size:
        raise InputError(
            f"the run of {run.scenario} under {run.strategy} recorded totals only, and this is "
            "measured on its requests and wishes",
            hint='simulate(…, record="all"); or take the run\'s load, clients and answers, '
            "which every run has",
        )
