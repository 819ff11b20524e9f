"""What an nginx on this machine costs its worker: measured live, fitted, written as a cost table.

    cases ─► running ─► measuring ─► fit ─► result ─► writing
               │         │     │
          application  worker  traffic ─ words

One worker of a live nginx answers on loopback. Its CPU time and its sleeps are read from /proc
before and after rounds of requests of one kind (`cases`), at three loads: alone, so that each event
pays for its own wake-up; a few at once; many that waited for it together. The same equation that
the simulated worker pays by is then fitted to all of it at once (`fit`). CPU time is counted, never
time on the clock, so a busy machine adds noise but no waiting.
"""

from __future__ import annotations

from simkit.live.calibrate.fit import Cost, Fit, fit, solve
from simkit.live.calibrate.measuring import Measurement
from simkit.live.calibrate.result import Calibration, Conditions, Value
from simkit.live.calibrate.running import FULL, QUICK, Effort, calibrate
from simkit.live.calibrate.writing import to_toml

__all__ = [
    "FULL",
    "QUICK",
    "Calibration",
    "Conditions",
    "Cost",
    "Effort",
    "Fit",
    "Measurement",
    "Value",
    "calibrate",
    "fit",
    "solve",
    "to_toml",
]
