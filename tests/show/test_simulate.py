"""A single run in a terminal."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from simkit.show.simulate import print_run
from simkit.study.one_run import OneRun, run_once
from simkit.study.run_summary import as_json, came
from simkit.traffic.arrivals import Arrivals
from tests.study.one_run_crowd import MARKUP, made, one_run


def shown(found: OneRun, width: int = 160) -> str:
    out = io.StringIO()
    print_run(found, Console(file=out, width=width, highlight=False))
    return out.getvalue()


def test_who_came_who_was_refused_what_it_cost() -> None:
    text = shown(one_run())
    run = one_run().run
    for part in (
        "smallest under trial: 60 s, seed 1 (simpy engine",
        "Who came, and whose wishes were served",
        "requests by answer",
        "trial.conf:23  limit_req zone=all burst=3 delay=1",
        "429",
        "444 logged",
        f"at most {run.load['peak_slots']:.0f} of 64 in use",
        "% of the time of 1 worker: waking up",
        "Honest latency of requests let through and answered: mean",
        "95 % within",
        "headers that did not end in time",
        "One run: no intervals.",
    ):
        assert part in text
    assert all(cohort.name in text for cohort in run.cohorts)


def test_text_of_a_configuration_is_no_markup() -> None:
    assert MARKUP in shown(one_run())


def test_a_warning_is_shown_and_harmless() -> None:
    found = one_run()
    told = replace(found, run=replace(found.run, warnings=("trial.conf:1: [red]\x1b[31m odd",)))
    assert r"warning: trial.conf:1: [red]\x1b[31m odd" in shown(told)


@pytest.mark.parametrize("width", [80, 140])
def test_no_number_is_lost_in_an_ordinary_terminal(width: int) -> None:
    text = shown(one_run(), width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    assert "continued" not in text
    lines = text.splitlines()
    for row in came(one_run().run):
        words = next(line for line in lines if line.startswith(row.cohort))
        assert f"{row.clients:>7} {row.requests:>8,} {row.refused:>7,} " in words


@pytest.mark.parametrize("width", [40, 60])
def test_what_is_too_wide_goes_on_below(width: int) -> None:
    text = shown(one_run(), width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    assert "requests by answer, continued" in " ".join(text.split())


def test_totals_say_what_is_missing() -> None:
    text = shown(one_run("totals"))
    assert "there is no timeline" in text
    assert "mean" in text
    assert "95 % within" not in text


def test_a_run_in_which_nothing_happens(tmp_path: Path) -> None:
    scenario, policy = made(tmp_path)
    late = Arrivals(kind="at once", from_s=scenario.length_s + 1)
    cohorts = tuple(c.model_copy(update={"arrivals": late}) for c in scenario.cohorts)
    found = run_once(scenario.model_copy(update={"cohorts": cohorts}), policy)
    text = shown(found)
    assert "no honest request was let through and answered" in text
    assert "Nothing was sent: there is no timeline." in text
    assert "by answer" not in text
    json.dumps(as_json(found), allow_nan=False)
