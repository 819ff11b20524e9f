"""The round trip as the crowd meets it: what an exchange takes beside the server's own work.

On loopback hardly anything of it is the network. The clients share a process, which has to come to
each of them; a simulation without that would have answers meet connections that are not there yet.
"""

from __future__ import annotations

import numpy as np

from simkit.engine import Run
from simkit.errors import InputError
from simkit.traffic import Scenario
from simkit.traffic.part import NS_PER_MS

__all__ = ["round_trip_ms"]

_SERVED = 200


def round_trip_ms(scenario: Scenario, lived: Run, simulated: Run) -> float:
    """How much longer answers took live than in a simulation without a round trip, in the median.

    Looked at are pages on plain connections that had served before: one exchange each, and no
    arithmetic of the client's. Raises InputError where there are none of them.
    """
    return max(0.0, _median_ms(scenario, lived) - _median_ms(scenario, simulated))


def _median_ms(scenario: Scenario, run: Run) -> float:
    found = run.requests
    plain = np.array([not cohort.tls for cohort in scenario.cohorts])
    wanted = found["reused"] & (found["status"] == _SERVED) & plain[found["cohort"]]
    if not wanted.any():
        raise InputError(f"nobody in {scenario.name} keeps a plain connection, and is served on it")
    return float(np.median(found["latency_ns"][wanted])) / NS_PER_MS
