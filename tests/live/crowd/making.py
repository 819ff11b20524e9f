"""Requests as the parts of a live crowd see them, without a crowd."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from simkit.engine.attempt import Attempt
from simkit.host import Exchange
from simkit.live.crowd.server import Going
from simkit.policy.plan import Decision
from simkit.policy.planner import Bound

__all__ = ["Asked"]


class Asked(Exchange):
    """A request with a plan."""

    def __init__(self, bound: Bound) -> None:
        super().__init__()
        self.bound = bound

    @staticmethod
    def going(client: int, wish: int, decided: Decision | None, *, port: int, number: int) -> Going:
        """A request of a client that went out, and what it came to look like."""
        attempt = SimpleNamespace(
            connection=SimpleNamespace(line=SimpleNamespace(client=client)),
            wish_number=wish,
            item=0,
            attempt=0,
            decision=decided,
        )
        return Going(cast(Attempt, attempt), "127.0.0.1", port, number)
