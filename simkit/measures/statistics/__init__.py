"""Statistics that measures and studies share: what a number, a difference, a series is worth."""

from __future__ import annotations

from simkit.measures.statistics.bootstrap import FEWEST, cluster_ratio, cluster_ratios
from simkit.measures.statistics.dominance import (
    Criterion,
    Standing,
    exact_pairs,
    standings,
    unbeaten,
)
from simkit.measures.statistics.multiple import against_baseline, all_pairs, single_level
from simkit.measures.statistics.sequential import Precision, Step, next_step
from simkit.measures.statistics.verdict import NOT_FOUND, Finding, Verdict, verdict
from simkit.measures.statistics.warmup import WarmUp, mser5, welch

__all__ = [
    "FEWEST",
    "NOT_FOUND",
    "Criterion",
    "Finding",
    "Precision",
    "Standing",
    "Step",
    "Verdict",
    "WarmUp",
    "against_baseline",
    "all_pairs",
    "cluster_ratio",
    "cluster_ratios",
    "exact_pairs",
    "mser5",
    "next_step",
    "single_level",
    "standings",
    "unbeaten",
    "verdict",
    "welch",
]
