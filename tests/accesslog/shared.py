"""The real logs that lie beside the project."""

from __future__ import annotations

from pathlib import Path

LOGS = Path(__file__).parents[2].parent / "shared" / "logs"


def shared_log(name: str) -> Path:
    """A real log. Fails, and says what is missing, where it is not there."""
    path = LOGS / name
    assert path.is_file(), f"this test reads {path}, which is missing"
    return path
