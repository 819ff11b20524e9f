"""Limits against the clock: timed traces to a live nginx, and the same through the simulation."""

from __future__ import annotations

from simkit.live.timed.report import Miss, TimedReport
from simkit.live.timed.trace import timed_trace

__all__ = ["Miss", "TimedReport", "timed_trace"]
