"""What runs and policies come to in numbers: leakage, false drops and misses, load, intervals."""

from __future__ import annotations

from simkit.measures.answers import AnswerSum, answer_table
from simkit.measures.drops import CohortDrops, Drops, RuleDrops, drops_of
from simkit.measures.intervals import Interval, clopper_pearson, paired_difference, t_interval
from simkit.measures.leakage import (
    Attack,
    Leakage,
    Probe,
    Secret,
    World,
    attack,
    attacks_on,
    leakage_of,
    measure,
)
from simkit.measures.load import Load, load_of

__all__ = [
    "AnswerSum",
    "Attack",
    "CohortDrops",
    "Drops",
    "Interval",
    "Leakage",
    "Load",
    "Probe",
    "RuleDrops",
    "Secret",
    "World",
    "answer_table",
    "attack",
    "attacks_on",
    "clopper_pearson",
    "drops_of",
    "leakage_of",
    "load_of",
    "measure",
    "paired_difference",
    "t_interval",
]
