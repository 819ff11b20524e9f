"""Timed attacks on a policy with memory: requests at a pace, and what becomes of each.

A `Course` sends requests of one shape by a `Pattern` to the policy as a world has it, through the
same planner and gate as every run, and notes the sight and the wait of each. Its draws are
addressed by (seed, replication), not by the world or the policy: all worlds and all policies meet
the same arrivals.

nginx's clock is the whole milliseconds of the arrival. What is behind nginx takes no time here:
the waits are those that the policy makes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from simkit.draws import Purpose, exponential, mix, name_key, uniform
from simkit.wire import Address, Shape, Sight

if TYPE_CHECKING:
    from simkit.policy import Bound, Gate, Planner

__all__ = ["Course", "Pattern", "Step", "rate_course", "trace", "with_rate"]


@dataclass(frozen=True, slots=True)
class Pattern:
    """When requests are sent: ``probes`` of them, ``per_s`` a second, evenly.

    Each is on its way for an exponential time of mean ``jitter_ms`` beyond the least. Meanwhile
    others that share the address send ``others_per_s`` requests of the same shape, at random.
    Raises ValueError for a number that makes no sense.
    """

    probes: int = 120
    per_s: float = 40.0
    jitter_ms: float = 5.0
    others_per_s: float = 0.0

    def __post_init__(self) -> None:
        if self.probes < 1 or not self.per_s > 0 or self.jitter_ms < 0 or self.others_per_s < 0:
            raise ValueError(f"no such pattern: {self}")

    def arrivals_ms(self, key: int) -> list[tuple[int, bool]]:
        """When requests come in, in order; whether they are the attacker's."""
        own = [
            1000.0 * i / self.per_s + exponential(self.jitter_ms, uniform(key, Purpose.SERVICE, i))
            for i in range(self.probes)
        ]
        others = self._others(max(own), key)
        return sorted([*((int(t), True) for t in own), *((int(t), False) for t in others)])

    def _others(self, until_ms: float, key: int) -> Iterator[float]:
        if not self.others_per_s:
            return
        now, number, mean_ms = 0.0, 0, 1000.0 / self.others_per_s
        while (now := now + exponential(mean_ms, uniform(key, Purpose.ARRIVAL, number))) < until_ms:
            number += 1
            yield now


@dataclass(frozen=True, slots=True)
class Course:
    """Timed requests of one shape; ``vary`` makes the world's policy of the one that is asked."""

    shape: Shape
    address: Address
    pattern: Pattern
    vary: Callable[[Planner], Planner] | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one request: what was seen, after how many ms of waiting; was it refused?"""

    sight: Sight
    wait_ms: int
    refused: bool


def trace(planner: Planner, course: Course, seed: int, replication: int) -> list[Step]:
    """What becomes of the attacker's requests, one by one, in the order of arrival.

    ``planner`` is the world's own (`Course.vary` is not applied here).
    """
    from simkit.policy import Gate

    gate = Gate(planner)
    bound = planner.bind(course.shape, course.address)
    key = mix(mix(mix(0, seed), name_key("timed attack")), replication)
    steps = ((_send(gate, bound, now), own) for now, own in course.pattern.arrivals_ms(key))
    return [step for step, own in steps if own]


def _send(gate: Gate, bound: Bound, now_ms: int) -> Step:
    """One request to its end, as if others came only after it: `limit_conn` never fills here."""
    step, waited = gate.admit(bound, now_ms), 0
    while step.wait_ms:
        waited += step.wait_ms
        step = gate.resume(step, now_ms + waited)
    gate.release(step)
    decision = step.decision
    assert decision is not None
    return Step(decision.sight, waited, decision.refused)


def with_rate(planner: Planner, per_s: float) -> Planner:
    """The same policy, all its request limits at this rate. ValueError below 0.001 per second."""
    rate = round(1000 * per_s)
    if rate < 1:
        raise ValueError(f"a limit lets through at least 0.001 requests/s, not {per_s}")
    http = planner.policy.http
    zones = tuple(z if z.counts_connections else replace(z, rate=rate) for z in http.zones)
    policy = replace(planner.policy, http=replace(http, zones=zones))
    return planner.with_policy(policy)


def rate_course(shape: Shape, address: Address, pattern: Pattern, per_s: float) -> Course:
    """A course against the policy with all its request limits at this rate."""
    return Course(shape, address, pattern, lambda planner: with_rate(planner, per_s))
