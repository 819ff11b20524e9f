"""The firewall of a run: its verdicts by the number of an address, and the counters of its rate."""

from __future__ import annotations

from collections.abc import Callable

from simkit.policy.plan import Decision
from simkit.strategy.firewall import Firewall
from simkit.wire import Address

__all__ = ["Doorkeeper"]


class Doorkeeper:
    """Asks a firewall, if there is one. ``address_of`` gives the address of a number."""

    __slots__ = ("_address_of", "_due_ns", "_firewall", "_known", "_rate")

    def __init__(
        self, firewall: Firewall | None = None, address_of: Callable[[int], Address] | None = None
    ) -> None:
        self._firewall = firewall
        self._rate = None if firewall is None else firewall.rate
        self._address_of = address_of
        self._known: dict[int, Decision | None] = {}
        self._due_ns: dict[int, int] = {}

    def verdict(self, peer: int) -> Decision | None:
        """What becomes of every connection from an address; None: it may come."""
        if self._firewall is None:
            return None
        if peer not in self._known:
            assert self._address_of is not None
            self._known[peer] = self._firewall.verdict(self._address_of(peer))
        return self._known[peer]

    def over_rate(self, peer: int, now_ns: int) -> Decision | None:
        """What becomes of a SYN that is over the rate of its address; None: it is not."""
        if self._rate is None:
            return None
        passes, due_ns = self._rate.passes(self._due_ns.get(peer, 0), now_ns)
        self._due_ns[peer] = due_ns
        return None if passes else self._rate.over
