"""A trial from beginning to end, as short as can be, and one that was cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from simkit.errors import InputError
from simkit.live.sim_to_real import CROWD, Level, Wanted, trial
from simkit.policy import load_policy
from simkit.shipped import shipped_files
from simkit.traffic import load_scenario

ALONE = ("hasty partner", "price bot", "flood", "leech")


def wanted(program: str | None = None) -> Wanted:
    crowd = load_scenario(CROWD)
    cohorts = tuple(cohort for cohort in crowd.cohorts if cohort.name in ALONE)
    return Wanted(
        scenario=crowd.model_copy(update={"length_s": 1.0, "cohorts": cohorts}),
        policies={"mine": load_policy(shipped_files("policies")["polite"])},
        levels=[Level(0.1, {"flood": 1, "leech": 2})],
        repeats=2,
        seed=1,
        date="2026-01-31",
        processor="a processor",
        program=program,
        costs="nginx-1.22-loopback",
    )


def test_a_trial_runs_in_both_worlds_and_goes_on_where_it_was_cut(tmp_path: Path) -> None:
    steps: list[tuple[int, int, str]] = []

    def cut(done: int, total: int, words: str) -> None:
        steps.append((done, total, words))
        if words == "repeat 2: mine at 10%":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trial(wanted(), tmp_path, cut)
    assert [words for _, _, words in steps][-2:] == [
        "repeat 1: mine at 10%",
        "repeat 2: mine at 10%",
    ]
    before = (tmp_path / "measured.jsonl").read_text()

    found = trial(wanted(), tmp_path, lambda done, total, words: steps.append((done, total, words)))
    assert (tmp_path / "measured.jsonl").read_text().startswith(before)
    assert [done for done, _, _ in steps[-6:]] == list(range(6))
    assert {total for _, total, _ in steps} == {6}
    assert found.repeats == 2
    assert found.policies == ["mine"]
    assert {one.name for one in found.cohorts()} == set(ALONE)
    for one in found.cohorts():
        assert one.live.requests > 0
        assert one.simulated.requests > 0
    (cpu,) = found.cpu()
    assert len(cpu.live_s) == len(cpu.simulated_s) == 2
    assert min(cpu.live_s) > 0


def test_a_program_that_is_no_nginx_is_an_error_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="this is no nginx"):
        trial(wanted(program="true"), tmp_path, lambda _done, _total, _words: None)
    assert list(tmp_path.iterdir()) == []
