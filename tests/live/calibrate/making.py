"""Measurements as a machine with known prices would give them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from simkit.live.calibrate import Calibration, Conditions, Measurement, fit
from simkit.live.calibrate.cases import CASES, EVENTS, LOADS
from simkit.live.calibrate.fit import WAKE_UP

TRUTH = {
    WAKE_UP: 60.0,
    **{event: 12.0 + 3.0 * place for place, event in enumerate(EVENTS)},
    "handshake.ecdsa": 400.0,
    "handshake.rsa": 800.0,
    "body_kb": 0.35,
}
WOKEN = {"low": 1.0, "middle": 0.3, "high": 0.02}
REQUESTS = 1000


def measured(
    truth: Mapping[str, float] = TRUTH, *, noise: float = 0.0, repeats: int = 3
) -> list[Measurement]:
    """Every case under every load; CPU time is off by ``noise``, a relative standard deviation."""
    return list(_measured(truth, noise, repeats))


def _measured(truth: Mapping[str, float], noise: float, repeats: int) -> Iterator[Measurement]:
    rng = np.random.default_rng(444)
    for repeat in range(repeats):
        for case in CASES:
            for load in LOADS:
                events = {event: n * REQUESTS for event, n in case.events.items()}
                for event, n in case.a_round.items():
                    events[event] = n * REQUESTS / load.at_once
                woken = round(case.wake_ups * WOKEN[load.name] * REQUESTS)
                cpu_us = woken * truth[WAKE_UP] + sum(truth[e] * n for e, n in events.items())
                cpu_us *= 1 + noise * rng.standard_normal()
                yield Measurement(
                    case.name, load.name, repeat, REQUESTS, events, 1.0, cpu_us, woken
                )


def calibration(rows: list[Measurement], processor: str = "a processor") -> Calibration:
    """A calibration that found these measurements."""
    conditions = Conditions(
        nginx="1.22.1",
        processor=processor,
        cores=2,
        apart=True,
        date="2026-01-31",
        load_average=(0.5, 0.7),
        repeats=3,
        window_s=1.0,
    )
    return Calibration(conditions, tuple(rows), fit(rows))
