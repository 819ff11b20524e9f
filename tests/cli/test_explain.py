"""``simkit explain`` as a new user would try it, on the snippets that many pages recommend."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from simkit.cli import app
from tests.cli.commands import simkit

SNIPPETS = Path(__file__).parent / "snippets"


def explained(snippet: str, *words: str) -> str:
    done = simkit("explain", SNIPPETS / f"{snippet}.conf", *words)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return " ".join(done.stdout.split())


def ending(snippet: str, *words: str) -> Any:
    done = simkit("explain", SNIPPETS / f"{snippet}.conf", *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["endings"][0]


@pytest.mark.parametrize(
    ("snippet", "words", "status", "curl", "line"),
    [
        ("catch_all", ("-H", "Host: 192.0.2.10"), 444, 52, "return 444;"),
        ("catch_all", ("-H", "Host:"), 400, 0, "server {"),
        ("catch_all", ("--request", "GET / HTTP/1.0", "-H", "Host:"), 444, 52, "return 444;"),
        ("catch_all", ("--request", "https://192.0.2.10/"), 444, 52, "return 444;"),
        ("catch_all", ("--request", "http://example.com/"), 200, 0, None),
        ("deny", ("--from", "198.51.100.7"), 403, 0, "deny 198.51.100.0/24;"),
        ("deny", ("--from", "198.51.100.5"), 444, 52, 'if ($remote_addr = "198.51.100.5") {'),
        ("deny", (), 200, 0, None),
        ("agents", ("-A", "zgrab"), 444, 52, "~*zgrab 1;"),
        ("agents", ("-A", ""), 444, 52, '"" 1;'),
        ("agents", ("-A", "python-requests/2.32"), 200, 0, None),
        ("slow", (), 200, 0, None),
        ("slow", ("--over-limit",), 444, 52, "limit_req zone=req_limit burst=20 nodelay;"),
    ],
)
def test_the_snippets_of_many_pages(
    snippet: str, words: tuple[str, ...], status: int, curl: int, line: str | None
) -> None:
    found = ending(snippet, *words)
    assert found["logged"]["status"] == status
    assert found["curl"]["exit"] == curl
    by = found["decided_by"]
    if line is None:
        assert by is None
        return
    written = Path(by["file"]).read_text().splitlines()
    assert written[by["line"] - 1].strip() == line


def test_a_first_try_shows_the_way_the_ending_and_what_else_to_ask() -> None:
    text = explained("agents")
    assert "GET / HTTP/1.1 from 192.0.2.1 to port 80 of" in text
    assert 'agents.conf:14 if ($bad_agent) does not hold: $bad_agent is "0"' in text
    assert "Decided by no rule: the site itself answers" in text
    assert "Worth asking too:" in text
    assert "-A '' a client without an agent" in text


def test_what_else_to_ask_works_as_it_is_printed() -> None:
    asked = 0
    for snippet in ("agents", "deny", "catch_all", "slow"):
        command = ["explain", str(SNIPPETS / f"{snippet}.conf")]
        _, hints = CliRunner().invoke(app, command).stdout.split("Worth asking too:")
        for option in re.findall(r"^ *(-\S.*?) {2,}\S", hints, re.MULTILINE):
            again = CliRunner().invoke(app, [*command, *shlex.split(option)])
            assert again.exit_code == 0, option
            assert "Worth asking" not in again.stdout
            asked += 1
    assert asked > 6


def test_a_limit_shows_both_endings_with_the_line() -> None:
    text = explained("slow", "--request", "/")
    assert "slow.conf:10 limit_req zone=req_limit burst=20 nodelay: 10 requests/s," in text
    over = "Over the limit of slow.conf:10 (limit_req zone=req_limit burst=20 nodelay), after 21"
    assert over in text
    assert "net::ERR_EMPTY_RESPONSE" in text


def test_raw_bytes_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "request"
    file.write_bytes(b"GET / HTTP/1.1\r\nHost: example.com\r\nUser-Agent: \x1b[31mzgrab\r\n\r\n")
    done = simkit("explain", SNIPPETS / "agents.conf", "--request", f"@{file}")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert "444" in done.stdout


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("catch_all_as_written",), 'catch_all_as_written.conf:7: no "ssl_certificate"'),
        (("slow_as_written",), 'slow_as_written.conf:9: "limit_req_zone" directive is not allowed'),
        (("deny", "--from", "nobody"), '"nobody" is no address'),
        (("deny", "-H", "x"), '"x" is no header'),
        (("deny", "--request", "@/no/such/file"), "/no/such/file"),
    ],
)
def test_what_cannot_be_explained_is_one_clear_error(words: tuple[str, ...], error: str) -> None:
    snippet, *more = words
    done = simkit("explain", SNIPPETS / f"{snippet}.conf", *more)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert error in done.stderr
