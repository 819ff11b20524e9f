"""Plans, decisions, sights and reactions as tables, grown as requests are met for the first time.

What stands here hangs on scenario and policy alone, so the runs of a stage share it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from simkit.engine.compiled import layout
from simkit.engine.compiled.growing import Growing
from simkit.engine.compiled.layout import NodeKind
from simkit.engine.compiled.wire import CONNECTED, EMPTY, NO_ANSWER, REFUSED, RESET
from simkit.engine.rows import Rules
from simkit.engine.stage import Stage
from simkit.host import Costs
from simkit.host.failures import failure
from simkit.host.prices import Price, Prices
from simkit.policy import Bound
from simkit.policy.plan import Answer, Consult, Decision, Handler, Node, Occupy, Phase, Plan
from simkit.policy.planner import Piece
from simkit.traffic.reactions import Action, retry_after_s
from simkit.wire import Sight, SightKind

__all__ = ["Tables"]

_PLAIN = {
    EMPTY: SightKind.EMPTY,
    RESET: SightKind.RESET,
    REFUSED: SightKind.REFUSED,
    NO_ANSWER: SightKind.NO_ANSWER,
    CONNECTED: SightKind.CONNECTED,
}
_METHODS = ("GET", "PUT", "POST")  # one of each class, in the order of `MethodClass`


class Tables:
    """Growing tables of everything that plans lead to."""

    def __init__(self, stage: Stage, costs: Costs) -> None:
        self._stage = stage
        self._prices = Prices(costs)
        self.nodes = Growing(layout.NODE)
        self.uses = Growing(layout.USE)
        self.bounds = Growing(np.dtype("i8"))
        self.decisions = Growing(layout.DECISION)
        self.sights = Growing(layout.SIGHT)
        self.actions = Growing(layout.ACTION)
        self.delays = Growing(np.dtype("f8"))
        self.rules = Rules()
        self.pages: dict[tuple[str, str], int] = {}
        """Numbers of pages that the caches of edges may keep."""
        self._decision_numbers: dict[int, int] = {}
        self._sight_numbers: dict[Sight, int] = {}
        self._plans: dict[int, tuple[Plan, dict[Node, int]]] = {}
        for number, kind in sorted(_PLAIN.items()):
            if self._add_sight(Sight(kind)) != number:
                raise AssertionError(f"{kind} has another number than in wire")
        for kind in _PLAIN.values():
            self._look_through(Sight(kind))

    # Bounds and plans

    def bind(self, bound: Bound, shape: int) -> int:
        """Where the words of a plan for one client stand."""
        keys = [entry for node in bound.plan.limited for entry in bound.entries[node]]
        return self.bounds.extend([self._head(bound.plan, shape), *keys])

    def bind_all(self, pieces: Iterable[Piece], shape: int) -> npt.NDArray[np.int64]:
        """The same for many clients, in order."""
        found: list[npt.NDArray[np.int64]] = []
        for piece in pieces:
            words = np.empty((piece.count, 1 + len(piece.entries)), np.int64)
            words[:, 0] = self._head(piece.plan, shape)
            for column, entries in enumerate(piece.entries, 1):
                words[:, column] = entries
            first = self.bounds.extend(words.ravel())
            found.append(first + words.shape[1] * np.arange(piece.count))
        return np.concatenate(found)

    def _head(self, plan: Plan, shape: int) -> int:
        """The first word: see `layout.ROOT_BITS`."""
        root, page = self._plan(plan)[plan.root], self._page(shape) + 1
        if root >> layout.ROOT_BITS or page >> layout.PAGE_BITS:
            raise OverflowError("more plans, or pages for caches, than a run can have")
        return (shape << layout.PAGE_BITS | page) << layout.ROOT_BITS | root

    def _page(self, shape: int) -> int:
        """The number of the page that caches may keep of a request, or -1."""
        cdn, known = self._stage.strategy.cdn, self._stage.shapes.known[shape]
        if cdn is None or not cdn.may_keep(known):
            return -1
        return self.pages.setdefault((known.header("Host") or "", known.target), len(self.pages))

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
            failures = self._failures(decision) if price.proxied else (-1,) * 6
            known = self.decisions.append(self._row(price, failures))
            self._decision_numbers[id(decision)] = known
        return known

    def _failures(self, meant: Decision) -> tuple[int, ...]:
        return tuple(
            self.decision(failure(status, meant, http2=http2))
            for http2 in (False, True)
            for status in (500, 502, 504)
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
            decision.handler is Handler.SILENT,
            decision.rule is not None and decision.rule.phase is Phase.FRONT,
        )

    # Sights, and what cohorts do about them

    def sight(self, sight: Sight) -> int:
        """The number of a sight."""
        known = self._sight_numbers.get(sight)
        if known is None:
            known = self._add_sight(sight)
            self._look_through(sight)
        return known

    def _add_sight(self, sight: Sight) -> int:
        number = self.sights.append(self._sight(sight, self._actions_on(sight)))
        self._sight_numbers[sight] = number
        return number

    def _look_through(self, sight: Sight) -> None:
        """Note what a sight looks like through the CDN."""
        cdn = self._stage.strategy.cdn
        if cdn is not None:
            through = self.sight(cdn.seen(sight))
            self.sights.records[self._sight_numbers[sight]]["through"] = through

    def _sight(self, sight: Sight, actions: int) -> tuple[float, ...]:
        asked = retry_after_s(sight)
        return (
            asked or 0.0,
            actions,
            sight.status,
            -1,
            sight.kind,
            sight.kept,
            asked is not None,
            sight.fine,
            sight.came,
        )

    def _actions_on(self, sight: Sight) -> int:
        first = self.actions.count
        for position in range(len(self._stage.scenario.cohorts)):
            table = self._stage.reaction_table(position)
            rules = self._stage.scenario.cohorts[position].stops
            stops = sum(rule.concerns(sight) << number for number, rule in enumerate(rules))
            for method in _METHODS:
                self.actions.append(self._action(table.action(sight, method), stops))
        return first

    def _action(self, action: Action, stops: int) -> tuple[float, ...]:
        return (
            action.jitter,
            action.shorten,
            -1.0 if action.longest_retry_after_s is None else action.longest_retry_after_s,
            action.slow_down,
            action.speed_up,
            self.delays.extend(action.retry_after_s),
            stops,
            len(action.retry_after_s),
            action.resend_at_once,
            action.resend_reused,
            action.documents_only,
            action.honour_retry_after,
            action.only_with_header,
            action.zero_is_none,
            action.leave,
            action.changes_agent,
            action.changes_address,
        )
