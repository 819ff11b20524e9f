"""`limit_req` alone: the arrivals, and what is let through."""

from __future__ import annotations

import pytest

from simkit import draws
from simkit.bench import limit


def test_keys_drawn_all_at_once_are_those_drawn_one_by_one() -> None:
    found = limit.keys(8_000, 500).tolist()
    assert found == [
        draws.integer(8_000, draws.uniform(limit.KEY_STREAM, 0, number)) for number in range(500)
    ]


def test_a_key_that_was_let_through_is_refused_for_a_tenth_of_a_second() -> None:
    """Beside a second implementation: when each key was let through last, and nothing else."""
    key_count, decisions = 50, 5_000
    asked = limit.arrivals(key_count, decisions)
    last = {key: key * limit.WARMING_MS // key_count for key in range(key_count)}
    wanted = 0
    for key, now_ms in zip(asked.key.tolist(), asked.at_ms.tolist(), strict=True):
        if now_ms - last[key] >= 100:
            last[key] = now_ms
            wanted += 1
    for compiled in (False, True):
        assert limit.Limiter(key_count, compiled=compiled).passed(asked) == wanted


@pytest.mark.parametrize("key_count", [50, 5_000])
def test_a_third_is_let_through(key_count: int) -> None:
    """A renewal process, from the start, for the keys stand where they stand in the long run."""
    decisions = 60_000
    share = limit.Limiter(key_count).passed(limit.arrivals(key_count, decisions)) / decisions
    assert share == pytest.approx(limit.passed_share(), rel=0.02)
