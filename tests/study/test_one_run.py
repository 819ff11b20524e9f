"""A single run: observed without being disturbed, and summed up from what any run has."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from simkit.engine.choice import Engine
from simkit.errors import InputError
from simkit.measures.timeline import CONNECTIONS, SLOTS
from simkit.study.one_run import run_once
from simkit.study.run_summary import answer_name, as_json, came, gotten, latency_ms, refusals
from simkit.wire import SightKind
from tests.study.one_run_crowd import made, one_run


def test_readings_add_up_to_what_the_server_counted() -> None:
    found = one_run()
    told, load = found.timeline, found.run.load
    assert told is not None
    used_s = told.cpu_percent.sum() / 100 * told.bin_s * told.workers
    assert used_s == pytest.approx(load["cpu_s"])
    held_s = np.trapezoid(told.held[CONNECTIONS], told.held_s)
    assert held_s == pytest.approx(load["connection_s"], rel=0.05)
    assert (
        load["peak_connections"] * 0.8 <= told.held[CONNECTIONS].max() <= load["peak_connections"]
    )
    assert (told.held[SLOTS] >= told.held[CONNECTIONS]).all()


ENGINES: tuple[Engine, ...] = ("simpy", "compiled")


def test_both_engines_draw_the_same_timeline(tmp_path: Path) -> None:
    scenario, policy = made(tmp_path)
    found = [run_once(scenario, policy, engine=engine).timeline for engine in ENGINES]
    one, other = (asdict(told) for told in found if told is not None)
    np.testing.assert_equal(one, other)


def test_every_request_is_counted_once() -> None:
    run = one_run().run
    requests = len(run.requests["sent_ns"])
    rows = came(run)
    assert sum(row.requests for row in rows) == requests
    assert sum(sum(counts.values()) for counts in gotten(run).values()) == requests
    turned = refusals(one_run())
    assert sum(r.requests for r in turned) == sum(row.refused for row in rows)
    assert sum(r.honest for r in turned) == sum(row.refused for row in rows if row.honest)
    assert all(sum(r.answers.values()) == r.requests for r in turned)
    assert [r.requests for r in turned] == sorted((r.requests for r in turned), reverse=True)
    for number, row in enumerate(rows):
        mine = run.requests["cohort"] == number
        assert row.refused == run.requests["refused"][mine].sum()
        wishes = run.wishes["cohort"] == number
        assert row.served == run.wishes["served"][wishes].sum()
        assert row.unserved + row.under_way == (~run.wishes["served"][wishes]).sum()


def test_who_was_refused_by_which_line() -> None:
    turned = {refusal.text: refusal for refusal in refusals(one_run())}
    limit = turned["limit_req zone=all burst=3 delay=1"]
    assert set(limit.cohorts) == {"flood"}
    assert (limit.file, set(limit.answers), limit.honest) == ("trial.conf", {"429"}, 0)
    assert turned['"" 1'].honest == turned['"" 1'].cohorts["readers"] > 0
    silent = next(r for text, r in turned.items() if text == "return 444")
    assert (set(silent.cohorts), set(silent.answers)) == ({"nameless"}, {"empty, 444 logged"})


@pytest.mark.parametrize(
    ("status", "sight", "name"),
    [
        (200, SightKind.HTTP, "200"),
        (444, SightKind.EMPTY, "empty, 444 logged"),
        (0, SightKind.REFUSED, "refused, not logged"),
        (499, SightKind.NO_ANSWER, "no answer, 499 logged"),
    ],
)
def test_answers_have_names(status: int, sight: SightKind, name: str) -> None:
    assert answer_name(status, int(sight)) == name


def test_totals_have_everything_but_time() -> None:
    all_rows, totals = one_run(), one_run("totals")
    assert totals.timeline is None
    assert came(totals.run) == came(all_rows.run)
    assert gotten(totals.run) == gotten(all_rows.run)
    assert [r.to_json() for r in refusals(totals)] == [r.to_json() for r in refusals(all_rows)]
    means = [latency_ms(found.run)["honest_latency_mean_ms"] for found in (all_rows, totals)]
    assert means[0] == means[1]
    document = as_json(totals)
    json.dumps(document, allow_nan=False)
    assert "no timeline" in str(document["notes"])
    assert document["latency_ms"]["honest_wish_p95_ms"] is None  # type: ignore[index]


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    run_once(*made(tmp_path), progress=lambda done, total: told.append((done, total)))
    total = told[0][1]
    assert told == [(done, total) for done in range(1, total + 1)]


def test_an_engine_that_is_none_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no engine 'fast'"):
        run_once(*made(tmp_path), engine="fast")  # type: ignore[arg-type]
