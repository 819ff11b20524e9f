from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simkit.accesslog import COMMON, Trace, judge_clock, read_log
from simkit.accesslog.clock import MAX_BACK_SHARE, MIN_BACK_STEPS
from simkit.draws import Purpose, uniform
from tests.accesslog.shared import shared_log


def trace_at(folder: Path, seconds: list[int]) -> Trace:
    """A log whose lines have these times, in seconds after an hour."""
    from datetime import UTC, datetime, timedelta

    start = datetime(2015, 5, 17, 10, tzinfo=UTC)
    lines = [
        COMMON.line(
            {
                "remote_addr": "192.0.2.1",
                "time_local": (start + timedelta(seconds=s)).strftime("%d/%b/%Y:%H:%M:%S %z"),
                "request": "GET / HTTP/1.1",
                "status": "200",
                "body_bytes_sent": "0",
            }
        )
        for s in seconds
    ]
    path = folder / "access.log"
    path.write_text("\n".join(lines) + "\n")
    return read_log(path, COMMON)


def draws(count: int, key: int = 1) -> list[float]:
    return [uniform(key, Purpose.CLOCK, i) for i in range(count)]


def test_a_doctored_clock_is_noticed() -> None:
    clock = judge_clock(read_log(shared_log("semicomplete-2015-05.log.gz")))
    assert not clock.usable
    assert clock.steps == 9998
    assert 0.45 < clock.back_share < 0.55
    assert clock.largest_back_ms == 59_000
    assert "runs back in 4,755 of 9,998 steps" in clock.reason


@pytest.mark.parametrize("name", ["nasa-1995-08-01.log.gz", "w3af-scan-2016-12-22.log.gz"])
def test_real_clocks_are_used(name: str) -> None:
    clock = judge_clock(read_log(shared_log(name)))
    assert clock.usable
    assert clock.resolution_ms == 1000


def test_a_few_long_steps_back_are_logs_put_together(tmp_path: Path) -> None:
    clock = judge_clock(trace_at(tmp_path, [*range(100), *range(100), *range(100)]))
    assert clock.usable
    assert (clock.back_steps, clock.largest_back_ms) == (2, 99_000)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.4])
def test_late_lines_alone_do_not_break_a_clock(tmp_path: Path, share: float) -> None:
    """Stamped when they began, written when they ended, and a share of them took up to 10 min."""
    late = [
        int(600 * v) if u < share else 0 for u, v in zip(draws(4000), draws(4000, 2), strict=True)
    ]
    clock = judge_clock(trace_at(tmp_path, [700 + i // 50 - late[i] for i in range(4000)]))
    assert clock.back_share == pytest.approx(share * (1 - share) + share**2 / 2, abs=0.02)
    assert clock.usable


def test_random_order_breaks_a_clock(tmp_path: Path) -> None:
    clock = judge_clock(trace_at(tmp_path, [int(3600 * u) for u in draws(1000)]))
    assert clock.back_share == pytest.approx(0.5, abs=0.05)
    assert not clock.usable


def test_whole_seconds_out_of_turn_are_no_steps_back(tmp_path: Path) -> None:
    clock = judge_clock(trace_at(tmp_path, [i // 2 - i % 2 for i in range(2, 400)]))
    assert (clock.back_steps, clock.usable) == (0, True)


def test_where_the_line_is_drawn(tmp_path: Path) -> None:
    # A step of 5 s back in so many of 36: a third is allowed, one more is not.
    for backs, usable in ((12, True), (13, False)):
        moves = [-5] * backs + [5] * (36 - backs)
        clock = judge_clock(trace_at(tmp_path, [100, *(100 + np.cumsum(moves)).tolist()]))
        assert (clock.steps, clock.back_steps) == (36, backs)
        assert clock.usable is usable
    assert pytest.approx(1 / 3) == MAX_BACK_SHARE


def test_few_steps_prove_nothing(tmp_path: Path) -> None:
    backs = MIN_BACK_STEPS - 1
    clock = judge_clock(trace_at(tmp_path, [100 - 5 * i for i in range(backs + 1)]))
    assert (clock.back_share, clock.usable) == (1.0, True)
    clock = judge_clock(trace_at(tmp_path, [100 - 5 * i for i in range(backs + 2)]))
    assert not clock.usable


def test_one_line_has_no_steps(tmp_path: Path) -> None:
    clock = judge_clock(trace_at(tmp_path, [0]))
    assert (clock.usable, clock.steps, clock.back_share) == (True, 0, 0.0)


def test_no_time_no_clock(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text('192.0.2.1 "GET / HTTP/1.1"\n')
    clock = judge_clock(read_log(path, '$remote_addr "$request"'))
    assert not clock.usable
    assert "has no time" in clock.reason
