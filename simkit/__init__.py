"""Compare ways for an nginx server to answer unwanted requests, before anyone touches production.

What would attackers learn, who would be hurt, and what would it cost? A policy is an nginx
configuration, a scenario a file that describes a crowd; out come information leakage, false drops,
server load and the hostile wishes that were served. ``simkit --help`` is the same on the command
line.

The names below are imported when they are first used, so that ``import simkit`` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simkit.engine.run import Run
    from simkit.engine.simulate import simulate
    from simkit.errors import InputError
    from simkit.measures.statistics import Precision
    from simkit.policy import Decision, Gate, Planner, Policy, load_policy
    from simkit.shipped import shipped_files
    from simkit.study.adaptive import Goal, compare_until
    from simkit.study.attackers import attacks_of
    from simkit.study.compare import Comparison, compare
    from simkit.study.replay import replay
    from simkit.study.replay_report import ReplayReport
    from simkit.traffic import Scenario, load_scenario
    from simkit.wire import Shape, Sight, SightKind

__version__ = "0.1.0"

__all__ = [
    "Comparison",
    "Decision",
    "Gate",
    "Goal",
    "InputError",
    "Planner",
    "Policy",
    "Precision",
    "ReplayReport",
    "Run",
    "Scenario",
    "Shape",
    "Sight",
    "SightKind",
    "__version__",
    "attacks_of",
    "compare",
    "compare_until",
    "load_policy",
    "load_scenario",
    "replay",
    "shipped_files",
    "simulate",
]

_HOME = {
    "Comparison": "simkit.study.compare",
    "Decision": "simkit.policy",
    "Gate": "simkit.policy",
    "Goal": "simkit.study.adaptive",
    "InputError": "simkit.errors",
    "Planner": "simkit.policy",
    "Policy": "simkit.policy",
    "Precision": "simkit.measures.statistics",
    "ReplayReport": "simkit.study.replay_report",
    "Run": "simkit.engine.run",
    "Scenario": "simkit.traffic",
    "Shape": "simkit.wire",
    "Sight": "simkit.wire",
    "SightKind": "simkit.wire",
    "attacks_of": "simkit.study.attackers",
    "compare": "simkit.study.compare",
    "compare_until": "simkit.study.adaptive",
    "load_policy": "simkit.policy",
    "load_scenario": "simkit.traffic",
    "replay": "simkit.study.replay",
    "shipped_files": "simkit.shipped",
    "simulate": "simkit.engine.simulate",
}
"""Where each public name lives: the table that `__getattr__` reads."""


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
