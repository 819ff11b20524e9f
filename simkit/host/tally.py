"""What a run cost the server: counters, and the vector that a Run carries."""

from __future__ import annotations

from simkit.host.costs import Cause
from simkit.traffic.part import NS_PER_S

__all__ = ["Tally"]


class Tally:
    """Counters of one run. Work is counted when it begins, connections by the nanosecond."""

    __slots__ = (
        "accepts",
        "bad_gateways",
        "blocked_connections",
        "body_timeouts",
        "bytes_out",
        "client_timeouts",
        "connection_ns",
        "connections",
        "cpu_ns",
        "gateway_timeouts",
        "handshakes",
        "header_timeouts",
        "peak_connections",
        "peak_slots",
        "refused_connections",
        "resumptions",
        "reused_slots",
        "slots",
        "syn_retransmits",
    )

    def __init__(self) -> None:
        self.cpu_ns = [0] * len(Cause)
        self.accepts = 0
        self.handshakes = 0
        self.resumptions = 0
        self.blocked_connections = 0
        self.bytes_out = 0
        self.slots = 0
        self.peak_slots = 0
        self.connections = 0
        self.peak_connections = 0
        self.connection_ns = 0
        self.refused_connections = 0
        self.syn_retransmits = 0
        self.header_timeouts = 0
        self.reused_slots = 0
        self.client_timeouts = 0
        self.gateway_timeouts = 0
        self.body_timeouts = 0
        self.bad_gateways = 0

    def take_slot(self) -> None:
        """A connection slot of some worker was taken."""
        self.slots += 1
        self.peak_slots = max(self.peak_slots, self.slots)

    def opened(self, now_ns: int) -> None:
        """A connection was accepted and got a slot."""
        self.connections += 1
        self.peak_connections = max(self.peak_connections, self.connections)
        self.connection_ns -= now_ns

    def closed(self, now_ns: int) -> None:
        """A connection was closed."""
        self.connections -= 1
        self.connection_ns += now_ns

    def vector(self, window_ns: int, workers: int) -> dict[str, float]:
        """The counters by name, with their units, at the end of the window."""
        cpu_s = sum(self.cpu_ns) / NS_PER_S
        by_cause = {f"cpu_{c.name.lower()}_s": self.cpu_ns[c] / NS_PER_S for c in Cause}
        return {
            "cpu_s": cpu_s,
            **by_cause,
            "utilisation": cpu_s * NS_PER_S / (window_ns * workers),
            "accepts": self.accepts,
            "handshakes": self.handshakes,
            "resumptions": self.resumptions,
            "blocked_connections": self.blocked_connections,
            "connection_s": (self.connection_ns + self.connections * window_ns) / NS_PER_S,
            "peak_connections": self.peak_connections,
            "peak_slots": self.peak_slots,
            "bytes_out": self.bytes_out,
            "header_timeouts": self.header_timeouts,
            "refused_connections": self.refused_connections,
            "syn_retransmits": self.syn_retransmits,
            "reused_slots": self.reused_slots,
            "client_timeouts": self.client_timeouts,
            "gateway_timeouts": self.gateway_timeouts,
            "bad_gateways": self.bad_gateways,
            "body_timeouts": self.body_timeouts,
        }
