"""People over the replications of a comparison: behind shared addresses, and after a refusal.

====================  ========================================================================
shared.csv            strategy, address: the honest people behind it who had a wish that ended, how
                      many of them lost one, the share of their wishes that was lost, and of the
                      wishes of the worst hit
recoveries.csv        strategy, cohort: wishes that were refused on the way, how many of them were
                      served in the end and how long that took, and when the others were given up
====================  ========================================================================

The means are over replications, with Student's intervals cut to what is possible.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from simkit.errors import printable
from simkit.measures.intervals import Interval, t_interval
from simkit.study.export import Record, rounded, spread

if TYPE_CHECKING:
    from simkit.measures.clients import SharedAddress
    from simkit.study.compare import Comparison

__all__ = ["recovery_rows", "shared_rows"]


def _mean(values: Iterable[float], level: float, highest: float = np.inf) -> Interval:
    return t_interval(np.array(list(values), dtype=np.float64), level).within(0.0, highest)


def shared_rows(found: Comparison) -> list[Record]:
    """One row for each strategy and address that several honest clients share."""
    return [
        {
            "strategy": strategy,
            "address": printable(address),
            "cohorts": "; ".join(dict.fromkeys(p.cohort for p in runs[0].people)),
            "people": rounded(float(np.mean([len(a.people) for a in runs]))),
            **spread("people_hurt", _mean((a.hurt for a in runs), found.level)),
            **spread("dropped_percent", _mean(map(_dropped, runs), found.level, 100.0)),
            **spread("worst_person_percent", _mean(map(_worst, runs), found.level, 100.0)),
        }
        for strategy in found.strategies
        for address, runs in _by_address(found, strategy).items()
    ]


def _by_address(found: Comparison, strategy: str) -> dict[str, list[SharedAddress]]:
    behind: dict[str, list[SharedAddress]] = {}
    for detail in found.details(strategy):
        for address in detail.shared:
            behind.setdefault(address.address, []).append(address)
    return behind


def _dropped(address: SharedAddress) -> float:
    return 100.0 * address.dropped / address.wishes


def _worst(address: SharedAddress) -> float:
    return 100.0 * address.worst.dropped_share


def recovery_rows(found: Comparison) -> list[Record]:
    """One row for each strategy and cohort of which a wish was refused on the way."""
    return [
        {
            "strategy": strategy,
            "cohort": several[0].cohort,
            "side": "honest" if several[0].honest else "hostile",
            **spread("refused_wishes", _mean((r.refused for r in several), found.level)),
            **spread("recovered_wishes", _mean((r.recovered for r in several), found.level)),
            **spread("served_after_p50_s", _mean((r.served_p50_s for r in several), found.level)),
            **spread("served_after_p95_s", _mean((r.served_p95_s for r in several), found.level)),
            **spread("given_up_after_p50_s", _mean((r.lost_p50_s for r in several), found.level)),
        }
        for strategy in found.strategies
        for several in zip(*(d.recoveries for d in found.details(strategy)), strict=True)
        if any(r.refused for r in several)
    ]
