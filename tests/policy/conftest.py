"""What the tests of this folder share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.policy.making import Load, load_http


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Writes the text of an http block as a configuration and reads it."""
    return lambda text: load_http(tmp_path, text)
