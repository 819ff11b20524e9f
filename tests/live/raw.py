"""What the tests of this folder share: requests in bytes, and one nginx for each module."""

from __future__ import annotations

from pathlib import Path

from simkit.live import encode
from simkit.wire import Shape, Version

CONFIGS = Path(__file__).parent / "configs"
HTTP_1_0 = Version.HTTP_1_0


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
