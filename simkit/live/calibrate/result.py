"""What a calibration found: prices, how they came about, and how far to trust them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from simkit.host.costs import ANSWERS, AnswerCosts, CostTable
from simkit.live.calibrate.cases import CASES, LOADS, Case
from simkit.live.calibrate.fit import WAKE_UP, Cost, Fit
from simkit.live.calibrate.measuring import Measurement

__all__ = ["KEYS", "Calibration", "Conditions", "Value"]

KEYS = {
    "wake_up_us": WAKE_UP,
    "accept_us": "accept",
    "read_us": "read",
    "delay_us": "delay",
    "body_ns_per_byte": "body_kb",
    "refused_handshake_us": "refused",
    "handshake_us.ecdsa": "handshake.ecdsa",
    "handshake_us.rsa": "handshake.rsa",
    **{f"new_connection_us.{answer}": f"new.{answer}" for answer in ANSWERS},
    **{f"kept_connection_us.{answer}": f"kept.{answer}" for answer in ANSWERS},
}
"""The keys of a cost table, and the event that each prices. µs per 1,000 bytes is ns per byte."""

_HOW = {
    WAKE_UP: "derived: what CPU time grows by with each wake-up, over all traffic",
    "body_kb": "derived: a large file without a small one",
    "read": "derived: parts of a header, followed by a page, without the page",
    "delay": "derived: a delayed file without one that is not",
    "accept": "measured: a connection that the client ends without a word",
    "handshake.ecdsa": "derived: TLS 1.3 and a page, without accepting and the page",
    "handshake.rsa": "derived: TLS 1.3 and a page, without accepting and the page",
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
    """Under which a calibration was done. ``apart``: worker and generator had their own cores."""

    nginx: str
    processor: str
    cores: int
    apart: bool
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
            return Value(key, cost, _HOW.get(event, _MEASURED))
        how = f"assumed: as {instead}, for repeats gave {cost.low_us:.3g} to {cost.high_us:.3g}"
        return Value(key, self.fit.costs[instead], how)

    def table(self, name: str) -> CostTable:
        """The cost table, with its provenance, under this name."""
        from simkit.live.calibrate.writing import provenance

        us = {key: round(value.cost.us, 2) for key, value in self.values().items()}
        plain = {key: number for key, number in us.items() if "." not in key}
        return CostTable(
            name=name,
            nginx=self.conditions.nginx,
            provenance=provenance(self),
            handshake_us={"ecdsa": us["handshake_us.ecdsa"], "rsa": us["handshake_us.rsa"]},
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
            seen = sorted(
                one.cpu_us_per_request
                for one in self.measurements
                if (one.case, one.load) == (case.name, low)
            )
            if seen:
                found[case.name] = seen[(len(seen) - 1) // 2], self._simulated_us(case)
        return found

    def _simulated_us(self, case: Case) -> float:
        costs = self.fit.costs
        events = [*case.events.items(), *case.a_round.items()]
        return case.wake_ups * costs[WAKE_UP].us + sum(costs[e].us * n for e, n in events)

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


def _answers(us: dict[str, float], group: str) -> AnswerCosts:
    return AnswerCosts(**{answer: us[f"{group}.{answer}"] for answer in ANSWERS})
