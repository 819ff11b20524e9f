"""Whether a log's clock can be true enough for limits.

A server logs a request when it ends. nginx writes the time of the end, so its times hardly ever
run back; Apache writes the time of the start, so a request that took long stands behind later
ones. If a share s of the requests takes seconds, time runs back only from a request that did not
to one that did, or between two that did: at most s·(1 - s) + s²/2 of all steps. Times in random
order run back in half of the steps. So the line is drawn at a third of the steps, which a true
clock reaches only where 42 % of all requests take seconds. A few long steps back are no harm: logs
of several days or servers, one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simkit.accesslog.trace import Trace

__all__ = ["BACK_TOLERANCE_MS", "MAX_BACK_SHARE", "MIN_BACK_STEPS", "Clock", "judge_clock"]

BACK_TOLERANCE_MS = 1000
"""A step back of no more than this is no step back: workers write whole seconds out of turn."""

MAX_BACK_SHARE = 1 / 3
"""The largest share of steps back that requests logged late can explain."""

MIN_BACK_STEPS = 10
"""Fewer steps back than this prove nothing."""


@dataclass(frozen=True, slots=True)
class Clock:
    """The verdict on a log's clock; ``reason`` says why in one sentence.

    ``steps`` are pairs of neighbouring lines, ``back_steps`` those that run back by more than
    `BACK_TOLERANCE_MS`, ``largest_back_ms`` the longest of them. ``resolution_ms`` is 1000 where
    the order within a second is open.
    """

    usable: bool
    reason: str
    resolution_ms: int | None
    steps: int = 0
    back_steps: int = 0
    largest_back_ms: int = 0

    @property
    def back_share(self) -> float:
        """The share of the steps that run back."""
        return self.back_steps / self.steps if self.steps else 0.0


def judge_clock(trace: Trace) -> Clock:
    """Judge the times of a log in the order of its lines."""
    if trace.time_ms is None:
        return Clock(False, f"the format {trace.log_format.name} has no time", None)
    back_ms = -np.diff(trace.time_ms)
    back = back_ms > BACK_TOLERANCE_MS
    steps, back_steps = len(back_ms), int(back.sum())
    largest = int(back_ms.max()) if back_steps else 0
    broken = back_steps >= MIN_BACK_STEPS and back_steps > MAX_BACK_SHARE * steps
    reason = _reason(broken, steps, back_steps, largest)
    return Clock(not broken, reason, trace.resolution_ms, steps, back_steps, largest)


def _reason(broken: bool, steps: int, back_steps: int, largest_ms: int) -> str:
    if not back_steps:
        return "time never runs back by more than a second"
    found = (
        f"time runs back in {back_steps:,} of {steps:,} steps, by up to {largest_ms / 1000:,.0f} s"
    )
    if broken:
        return f"{found}: more than a third, so the order of the requests is not known"
    return f"{found}: few enough to put the lines in order"
