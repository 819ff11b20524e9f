"""What a calibration found: prices, how they came about, and how far to trust them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from statistics import median_low
from typing import Any

from simkit.host.costs import ANSWERS, AnswerCosts, CostTable
from simkit.live.calibrate.cases import CASES, CERTIFICATES, LOADS, PAUSES_US, WAKE_UP, Case
from simkit.live.calibrate.fit import Cost, Fit, after, predicted_us
from simkit.live.calibrate.measuring import Measurement

__all__ = ["COOLED_KEYS", "KEYS", "Calibration", "Conditions", "Value"]

COOLED_KEYS = {
    "wake_up_us": WAKE_UP,
    "refused_handshake_us": "refused",
    **{f"handshake_us.{kind}": f"handshake.{kind}" for kind in CERTIFICATES},
    "resumed_us": "resumed",
}
"""The keys of a cost table whose prices grow with a pause, and the event that each prices."""

KEYS = {
    **{after(key, us): after(event, us) for key, event in COOLED_KEYS.items() for us in PAUSES_US},
    "accept_us": "accept",
    "read_us": "read",
    "delay_us": "delay",
    "body_ns_per_byte": "body_kb",
    "tls_answer_us": "tls_answer",
    "tls_body_ns_per_byte": "tls_body_kb",
    **{f"new_connection_us.{answer}": f"new.{answer}" for answer in ANSWERS},
    **{f"kept_connection_us.{answer}": f"kept.{answer}" for answer in ANSWERS},
}
"""The keys of a cost table, and the event that each prices. µs per 1,000 bytes is ns per byte.

What grows with a pause has a key for each of `cases.PAUSES_US`.
"""

_HOW = {
    WAKE_UP: "derived: a page that comes so long after the last, without what it costs in line",
    "refused": "measured: this traffic alone, without its wake-ups",
    "body_kb": "derived: a large file without a small one",
    "tls_body_kb": "derived: a large file over TLS without a small one",
    "tls_answer": "derived: a page on a kept connection of TLS, without one on a plain connection",
    "read": "derived: parts of a header, followed by a page, without the page",
    "delay": "derived: a delayed file without one that is not",
    "accept": "measured: a connection that the client ends without a word",
    **dict.fromkeys(
        (f"handshake.{kind}" for kind in CERTIFICATES),
        "derived: TLS 1.3 and a page, without accepting and the page",
    ),
    "resumed": "derived: TLS 1.3 that resumes a session and a page, without accepting and the page",
    "kept.silent": "derived: a page and then silence, without the page on a new connection",
    "kept.limited_silent": "derived: a page and then silence, without the page on a new connection",
}
_MEASURED = "measured: this traffic alone, without its wake-ups"

_INSTEAD = {
    "read": "kept.page",
    "delay": "kept.page",
    "kept.silent": "kept.page",
    "kept.limited_silent": "kept.limited_page",
}
"""What stands in for a small difference where the repeats could not tell it from nothing."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Under which a calibration was done.

    ``apart``: worker and generator had their own cores. ``first``: whenever the worker was ready,
    it ran before whoever else was on its core.
    """

    nginx: str
    processor: str
    cores: int
    apart: bool
    first: bool
    date: str
    load_average: tuple[float, float]
    repeats: int
    window_s: float


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the table, in its unit; ``how`` begins with measured, derived or assumed."""

    key: str
    cost: Cost
    how: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything that was measured, and what was made of it."""

    conditions: Conditions
    measurements: tuple[Measurement, ...]
    fit: Fit

    @property
    def requests(self) -> int:
        """How many requests, or connections without one, were counted."""
        return sum(one.requests for one in self.measurements)

    def values(self) -> dict[str, Value]:
        """The values of the table by their keys."""
        return {key: self._value(key, event) for key, event in KEYS.items()}

    def _value(self, key: str, event: str) -> Value:
        cost = self.fit.costs[event]
        instead = _INSTEAD.get(event)
        if instead is None or cost.told:
            return Value(key, cost, _HOW.get(event.partition(" after ")[0], _MEASURED))
        how = f"assumed: as {instead}, for repeats gave {cost.low_us:.3g} to {cost.high_us:.3g}"
        return Value(key, self.fit.costs[instead], how)

    def table(self, name: str) -> CostTable:
        """The cost table, with its provenance, under this name."""
        from simkit.live.calibrate.writing import provenance

        us = {key: round(value.cost.us, 2) for key, value in self.values().items()}
        cooled = {key: _points(us, key) for key in COOLED_KEYS}
        plain = {key: number for key, number in us.items() if "." not in key and " " not in key}
        return CostTable(
            name=name,
            nginx=self.conditions.nginx,
            provenance=provenance(self),
            wake_up_us=cooled["wake_up_us"],
            refused_handshake_us=cooled["refused_handshake_us"],
            resumed_us=cooled["resumed_us"],
            handshake_us={kind: cooled[f"handshake_us.{kind}"] for kind in CERTIFICATES},
            new_connection_us=_answers(us, "new_connection_us"),
            kept_connection_us=_answers(us, "kept_connection_us"),
            **plain,
        )

    def alone(self) -> dict[str, tuple[float, float]]:
        """By case: CPU of a request that came alone, in µs, as measured and as simulated.

        Simulated is the sum of the prices with as many wake-ups as the simulator's worker pays,
        which are not always those that were seen.
        """
        low = LOADS[0].name
        found: dict[str, tuple[float, float]] = {}
        for case in CASES:
            rows = [one for one in self.measurements if (one.case, one.load) == (case.name, low)]
            if rows:
                middle = median_low(one.cpu_us_per_request for one in rows)
                row = next(one for one in rows if one.cpu_us_per_request == middle)
                found[case.name] = middle, self._simulated_us(case, row)
        return found

    def _simulated_us(self, case: Case, row: Measurement) -> float:
        """The price of all that happened, with the wake-ups of the simulated worker."""
        prices = {name: cost.us for name, cost in self.fit.costs.items()}
        woken = replace(row, wake_ups=case.wake_ups * row.requests)
        return predicted_us(woken, prices) / row.requests

    def to_json(self, name: str) -> dict[str, Any]:
        """The table, how each value came about, and everything that was measured."""
        return {
            "conditions": asdict(self.conditions),
            "requests": self.requests,
            "table": self.table(name).model_dump(),
            "values": {
                key: {**asdict(value.cost), "spread": value.cost.spread, "how": value.how}
                for key, value in self.values().items()
            },
            "rms_residual": self.fit.rms_residual,
            "residuals": self.fit.residuals,
            "alone_us": {
                case: {"measured": measured, "simulated": simulated}
                for case, (measured, simulated) in self.alone().items()
            },
            "measurements": [asdict(one) for one in self.measurements],
        }


def _points(us: dict[str, float], key: str) -> tuple[tuple[float, float], ...]:
    return tuple((float(pause_us), us[after(key, pause_us)]) for pause_us in PAUSES_US)


def _answers(us: dict[str, float], group: str) -> AnswerCosts:
    return AnswerCosts(**{answer: us[f"{group}.{answer}"] for answer in ANSWERS})
