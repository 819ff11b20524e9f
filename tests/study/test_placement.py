from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit.draws import Purpose, stream, uniform
from simkit.study.placement import BURST_MS, Manner, exact, placed, uniforms
from tests.study.logs import EXACT, line, trace


@given(
    st.integers(0, 2**64 - 1),
    st.lists(st.integers(0, 2**62), min_size=1, max_size=20),
    st.integers(0, 5),
)
def test_many_draws_are_the_draws_one_by_one(key: int, first: list[int], second: int) -> None:
    many = uniforms(key, Purpose.PLACEMENT, np.array(first, dtype=np.int64), second)
    assert many.tolist() == [uniform(key, Purpose.PLACEMENT, i, second) for i in first]


def busy(folder: Path, count: int = 600) -> list[str]:
    """Three clients, five requests a second."""
    return [line(i // 5, remote_addr=f"192.0.2.{1 + i % 3}") for i in range(count)]


@pytest.mark.parametrize("manner", list(Manner))
def test_every_request_stays_in_its_second(tmp_path: Path, manner: Manner) -> None:
    log = trace(tmp_path, busy(tmp_path))
    for member in range(5):
        at = placed(log, manner, 1, member)
        assert np.array_equal(at // 1000, log.time_ms // 1000 if log.time_ms is not None else [])


def test_spread_is_uniform_and_addressed_by_line(tmp_path: Path) -> None:
    log = trace(tmp_path, busy(tmp_path, 3000))
    offset = placed(log, Manner.SPREAD, 7, 2) % 1000
    assert abs(offset.mean() - 499.5) < 4 * 1000 / np.sqrt(12 * 3000)
    key = stream(7, "replay", 2)
    wanted = [int(1000 * uniform(key, Purpose.PLACEMENT, n)) for n in log.line.tolist()]
    assert offset.tolist() == wanted


def test_bursts_hold_a_client_together_and_keep_its_order(tmp_path: Path) -> None:
    log = trace(tmp_path, busy(tmp_path))
    at = placed(log, Manner.BURSTS, 1, 0).tolist()
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row, when in enumerate(at):
        groups[int(log.client.codes[row]), when // 1000].append(when)
    assert all(times == sorted(times) for times in groups.values())
    assert all(times[-1] - times[0] < BURST_MS for times in groups.values())
    starts = [times[0] % 1000 for times in groups.values()]
    assert min(starts) < 100
    assert max(starts) > 800


@pytest.mark.parametrize("manner", list(Manner))
def test_members_differ_and_later_lines_disturb_nobody(tmp_path: Path, manner: Manner) -> None:
    log = trace(tmp_path, busy(tmp_path))
    shorter = trace(tmp_path, busy(tmp_path)[:300])
    first = placed(log, manner, 1, 0)
    assert np.array_equal(first, placed(log, manner, 1, 0))
    assert np.array_equal(first[:300], placed(shorter, manner, 1, 0))
    assert not np.array_equal(first, placed(log, manner, 1, 1))
    assert not np.array_equal(first, placed(log, manner, 2, 0))


def test_a_request_began_its_duration_before_it_was_logged(tmp_path: Path) -> None:
    lines = [
        line(0.5, EXACT, request_time="0.200"),
        line(0.7, EXACT),
        line(0.9, EXACT, request_time="0.600"),
    ]
    log = trace(tmp_path, lines, EXACT)
    began = exact(log)
    assert (began - began[1]).tolist() == [-400, 0, -400]
    assert began.min() >= 0
