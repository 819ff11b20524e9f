"""`simkit.host.cooling` for compiled code: all prices lie one after the other in ``w.cooling``."""

from __future__ import annotations

from typing import Any

from simkit.engine.compiled.compiler import compiled, shared
from simkit.engine.compiled.memory import ints_at
from simkit.host import cooling

__all__ = ["after"]

_price_after = shared(cooling.price_after)


@compiled
def after(w: Any, at: int, pause_ns: int) -> int:
    """What the price at that place of ``w.cooling`` is after a pause."""
    return _price_after(ints_at(w.cooling), at, pause_ns)
