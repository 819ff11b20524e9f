"""What each decision costs and shows, worked out once per run and decision."""

from __future__ import annotations

from dataclasses import replace

from simkit.host.costs import Cause, Costs, answer_kind
from simkit.policy.plan import Decision, Handler
from simkit.wire import Sight

__all__ = ["Price", "Prices"]


class Price:
    """The price of a decision, in nanoseconds of the worker.

    ``fresh_ns`` is for a request that came with its connection, ``kept_ns`` for any other. Behind
    a proxy both are for the way there, and ``back_ns`` for the way back. ``closing`` is what the
    client sees where the connection ends with the answer. ``tls_ns`` is what the answer costs more
    over TLS.
    """

    __slots__ = (
        "back_ns",
        "cause",
        "closing",
        "decision",
        "fresh_ns",
        "kept_ns",
        "proxied",
        "tls_ns",
    )

    def __init__(self, decision: Decision, costs: Costs) -> None:
        kind = answer_kind(decision)
        fresh, kept = costs.new[kind], costs.kept[kind]
        body = int(costs.body * decision.sight.body_bytes)
        self.decision = decision
        self.cause: Cause = costs.causes[kind]
        self.closing = _closing(decision.sight)
        self.tls_ns = costs.tls_answer + int(costs.tls_body * decision.sight.body_bytes)
        self.proxied = decision.handler is Handler.PROXY
        if self.proxied:
            self.back_ns = kept // 2 + body
            self.fresh_ns, self.kept_ns = max(0, fresh - kept // 2), kept - kept // 2
        else:
            self.back_ns = 0
            self.fresh_ns, self.kept_ns = fresh + body, kept + body


def _closing(sight: Sight) -> Sight:
    """The same sight with the connection closed after it."""
    headers = tuple((n, "close" if n == "connection" else v) for n, v in sight.headers)
    return replace(sight, kept=False, headers=headers)


class Prices:
    """The prices of the decisions of a run."""

    __slots__ = ("_costs", "_found")

    def __init__(self, costs: Costs) -> None:
        self._costs = costs
        self._found: dict[int, Price] = {}

    def of(self, decision: Decision) -> Price:
        """The price of a decision, which it keeps alive: so identity will do as a key."""
        price = self._found.get(id(decision))
        if price is None:
            price = self._found[id(decision)] = Price(decision, self._costs)
        return price
