"""The gate: the state of all limits of one run, and the three calls that change it.

`Gate.admit` takes a request with its plan to a decision or to a delay, `Gate.resume` goes on after
the delay, `Gate.release` ends the request. Limits change nowhere else.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from simkit.policy import limits
from simkit.policy.plan import Answer, Consult, Decision, Node, Occupy
from simkit.policy.planner import Bound, Planner

__all__ = ["Gate", "Step"]


@dataclass(slots=True)
class Step:
    """Where a request stands: decided, or waiting ``wait_ms`` before `Gate.resume`.

    ``status`` is what `$limit_req_status` says, ``held`` the entries of `limit_conn` to let go,
    ``excess`` what the last limit counted, in thousandths of a request.
    """

    decision: Decision | None
    wait_ms: int
    status: str
    node: Node
    bound: Bound
    held: tuple[tuple[int, int], ...] = ()
    excess: int = 0


class Gate:
    """All limit zones of one run, empty at first."""

    def __init__(self, planner: Planner) -> None:
        self._planner = planner
        zones = planner.policy.http.zones
        self._zones = limits.ZoneState(
            rate=array("q", [zone.rate or 0 for zone in zones]),
            capacity=array("q", [0] * len(zones)),
            used=array("q", [0] * len(zones)),
            newest=array("q", [limits.NONE] * len(zones)),
            oldest=array("q", [limits.NONE] * len(zones)),
            forced=array("q", [0] * len(zones)),
        )
        self._entries = limits.Entries(*(array("q") for _ in limits.Entries._fields))
        self._size = 0

    @property
    def evictions(self) -> int:
        """How many entries were forced out of full zones."""
        return sum(self._zones.forced)

    def has(self, entry: int) -> bool:
        """Whether a zone keeps anything under an entry."""
        return entry < self._size and bool(self._entries.present[entry])

    def used(self) -> dict[str, int]:
        """How many entries each zone holds, by its name."""
        names = (zone.name for zone in self._planner.policy.http.zones)
        return dict(zip(names, self._zones.used, strict=True))

    def admit(self, bound: Bound, now_ms: int) -> Step:
        """Take a request to a decision or a delay, at a time of nginx's clock."""
        if self._size < self._planner.entry_count:
            self._grow()
        return self._go_on(Step(None, 0, "", bound.plan.root, bound), now_ms)

    def resume(self, step: Step, now_ms: int) -> Step:
        """Go on after a delay."""
        return self._go_on(Step(None, 0, step.status, step.node, step.bound), now_ms)

    def release(self, step: Step) -> None:
        """The request has ended: let go of what `limit_conn` counted."""
        for zone, entry in step.held:
            limits.vacate(self._zones, self._entries, zone, entry)
        step.held = ()

    def _go_on(self, step: Step, now_ms: int) -> Step:
        while True:
            node = step.node
            if isinstance(node, Answer):
                step.decision = node.decision
                return step
            if isinstance(node, Consult):
                self._consult(step, node, now_ms)
                if step.wait_ms:
                    return step
            elif isinstance(node, Occupy):
                self._occupy(step, node)

    def _consult(self, step: Step, node: Consult, now_ms: int) -> None:
        zones, entries, keys = self._zones, self._entries, step.bound.entries[node]
        last, excess = len(keys) - 1, 0
        for i, use in enumerate(node.uses):
            verdict, excess = limits.look_up(
                zones, entries, use.zone, keys[i], use.burst, now_ms, i == last
            )
            step.excess = excess
            if verdict != limits.PASS:
                step.node = node.rejected[i]
                step.status = "REJECTED_DRY_RUN" if node.dry_run else "REJECTED"
                return
        wait = limits.delay_ms(excess, use.delay, zones.rate[use.zone])
        if last:
            wait = max(wait, self._account(node, keys, now_ms))
        self._passed(step, node, wait)

    def _account(self, node: Consult, keys: tuple[int, ...], now_ms: int) -> int:
        """Count the request against all limits but the last, which has done so; the delay."""
        longest = 0
        for use, key in zip(node.uses[-2::-1], keys[-2::-1], strict=True):
            excess = limits.account(self._zones, self._entries, use.zone, key, now_ms)
            wait = limits.delay_ms(excess, use.delay, self._zones.rate[use.zone])
            longest = max(longest, wait)
        return longest

    def _passed(self, step: Step, node: Consult, wait_ms: int) -> None:
        if not wait_ms:
            step.node, step.status = node.passed, "PASSED"
        elif node.dry_run:
            step.node, step.status = node.delayed, "DELAYED_DRY_RUN"
        else:
            step.node, step.status, step.wait_ms = node.delayed, "DELAYED", wait_ms

    def _occupy(self, step: Step, node: Occupy) -> None:
        held: list[tuple[int, int]] = []
        for i, (use, key) in enumerate(zip(node.uses, step.bound.entries[node], strict=True)):
            if not limits.occupy(self._zones, self._entries, use.zone, key, use.burst):
                step.held = tuple(held)
                self.release(step)
                step.node = node.rejected[i]
                return
            held.append((use.zone, key))
        step.held = tuple(held)
        step.node = node.passed

    def _grow(self) -> None:
        """Make room for the keys that the planner has seen since."""
        wanted = max(self._planner.entry_count, 2 * self._size)
        for column in self._entries:
            column.extend([0] * (wanted - self._size))
        self._size = wanted
        for zone in range(len(self._zones.capacity)):
            self._zones.capacity[zone] = self._planner.capacity(zone)
