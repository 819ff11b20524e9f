"""Directives that make nginx say by its own clock when it took a request up.

The clock is read while the rules of the server run, in the same turn of nginx's loop as its limits
look at it. A redirect inside nginx runs those rules again, later where the request was delayed; a
`map` is worked out once for each request, so it keeps the first reading.
"""

from __future__ import annotations

from simkit.live.written import directive

__all__ = [
    "CLOCK_MAPS",
    "CLOCK_RULES",
    "ENDED",
    "ORDER_DROPS",
    "ORDER_RULES",
    "ORDER_SETTINGS",
    "TAKEN_UP",
]

CLOCK_MAPS = (
    directive("map", "$msec", "$simkit_first_msec", block=(directive("default", "$msec"),)),
    directive(
        "map",
        "$connection_time",
        "$simkit_first_connection_time",
        block=(directive("default", "$connection_time"),),
    ),
)
"""For the http block: the clocks as they were when a request first asked."""

CLOCK_RULES = (
    directive("set", "$simkit_msec", "$simkit_first_msec"),
    directive("set", "$simkit_connection_time", "$simkit_first_connection_time"),
)
"""For each server block, before any other rule."""

TAKEN_UP = "(?!)taken up"
"""A regular expression that nothing matches, by which lines of the error log are known."""

ENDED = "ended:"
"""What such lines begin with that say that a request has ended."""

_TURN = "$connection $connection_requests $msec $connection_time"

ORDER_DROPS = frozenset(("rewrite_log", "keepalive_requests", "keepalive_time"))
"""What gives way to `ORDER_SETTINGS`, wherever it stands."""

ORDER_SETTINGS = (
    directive("map", _TURN, "$simkit_turn", block=(directive("default", _TURN),)),
    directive("rewrite_log", "on"),
    directive("log_format", "simkit_ended", f"{ENDED} $connection $connection_requests $msec"),
    directive("access_log", "error.log", "simkit_ended"),
    directive("keepalive_requests", "1000000"),
    directive("keepalive_time", "1d"),
)
"""For the http block: connections that last, and notes of each rule that runs and of each end.

Both notes go to the error log, which therefore has beginnings and ends in their order.
"""

ORDER_RULES = (directive("if", "$simkit_turn", "~", TAKEN_UP, block=()),)
"""For each server block: the rule that is noted, with connection, number and clocks."""
