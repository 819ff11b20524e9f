"""Plans, decisions, sights and reactions as tables, grown as requests are met for the first time.

What stands here hangs on scenario and policy alone, so the runs of a stage share it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simkit.engine.compiled import layout
from simkit.engine.compiled.connections import EMPTY, NO_ANSWER, REFUSED, RESET
from simkit.engine.compiled.growing import Growing
from simkit.engine.compiled.layout import NodeKind
from simkit.engine.rows import Rules
from simkit.engine.stage import Stage
from simkit.host import Costs
from simkit.host.failures import failure
from simkit.host.prices import Price, Prices
from simkit.policy import Bound
from simkit.policy.plan import Answer, Consult, Decision, Handler, Node, Occupy, Plan
from simkit.traffic.reactions import Action, retry_after_s
from simkit.wire import Sight, SightKind

__all__ = ["Tables"]

_PLAIN = {
    EMPTY: SightKind.EMPTY,
    RESET: SightKind.RESET,
    REFUSED: SightKind.REFUSED,
    NO_ANSWER: SightKind.NO_ANSWER,
}
_METHODS = ("GET", "POST")  # one that is idempotent, one that is not


class Tables:
    """Growing tables of everything that plans lead to."""

    def __init__(self, stage: Stage, costs: Costs) -> None:
        self._stage = stage
        self._prices = Prices(costs)
        self.nodes = Growing(layout.NODE)
        self.uses = Growing(layout.USE)
        self.bounds = Growing(layout.BOUND)
        self.bound_entries = Growing(np.dtype("i8"))
        self.decisions = Growing(layout.DECISION)
        self.sights = Growing(layout.SIGHT)
        self.actions = Growing(layout.ACTION)
        self.delays = Growing(np.dtype("f8"))
        self.rules = Rules()
        self._decision_numbers: dict[int, int] = {}
        self._sight_numbers: dict[Sight, int] = {}
        self._plans: dict[int, tuple[Plan, dict[Node, int]]] = {}
        for number, kind in sorted(_PLAIN.items()):
            assert self.sight(Sight(kind)) == number

    # Bounds and plans

    def bind(self, bounds: Sequence[Bound], shape: int) -> int:
        """The number of the first of these bounds; the others follow."""
        entries: list[int] = []
        records: list[tuple[int, int, int]] = []
        before = self.bound_entries.count
        for bound in bounds:
            nodes = self._plan(bound.plan)
            records.append((before + len(entries), nodes[bound.plan.root], shape))
            for node in bound.plan.limited:
                entries += bound.entries[node]
        self.bound_entries.extend(np.array(entries, "i8"))
        return self.bounds.extend(np.array(records, layout.BOUND))

    def _plan(self, plan: Plan) -> dict[Node, int]:
        """The numbers of a plan's nodes."""
        known = self._plans.get(id(plan))
        if known is None:
            nodes = tuple(dict.fromkeys(plan.nodes()))
            first = self.nodes.extend(np.zeros(len(nodes), layout.NODE))
            numbers = {node: first + i for i, node in enumerate(nodes)}
            known = self._plans[id(plan)] = plan, numbers
            before = 0
            for node in nodes:
                self.nodes.records[numbers[node]] = self._node(node, numbers, before)
                before += len(node.uses) if isinstance(node, Consult | Occupy) else 0
        return known[1]

    def _node(self, node: Node, numbers: dict[Node, int], first: int) -> tuple[int, ...]:
        if isinstance(node, Answer):
            return NodeKind.ANSWER, self.decision(node.decision), 0, 0, 0, -1, -1, 0
        assert isinstance(node, Consult | Occupy)
        zones = self._stage.planner.policy.http.zones
        uses = self.uses.extend(
            np.array(
                [
                    (u.burst, u.delay, zones[u.zone].rate or 0, u.zone, numbers[rejected])
                    for u, rejected in zip(node.uses, node.rejected, strict=True)
                ],
                layout.USE,
            )
        )
        delayed = numbers[node.delayed] if isinstance(node, Consult) else -1
        kind = NodeKind.CONSULT if isinstance(node, Consult) else NodeKind.OCCUPY
        passed = numbers[node.passed]
        return kind, -1, first, uses, len(node.uses), passed, delayed, node.dry_run

    # Decisions

    def decision(self, decision: Decision) -> int:
        """The number of a decision, with its price and what it looks like."""
        known = self._decision_numbers.get(id(decision))
        if known is None:
            price = self._prices.of(decision)
            failures = self._failures(decision) if price.proxied else (-1,) * 4
            known = self.decisions.append(self._row(price, failures))
            self._decision_numbers[id(decision)] = known
        return known

    def _failures(self, meant: Decision) -> tuple[int, ...]:
        return tuple(
            self.decision(failure(status, meant, http2=http2))
            for http2 in (False, True)
            for status in (500, 504)
        )

    def _row(self, price: Price, failures: Sequence[int]) -> tuple[int, ...]:
        decision = price.decision
        return (
            decision.lease.requests,
            decision.lease.age_ns,
            price.fresh_ns,
            price.kept_ns,
            price.back_ns,
            price.tls_ns,
            decision.bytes_sent,
            price.cause,
            decision.status,
            self.rules.number(decision.rule),
            self.sight(decision.sight),
            self.sight(price.closing),
            *failures,
            decision.refused,
            price.proxied,
            decision.handler is Handler.TLS,
            decision.sight.kept,
        )

    # Sights, and what cohorts do about them

    def sight(self, sight: Sight) -> int:
        """The number of a sight."""
        known = self._sight_numbers.get(sight)
        if known is None:
            asked = retry_after_s(sight)
            first = self.actions.count
            for position in range(len(self._stage.scenario.cohorts)):
                table = self._stage.reaction_table(position)
                for method in _METHODS:
                    self.actions.append(self._action(table.action(sight, method)))
            known = self.sights.append(
                (asked or 0.0, first, sight.status, sight.kind, sight.kept, asked is not None)
            )
            self._sight_numbers[sight] = known
        return known

    def _action(self, action: Action) -> tuple[float, ...]:
        return (
            action.jitter,
            action.slow_down,
            self.delays.extend(action.retry_after_s),
            len(action.retry_after_s),
            action.resend_at_once,
            action.resend_reused,
            action.documents_only,
            action.honour_retry_after,
            action.only_with_header,
            action.leave,
        )
