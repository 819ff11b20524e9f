"""A run as a log: the project's own replay refuses of it what the run refused."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from simkit.accesslog import LogFormat
from simkit.accesslog.writing import Entry, Writer, write_log
from simkit.errors import InputError
from simkit.policy import load_policy
from simkit.shipped import find
from simkit.study.one_run import OneRun, run_once
from simkit.study.replay import replay
from simkit.study.replay_report import ReplayReport
from simkit.study.run_log import logged, run_entries
from simkit.traffic import load_scenario
from simkit.wire import Fault, Shape
from tests.study.logs import EXACT
from tests.study.one_run_crowd import POLICY, made, one_run

START = datetime(2026, 1, 1, tzinfo=UTC)
START_MS = int(START.timestamp() * 1000)


def entries(found: OneRun) -> list[Entry]:
    return list(run_entries(found.run, found.scenario, found.strategy, START))


def replayed(found: OneRun, log_format: LogFormat = EXACT) -> ReplayReport:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "access.log"
        write_log(entries(found), path, log_format)
        return replay(path, found.strategy.policy, log_format=log_format)


def visible_in_a_log(shape: Shape) -> bool:
    """Whether a log in combined form, and more, shows all that makes the request what it is."""
    hosts = [name for name, _ in shape.headers if name.lower() == "host"]
    return len(hosts) < 2


def refused_by_rules(found: OneRun) -> Counter[tuple[int, int]]:
    """Requests refused by rules without state that a log can show: by line of rule and status."""
    run = found.run
    columns = run.requests
    shown = np.array([visible_in_a_log(s) for s in run.shapes])[columns["shape"]]
    counts: Counter[tuple[int, int]] = Counter()
    for row in np.flatnonzero(columns["refused"] & shown & (columns["status"] != 0)):
        rule = run.rules[int(columns["rule"][row])]
        if not rule.directive.startswith("limit_"):
            counts[rule.decisive.line, int(columns["status"][row])] += 1
    return counts


def refused_in_replay(report: ReplayReport) -> Counter[tuple[int, int]]:
    counts: Counter[tuple[int, int]] = Counter()
    for found in report.rules:
        counts[found.rule.decisive.line, found.status] += found.tally.share.requests
    return counts


def in_limits(found: OneRun) -> int:
    run = found.run
    limited = [number for number, rule in enumerate(run.rules) if rule.directive == "limit_req"]
    return int(run.requests["refused"][np.isin(run.requests["rule"], limited)].sum())


def without_slow_headers(
    found: OneRun, counts: Counter[tuple[int, int]]
) -> Counter[tuple[int, int]]:
    """A header that never ended is logged like one that did, and replay judges it so."""
    slow = sum(e.status == 408 and e.shape.header("User-Agent") is None for e in entries(found))
    agentless = next(place for place in counts if place[0] == AGENTLESS)
    return counts - Counter({agentless: slow})


AGENTLESS = 20
"""The line of the shipped policies that refuses whoever sends no agent."""


def test_replay_refuses_what_the_run_refused() -> None:
    found = one_run()
    report = replayed(found)
    assert (report.accepted, len(report.rejected)) == (logged(found.run), 0)
    wanted = refused_by_rules(found)
    assert refused_in_replay(report) == wanted
    assert {403, 444, 400} == {status for _, status in wanted}
    (limit,) = (one for one in report.limits if one.directive == "limit_req")
    assert limit.numbers is not None
    # State at the time of the log, which is not quite that of the decision.
    assert limit.numbers.requests.median == pytest.approx(in_limits(found), abs=2)


@pytest.mark.parametrize("name", ["recommended", "silent", "polite"])
def test_replay_agrees_on_the_shipped_scenario(name: str) -> None:
    scenario = load_scenario("small_shop").model_copy(update={"length_s": 158.0})
    found = run_once(scenario, load_policy(find("policies", name)), engine="simpy")
    report = replayed(found)
    wanted = refused_by_rules(found)
    assert wanted
    assert without_slow_headers(found, refused_in_replay(report)) == wanted
    (limit,) = report.limits
    assert limit.numbers is not None
    assert in_limits(found) > 100
    assert limit.numbers.requests.median == pytest.approx(in_limits(found), rel=0.02)


def test_the_log_is_in_order_and_lacks_what_nginx_does_not_log() -> None:
    found = one_run()
    written = entries(found)
    columns = found.run.requests
    assert len(written) == logged(found.run) == (columns["status"] != 0).sum()
    assert len(written) < columns["status"].size
    assert all(entry.status for entry in written)
    times = [entry.ended_ms for entry in written]
    assert times == sorted(times)
    end_ms = START_MS + found.run.window_ns // 1_000_000
    assert START_MS <= times[0] <= times[-1] <= end_ms


def test_bodies_are_those_of_the_site() -> None:
    found = one_run()
    served = [e for e in entries(found) if e.status == 200]
    sizes = {"/": 1000, "/plain": 500}
    assert served
    assert {e.shape.target: e.body_bytes for e in served} == sizes
    assert all(e.body_bytes == sizes[e.shape.target] < e.sent_bytes for e in served)
    silent = [e for e in entries(found) if e.status in (408, 444)]
    assert silent
    assert {e.body_bytes for e in silent} == {0}


def test_what_limits_said_is_logged() -> None:
    found = one_run()
    said = Counter(e.limit_req_status for e in entries(found))
    assert said["REJECTED"] == in_limits(found) > 0
    assert said["DELAYED"] == (found.run.requests["delay_ns"] != 0).sum() > 0
    asked = {e.status for e in entries(found) if e.limit_req_status == "PASSED"}
    assert asked == {200, 403}, "deny stands after limit_req, return before it"
    assert {e.limit_conn_status for e in entries(found) if e.status == 429} == {None}


def test_request_time_is_time_at_the_server() -> None:
    delayed = [e for e in entries(one_run()) if e.limit_req_status == "DELAYED"]
    rows = one_run().run.requests["delay_ns"]
    longest_ms = int(rows.max()) // 1_000_000
    assert max(e.duration_ms for e in delayed) in (longest_ms, longest_ms + 1)
    slow = {e.duration_ms for e in entries(one_run()) if e.status == 408}
    assert slow == {6000}, "client_header_timeout of the policy"


def test_a_log_has_the_address_that_realip_gives(tmp_path: Path) -> None:
    text = POLICY.replace(
        "limit_conn_zone", "set_real_ip_from 198.51.100.0/24;\n    limit_conn_zone"
    )
    scenario, policy = made(tmp_path, text)
    cohorts = tuple(
        c.model_copy(update={"headers": (("X-Real-IP", "192.0.2.77"),)}) for c in scenario.cohorts
    )
    found = run_once(scenario.model_copy(update={"cohorts": cohorts}), policy)
    by_peer = {e.peer: e.address for e in entries(found)}
    assert by_peer["198.51.100.1"] == "192.0.2.77"
    assert by_peer["203.0.113.1"] == "203.0.113.1"


def test_equal_runs_give_equal_bytes(tmp_path: Path) -> None:
    writer = Writer(EXACT)
    scenario, policy = made(tmp_path)
    again = run_once(scenario, policy)
    assert [writer.line(e) for e in entries(again)] == [writer.line(e) for e in entries(one_run())]


def test_totals_have_no_log() -> None:
    with pytest.raises(InputError, match="totals"):
        entries(one_run("totals"))


def test_faults_are_logged_as_they_came() -> None:
    writer = Writer(LogFormat("x", "$request|$http_user_agent"))
    broken = {e.shape.fault: writer.line(e) for e in entries(one_run()) if e.shape.fault}
    assert broken == {
        Fault.BAD_REQUEST_LINE: b"GET / NONSENSE|-\n",
        Fault.BAD_METHOD: b"g{t / HTTP/1.1|-\n",
        Fault.TLS_ON_PLAIN: rb"\x16\x03\x01\x00\xC8\x01\x00\x00\xC4\x03\x03|-" + b"\n",
    }
