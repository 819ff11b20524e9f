"""What the tests of this folder share: requests in bytes, and a second account of limit_req."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from simkit.live import Record, encode
from simkit.wire import Shape, Version

CONFIGS = Path(__file__).parent / "configs"
HTTP_1_0 = Version.HTTP_1_0
SERVED, REFUSED = "PASSED", "REJECTED"


def get(
    target: str = "/",
    *,
    host: str | None = "site.example",
    agent: str | None = "Mozilla/5.0",
    method: str = "GET",
    version: Version = Version.HTTP_1_1,
    headers: tuple[tuple[str, str], ...] = (),
    body_bytes: int = 0,
) -> bytes:
    """A request with the headers that are not None."""
    named = (("Host", host), ("User-Agent", agent))
    sent = tuple((name, value) for name, value in named if value is not None)
    return encode(Shape(method, target, version, sent + headers, body_bytes=body_bytes))


def clock_ms(records: Sequence[Record]) -> list[int]:
    """nginx's own clock at each request of one connection, in milliseconds since its start."""
    return [round(1000 * record.connection_s) for record in records]


def expected(times_ms: Sequence[int], rate_milli: int, burst: int) -> list[str]:
    """Which requests pass: thousandths of a request leak at ``rate_milli`` per second."""
    excess, last = 0, times_ms[0]
    said = [SERVED]
    for now in times_ms[1:]:
        would_be = max(0, excess - rate_milli * (now - last) // 1000 + 1000)
        if would_be > burst * 1000:
            said.append(REFUSED)
            continue
        excess, last = would_be, now
        said.append(SERVED)
    return said
