"""Running a scenario on an engine that has been chosen by its name."""

from __future__ import annotations

from typing import cast

from simkit.engine import Run, simulate
from simkit.engine.choice import Engine
from simkit.engine.run import Record
from simkit.policy import Policy
from simkit.traffic import Scenario

__all__ = ["run"]


def run(scenario: Scenario, policy: Policy, engine: str, record: str = "all") -> Run:
    """Run a scenario once, with seed 1."""
    return simulate(scenario, policy, engine=cast(Engine, engine), record=cast(Record, record))
