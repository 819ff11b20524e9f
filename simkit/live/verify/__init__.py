"""A policy held against a live nginx: the same requests to both, and where they differ."""

from __future__ import annotations

from simkit.live.verify.cases import Case, Manner, Request, Sent
from simkit.live.verify.comparing import Difference, Seen, differences, simulated
from simkit.live.verify.reporting import Disagreement, TimedTrace, Verified, explain_command
from simkit.live.verify.running import verify
from simkit.live.verify.trial import Result, Trial
from simkit.live.verify.visiting import Visit, ask_once

__all__ = [
    "Case",
    "Difference",
    "Disagreement",
    "Manner",
    "Request",
    "Result",
    "Seen",
    "Sent",
    "TimedTrace",
    "Trial",
    "Verified",
    "Visit",
    "ask_once",
    "differences",
    "explain_command",
    "simulated",
    "verify",
]
