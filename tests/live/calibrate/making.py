"""Measurements as a machine with known prices would give them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from simkit.live.calibrate import Calibration, Conditions, Measurement, fit
from simkit.live.calibrate.cases import CASES, COOLED, EVENTS, PAUSES_US, WAKE_UP, Case, Load
from simkit.live.calibrate.fit import after, predicted_us

GROWTH = (1.0, 1.2, 1.5, 2.5, 3.0)
"""What costs more after a pause, at each of the pauses, beside the shortest."""

PLAIN = {
    WAKE_UP: 60.0,
    **{event: 12.0 + 3.0 * place for place, event in enumerate(EVENTS)},
    "handshake.ecdsa": 400.0,
    "handshake.rsa": 800.0,
    "handshake.rsa3072": 2000.0,
    "resumed": 300.0,
    "body_kb": 0.35,
    "tls_body_kb": 0.9,
}
TRUTH = {event: us for event, us in PLAIN.items() if event not in COOLED} | {
    after(event, pause_us): PLAIN[event] * growth
    for event in COOLED
    for pause_us, growth in zip(PAUSES_US, GROWTH, strict=True)
}
"""Prices by the names of a fit."""

WOKEN = {"middle": 0.3, "high": 0.02}
REQUESTS = 1000
_PAUSE_S = {"low": 0.004, "middle": 0.001, "high": 0.0}
_WORK_S = 0.0005


def measured(
    truth: Mapping[str, float] = TRUTH, *, noise: float = 0.0, repeats: int = 3
) -> list[Measurement]:
    """Every case under every load; CPU time is off by ``noise``, a relative standard deviation."""
    return list(_measured(truth, noise, repeats))


def _measured(truth: Mapping[str, float], noise: float, repeats: int) -> Iterator[Measurement]:
    rng = np.random.default_rng(444)
    for repeat in range(repeats):
        for case in CASES:
            for load in case.loads:
                row = _priced(_row(case, load, repeat), dict(truth))
                yield _with_cpu(row, row.cpu_us * (1 + noise * rng.standard_normal()))


def _row(case: Case, load: Load, repeat: int) -> Measurement:
    """A measurement but for its CPU time."""
    rounds = REQUESTS // min(load.at_once, case.most_at_once)
    events = {event: n * REQUESTS for event, n in case.events.items()}
    for event, n in case.a_round.items():
        events[event] = n * rounds
    woken = round(case.wake_ups * WOKEN.get(load.name, 1.0) * REQUESTS)
    pause_s = _PAUSE_S.get(load.name, 0.0) if load.pause_s is None else load.pause_s
    wall_s = rounds * (pause_s + _WORK_S * load.at_once)
    paused_s = rounds * pause_s
    return Measurement(
        case.name, load.name, repeat, REQUESTS, events, wall_s, 1.0, woken, rounds, paused_s
    )


def _with_cpu(row: Measurement, cpu_us: float) -> Measurement:
    return replace(row, cpu_us=cpu_us)


def _priced(row: Measurement, truth: dict[str, float]) -> Measurement:
    """The measurement with the CPU time that the truth gives.

    What the worker did not work it slept, and the price of waking hangs on that: so in some rounds.
    """
    for _ in range(60):
        row = _with_cpu(row, predicted_us(row, truth))
    return row


def calibration(rows: list[Measurement], processor: str = "a processor") -> Calibration:
    """A calibration that found these measurements."""
    conditions = Conditions(
        nginx="1.22.1",
        processor=processor,
        cores=2,
        apart=True,
        first=True,
        date="2026-01-31",
        load_average=(0.5, 0.7),
        repeats=3,
        window_s=1.0,
    )
    return Calibration(conditions, tuple(rows), fit(rows))
