"""The gate: the state of all limits of one run, and the three calls that change it.

`Gate.admit` takes a request with its plan to a decision or to a delay, `Gate.resume` goes on after
the delay, `Gate.release` ends the request. Limits change nowhere else.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from simkit.policy import limits
from simkit.policy.plan import Answer, Consult, Decision, LimitUse, Node, Occupy
from simkit.policy.planner import Bound, Planner

__all__ = ["Gate", "Step"]


@dataclass(slots=True)
class Step:
    """Where a request stands: decided, or waiting ``wait_ms`` before `Gate.resume`.

    ``status`` is what `$limit_req_status` says, ``conn_status`` what `$limit_conn_status` says.
    ``held`` are the entries of `limit_conn` to let go, ``excess`` what the limit counted that
    rejects it or delays it the longest (else the last one), in thousandths of a request.
    """

    decision: Decision | None
    wait_ms: int
    status: str
    node: Node
    bound: Bound
    held: tuple[tuple[int, int], ...] = ()
    excess: int = 0
    conn_status: str = ""


class Gate:
    """All limit zones of one run, empty at first."""

    def __init__(self, planner: Planner) -> None:
        self._planner = planner
        self._zones = limits.new_zones([zone.rate or 0 for zone in planner.policy.http.zones])
        self._entries = array("q")
        self._size = 0

    @property
    def evictions(self) -> int:
        """How many entries were forced out of full zones."""
        return sum(self._zones[limits.FORCED :: limits.ZONE])

    def has(self, entry: int) -> bool:
        """Whether a zone keeps anything under an entry."""
        cell = entry * limits.ENTRY + limits.PRESENT
        return entry < self._size and bool(self._entries[cell])

    def used(self) -> dict[str, int]:
        """How many entries each zone holds, by its name."""
        names = (zone.name for zone in self._planner.policy.http.zones)
        return dict(zip(names, self._zones[limits.USED :: limits.ZONE], strict=True))

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
        wait = limits.delay_ms(excess, use.delay, self._rate(use))
        if last:
            wait = self._account(step, node, now_ms, wait)
        self._passed(step, node, wait)

    def _account(self, step: Step, node: Consult, now_ms: int, longest_ms: int) -> int:
        """Count the request against all limits but the last, which has done so; the delay.

        The excess that nginx tells of is that of the limit with the longest delay.
        """
        keys = step.bound.entries[node]
        for use, key in zip(node.uses[-2::-1], keys[-2::-1], strict=True):
            excess = limits.account(self._zones, self._entries, use.zone, key, now_ms)
            wait_ms = limits.delay_ms(excess, use.delay, self._rate(use))
            if wait_ms > longest_ms:
                longest_ms, step.excess = wait_ms, excess
        return longest_ms

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
                step.conn_status = "REJECTED_DRY_RUN" if node.dry_run else "REJECTED"
                return
            held.append((use.zone, key))
        step.held = tuple(held)
        step.node, step.conn_status = node.passed, "PASSED"

    def _rate(self, use: LimitUse) -> int:
        return self._zones[use.zone * limits.ZONE + limits.RATE]

    def _grow(self) -> None:
        """Make room for the keys that the planner has seen since."""
        rooms = self._planner.rooms(self._size)
        self._entries.extend([0] * (limits.ENTRY * len(rooms)))
        first = self._size * limits.ENTRY + limits.ROOM
        self._entries[first :: limits.ENTRY] = array("q", rooms)
        self._size += len(rooms)
