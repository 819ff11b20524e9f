"""From samples to the document: headline, rows, checks, files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simkit.bench.case import COMPILED, OURS, SIMPY, Case
from simkit.bench.command import write
from simkit.bench.report import Benchmark, benchmark
from simkit.bench.rounds import Measured
from simkit.bench.sheets import markdown, sheets, short
from simkit.bench.single_queue import events_of
from tests.bench.made_up import ABSENT, flood, limit, samples, with_compiled, without_compiled

PNG = b"\x89PNG\r\n"


def found(measured: list[Measured]) -> Benchmark:
    return benchmark(measured, quick=False)


class TestHeadline:
    def test_without_a_compiled_engine_it_is_the_other_one_s_and_says_why(self) -> None:
        bench = found(without_compiled())
        assert bench.engine == SIMPY
        assert bench.compiled_over_simpy is None
        assert bench.peak_bytes_1e8_requests is None
        assert bench.requests_per_s == {"1000": 5.0, "100000": 5.0, "1000000": 5.0}
        assert bench.limit_req_decisions_per_s == {"8000": 10.0}
        assert bench.not_measured == {
            "compiled_over_simpy": ABSENT,
            "peak_bytes_1e8_requests": "left out of a quick run",
        }

    def test_with_one_it_is_the_compiled_engine_s_on_its_long_floods(self) -> None:
        bench = found(with_compiled())
        assert bench.engine == COMPILED
        assert bench.compiled_over_simpy == pytest.approx(10.0)
        assert bench.requests_per_s == {"1000": 200.0, "100000": 200.0, "1000000": 200.0}
        assert bench.limit_req_decisions_per_s == {"8000": 40.0}
        assert bench.peak_bytes_1e8_requests == 1_000_000
        assert bench.not_measured == {}

    def test_a_ratio_is_taken_round_by_round(self) -> None:
        """The machine was busy in the second round, for both; medians alone would say 3."""
        pair = [flood(SIMPY, 1_000, 2.0, 20.0, 6.0), flood(COMPILED, 1_000, 1.0, 10.0, 2.0)]
        others = with_compiled()
        cases = [one.case for one in pair]
        measured = [*pair, *(m for m in others if m.case not in cases)]
        assert len(measured) == len(others)
        assert found(measured).compiled_over_simpy == 2.0

    def test_a_failed_case_is_not_measured_and_fails_the_run(self) -> None:
        measured = with_compiled()
        (broken,) = (m for m in measured if m.case.engine == COMPILED and m.case.part == "limit")
        broken.samples.clear()
        broken.failure = "ValueError: no"
        bench = found(measured)
        assert bench.limit_req_decisions_per_s == {"8000": None}
        assert bench.not_measured == {"limit_req_decisions_per_s 8000": "ValueError: no"}
        assert not bench.passed


class TestRows:
    def test_medians_spread_and_ratio(self) -> None:
        (row,) = [r for r in found(without_compiled()).queue if r.engine == OURS[SIMPY]]
        assert (row.samples, row.requests) == (2, 10)
        assert (row.per_s, row.per_s_least, row.per_s_most) == (2.5, 2.5, 2.5)
        assert row.times == pytest.approx((1 / 4 + 2 / 4) / 2)
        assert row.events_per_request == events_of(10) / 10
        assert row.ns_per_event == pytest.approx(4.0e9 / events_of(10))
        assert (row.cpu_s, row.wall_s, row.process_s) == (4.0, 8.0, 12.0)

    def test_what_was_not_measured_is_a_row_with_its_reason(self) -> None:
        (row,) = [r for r in found(without_compiled()).queue if r.engine == "Ciw"]
        assert (row.samples, row.not_measured, row.per_s) == (0, "not installed: ciw", None)

    def test_starting_is_in_wall_clock_seconds_and_has_no_throughput(self) -> None:
        (row,) = found(without_compiled()).start
        assert (row.first_s, row.later_s, row.process_s) == (1.0, 0.25, 1.5)
        assert row.per_s is None
        assert row.times is None


class TestChecks:
    def test_all_pass_where_engines_agree(self) -> None:
        for measured in (without_compiled(), with_compiled()):
            bench = found(measured)
            assert len(bench.checks) > 3
            assert bench.passed, bench.checks

    @pytest.mark.parametrize(
        ("odd", "said"),
        [
            (samples(Case("queue", "salabim", 10), 1.0, check="6", events=0), "sum of all waits"),
            (
                samples(Case("queue", "SimPy, callbacks", 10), 1.0, check="5", events=21),
                "20 events in SimPy, callbacks",
            ),
            (flood(SIMPY, 1_000, 1.0, check="other"), "the same tables"),
            (limit(SIMPY, 8_000, 1.0, check="8"), "as many passed"),
        ],
    )
    def test_what_differs_fails(self, odd: Measured, said: str) -> None:
        bench = found([*without_compiled(), odd])
        (failed,) = [check for check in bench.checks if not check.passed]
        assert said in failed.what

    def test_another_number_of_events_in_another_round_fails(self) -> None:
        odd = flood(SIMPY, 10_000, 1.0)
        odd.samples += flood(SIMPY, 10_000, 1.0).samples
        assert found([*without_compiled(), odd]).passed
        odd.samples += samples(odd.case, 1.0, events=41).samples
        assert not found([*without_compiled(), odd]).passed


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (0, "0"),
        (0.512, "0.51"),
        (5.19, "5.19"),
        (52.44, "52.4"),
        (999.4, "999"),
        (999.6, "1.00k"),
        (1_234, "1.23k"),
        (98_765, "98.8k"),
        (567_890_123, "568M"),
        (99_960_000, "100M"),
        (2.5e9, "2.50G"),
    ],
)
def test_numbers_have_three_digits_and_a_letter(value: float | None, shown: str) -> None:
    assert short(value) == shown


def test_each_part_has_a_sheet_with_ratios_before_throughput() -> None:
    for measured in (without_compiled(), with_compiled()):
        bench = found(measured)
        for sheet, rows in zip(
            sheets(bench), (bench.queue, bench.flood, bench.limit, bench.start), strict=True
        ):
            assert len(sheet.cells) == len([row for row in rows if row.samples])
            assert all(len(line) == len(sheet.heads) for line in sheet.cells)
            if "ratio" in sheet.heads:
                assert sheet.heads.index("ratio") < sheet.heads.index("least–most")


def test_each_reason_is_said_once() -> None:
    queue, floods, *_ = sheets(found(without_compiled()))
    assert "Not measured: Ciw (not installed: ciw)." in queue.note
    assert f"compiled engine with 1,000 and 100,000 and 1,000,000 ({ABSENT})" in floods.note
    assert floods.note.count(ABSENT) == 1


@pytest.mark.parametrize("measured", [without_compiled(), with_compiled()])
def test_the_files_are_written(measured: list[Measured], tmp_path: Path) -> None:
    bench = found(measured)
    document, text, picture = write(bench, tmp_path / "new")
    assert json.loads(document.read_text()) == json.loads(json.dumps(bench.to_json()))
    assert picture.read_bytes().startswith(PNG)
    written = text.read_text()
    assert written == markdown(bench, picture.name)
    assert f"]({picture.name})" in written
    tables = [line for line in written.splitlines() if line.startswith("|")]
    assert len(tables) == sum(2 + len(sheet.cells) for sheet in sheets(bench))
