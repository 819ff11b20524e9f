"""A crowd let loose on a live nginx: the same clients as in simulation, on real sockets.

    behaviours ─► Client · Pool ─► LiveServer ─► Line ─► nginx ─► Application
                       │              │  ▲         │
                  ClockAgenda ◄───────┘  └─ Http1 · Http2 ◄─ what comes back

What clients do is `simkit.engine.behaviours`, word for word, with the same draws. In the place of
the simulated server stands `LiveServer`, in that of simulated time `ClockAgenda`, whose time is the
clock's. Clients connect from addresses of their own in 127.0.0.0/8. The run gives the same tables
as a simulated one, so whatever is measured of one can be measured of the other.
"""

from __future__ import annotations

from simkit.live.crowd.running import Lived, live

__all__ = ["Lived", "live"]
