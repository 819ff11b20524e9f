"""The machine and the network of a scenario, as data. What they do is in `simkit.host`."""

from __future__ import annotations

from math import exp
from typing import Annotated, Literal

from pydantic import Field

from simkit.policy.syntax import MOST_WORKERS
from simkit.traffic.part import Bandwidth, NotNegative, Part, Positive, Share

__all__ = ["Certificate", "HostSpec", "NetworkSpec", "UpstreamSpec", "ns_per_byte"]

Certificate = Literal["ecdsa", "rsa", "rsa3072"]
"""The key of a certificate: ECDSA with P-256, or RSA with 2048 or 3072 bits."""


def ns_per_byte(mbit_per_s: float | None) -> float:
    """Nanoseconds that a byte takes; 0 where no bandwidth is given."""
    return 0.0 if mbit_per_s is None else 8_000.0 / mbit_per_s


class NetworkSpec(Part):
    """The network between clients and server: ``rtt_ms`` is there and back.

    ``uplink_mbit_per_s`` is the bandwidth that the server has for all its answers together; without
    it, and without a downlink of the client's own, bytes take no time.
    """

    rtt_ms: NotNegative = 40.0
    uplink_mbit_per_s: Bandwidth | None = None


class UpstreamSpec(Part):
    """The application behind nginx: ``servers`` that serve one request each, and one queue.

    ``service`` is the distribution of the time that one request takes, of mean ``mean_ms``;
    ``sigma`` belongs to the lognormal. After ``timeout_s`` (nginx: proxy_read_timeout, 60 s
    unless set) nginx answers 504 itself. A request that finds ``queue`` others waiting is turned
    away, and so is a share of ``fails``: nginx then answers 502. What has been taken in is done,
    even if its client has left.
    """

    servers: Annotated[int, Field(ge=1, le=65_535)] = 4
    service: Literal["constant", "exponential", "lognormal"] = "exponential"
    mean_ms: Annotated[float, Field(ge=0, le=100_000)] = 20.0
    sigma: Annotated[float, Field(gt=0, le=10)] = 0.5
    timeout_s: Positive = 60.0
    queue: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = None
    fails: Share = 0.0

    @property
    def median_share(self) -> float:
        """The median of the lognormal distribution as a share of its mean."""
        return exp(-self.sigma * self.sigma / 2)


class HostSpec(Part):
    """The machine: ``cpus`` is the number of workers that ``worker_processes auto`` starts.

    ``backlog`` is nginx's own 511 unless the scenario says otherwise, ``costs`` the name or path
    of a cost table, ``certificate`` the kind that a full TLS handshake pays for.
    """

    cpus: Annotated[int, Field(ge=1, le=MOST_WORKERS)] = 2
    backlog: Annotated[int, Field(ge=0, le=1_000_000_000)] = 511
    costs: str = "nginx-1.22-loopback"
    certificate: Certificate = "ecdsa"
    upstream: UpstreamSpec = UpstreamSpec()
