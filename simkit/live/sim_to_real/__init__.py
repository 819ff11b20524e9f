"""Against reality: the same crowd on a live nginx and in simulation, side by side.

    crowd ─┬─► live nginx (simkit.live.crowd) ─► facts ─┬─► report ─► table · figure
           └─► simulation, at costs calibrated here ────┘

For several policies, at several levels of the worker's utilisation, some times over: what became of
whom, how often clients had to try, what it cost the worker.
"""

from __future__ import annotations

from simkit.live.sim_to_real.levels import LEVELS, Level
from simkit.live.sim_to_real.report import Allowed, Cohort, Cpu, Report, Setting
from simkit.live.sim_to_real.trial import CROWD, Wanted, trial

__all__ = [
    "CROWD",
    "LEVELS",
    "Allowed",
    "Cohort",
    "Cpu",
    "Level",
    "Report",
    "Setting",
    "Wanted",
    "trial",
]
