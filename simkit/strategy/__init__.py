"""Strategies: a policy and what stands in front of it; other servers, as clients see them."""

from simkit.strategy.cdn import Cdn
from simkit.strategy.firewall import Firewall
from simkit.strategy.strategy import (
    AnyStrategy,
    FrontedPlanner,
    Strategy,
    load_strategy,
    strategy_of,
)

__all__ = [
    "AnyStrategy",
    "Cdn",
    "Firewall",
    "FrontedPlanner",
    "Strategy",
    "load_strategy",
    "strategy_of",
]
