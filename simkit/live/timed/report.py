"""What came of a timed trace."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Miss", "TimedReport"]


@dataclass(frozen=True, slots=True)
class Miss:
    """A request that nginx and the simulation answered differently.

    ``number`` counts requests from 0 in the order in which nginx took them up, ``at_ms`` is nginx's
    clock since the first of them. ``expected_limit`` and ``seen_limit`` are what
    `$limit_req_status` says. ``flips_by_ms``: the simulation answers as nginx did once the time of
    this request moves by that many milliseconds; None where neither one later nor one earlier
    helps.
    """

    number: int
    at_ms: int
    expected_status: int
    seen_status: int
    flips_by_ms: int | None
    expected_limit: str = ""
    seen_limit: str = ""
    request: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class TimedReport:
    """A trace of requests to a live nginx, beside the simulation at the same times.

    ``sent`` went out; ``requests`` of them are in nginx's logs and were compared, and ``agreed`` of
    those were answered alike, by the status and by what both limits say. ``outcomes`` counts what
    `$limit_req_status` said (empty: no limit was asked). ``counted`` is how often nginx's error log
    gave the excess of a request that it delayed or rejected, and ``counted_alike`` how often the
    simulation had the same, to the thousandth of a request. ``doubtful`` is at how many requests
    nginx's clock may have been at one of two milliseconds: none on one connection.
    """

    policy: str
    seed: int
    kept: bool
    sent: int
    requests: int
    agreed: int
    misses: tuple[Miss, ...]
    outcomes: tuple[tuple[str, int], ...] = ()
    counted: int = 0
    counted_alike: int = 0
    connections: int = 1
    doubtful: int = 0
    duration_s: float = 0.0

    @property
    def agreement(self) -> float:
        """The share of requests that were answered alike; 0 where nothing could be compared."""
        return self.agreed / self.requests if self.requests else 0.0

    @property
    def disagreements(self) -> tuple[Miss, ...]:
        """The misses that the clock does not excuse: on one connection it is known exactly."""
        return self.misses if self.connections == 1 else self.unexplained

    @property
    def unexplained(self) -> tuple[Miss, ...]:
        """The misses that a millisecond does not explain."""
        return tuple(miss for miss in self.misses if miss.flips_by_ms is None)
