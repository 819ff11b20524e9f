from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from simkit.policy import load_policy
from simkit.show.replay import print_replay, replay_tables
from simkit.study.replay import replay
from simkit.study.replay_report import ReplayReport
from tests.accesslog.shared import shared_log
from tests.study.logs import line, policy_file, trace

RECOMMENDED = Path(__file__).parents[2] / "data" / "policies" / "recommended.conf"
HOSTILE = "[red]x[/red] [/] \x1b[31m\x07"


def shown(report: ReplayReport, *, full: bool = False, width: int = 160) -> str:
    out = io.StringIO()
    print_replay(report, Console(file=out, width=width, highlight=False), full=full)
    return out.getvalue()


@pytest.fixture(scope="module")
def blog() -> str:
    return shown(replay(shared_log("semicomplete-2015-05.log.gz"), load_policy(RECOMMENDED)))


def test_everything_that_matters_is_said(blog: str) -> None:
    for text in (
        "10,000 lines read: 9,999 requests, 1 malformed.",
        "line 8899: the line ends in $http_user_agent",
        "The log's clock cannot serve for limits",
        "Rules would have refused 190 requests of 48 clients.",
        "recommended.conf:20",
        "return 444",
        "no agent 190",
        "152",
        "Not judged:",
        "Nobody answers back",
        "shop.example, the site's name, was taken",
    ):
        assert text in blog


def test_limits_have_their_range(tmp_path: Path) -> None:
    policy = policy_file(
        tmp_path,
        "limit_req zone=z burst=2 nodelay;",
        "limit_req_zone $binary_remote_addr zone=z:1m rate=2r/s;",
    )
    report = replay(shared_log("nasa-1995-08-01.log.gz"), load_policy(policy))
    numbers = report.limits[0].numbers
    assert numbers is not None
    text = shown(report)
    assert str(numbers.requests) in text
    assert f"bursts {numbers.manners['bursts']}" in text
    assert "[lowest–highest] over 20 placements" in text
    assert "The range is no bound." in text
    assert "and 84 lines more. By reason:" in text


def test_hostile_text_is_escaped_and_no_markup(tmp_path: Path) -> None:
    hostile = [
        line(http_user_agent=HOSTILE, request=f"GET /{HOSTILE.replace(' ', '')} HTTP/1.1"),
        line(http_user_agent=HOSTILE, remote_addr="[bold]pc.example.org"),
        HOSTILE,
    ]
    policy = policy_file(tmp_path, 'if ($http_user_agent ~ "[[]red]") { return 444; }')
    report = replay(trace(tmp_path, hostile), load_policy(policy))
    assert report.refused.requests == 2
    for full in (False, True):
        text = shown(report, full=full, width=400)
        assert "\x1b" not in text
        assert "\x07" not in text
        assert "[red]x[/red]" in text
        assert "if ($http_user_agent ~ [[]red])" in text


def test_addresses_and_queries_are_private_unless_asked_for(tmp_path: Path) -> None:
    texts = [
        line(remote_addr="198.51.100.77", request="GET /a?token=secret HTTP/1.1"),
        "198.51.100.77",
    ]
    report = replay(trace(tmp_path, texts), load_policy(policy_file(tmp_path, "return 403;")))
    text = shown(report)
    assert "198.51.100.0/24" in text
    assert "/a?…" in text
    assert ".77" not in text
    assert "secret" not in text
    full = shown(report, full=True)
    assert full.count("198.51.100.77") == 2
    assert "token=secret" in full


def test_nothing_refused_needs_no_table_of_rules(tmp_path: Path) -> None:
    report = replay(trace(tmp_path, [line()]), load_policy(policy_file(tmp_path, "")))
    assert len(replay_tables(report)) == 1
    assert "Rules would have refused 0 requests of 0 clients." in shown(report)


def test_a_narrow_terminal_loses_no_number(tmp_path: Path) -> None:
    report = replay(shared_log("w3af-scan-2016-12-22.log.gz"), load_policy(RECOMMENDED))
    text = shown(report, width=80)
    assert "3,864" in text
    assert "2,892" in text
