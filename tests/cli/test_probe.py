"""``simkit probe`` as a new user would try it: the snippets of many pages, and a live nginx."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simkit.live import LiveNginx
from tests.cli.commands import simkit

SNIPPETS = Path(__file__).parent / "snippets"

SURPRISES = {
    "catch_all": {
        "parse-errors-get-a-page": ("return 444;",),
        "certificate-is-shown": ("ssl_certificate tls/example.com.crt;",),
    },
    "deny": {"deny-is-not-silent": ("deny 198.51.100.0/24;",)},
    "agents": {"no-agent-is-refused": ('"" 1;',)},
    "slow": {
        "silence-is-retried": ("limit_req_status 444;",),
        "limit-by-the-proxys-address": (
            "limit_req zone=req_limit burst=20 nodelay;",
            "limit_req_zone $binary_remote_addr zone=req_limit:10m rate=10r/s;",
        ),
    },
}


def document(snippet: str, *words: str) -> Any:
    done = simkit("probe", SNIPPETS / f"{snippet}.conf", "--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("snippet", SURPRISES)
def test_what_surprises_people_is_called_out_with_its_lines(snippet: str) -> None:
    found = {}
    for finding in document(snippet)["findings"]:
        lines = []
        for place in finding["where"]:
            written = Path(place["file"]).read_text().splitlines()
            lines.append(written[place["line"] - 1].strip())
        found[finding["name"]] = tuple(lines)
    assert found == SURPRISES[snippet]


def test_the_matrix_says_what_the_page_does_not() -> None:
    rows = {row["probe"]: row for row in document("catch_all")["rows"]}
    assert rows["bare address"]["logged"]["status"] == 444
    assert rows["bare address"]["browser"] == "net::ERR_EMPTY_RESPONSE"
    assert rows["HTTP/1.0 without Host"]["curl"]["exit"] == 52
    assert rows["HTTP/1.1 without Host"]["logged"]["status"] == 400
    assert rows["TLS without a name"]["remark"] == "certificate tls/example.com.crt"
    assert rows["over the limit"]["asked"] is False
    slow = {row["probe"]: row for row in document("slow")["rows"]}
    assert slow["half a header"]["logged"]["status"] == 408
    assert slow["half a header"]["wire"]["kind"] == "empty"
    assert slow["over the limit"]["requests"] == 22


def test_a_shipped_policy_by_its_name_as_a_table() -> None:
    done = simkit("probe", "recommended")
    assert done.returncode == 0, done.stderr
    assert "6 things that surprise people" in done.stdout
    assert "recommended.conf:69" in done.stdout


def test_the_catalogue() -> None:
    done = simkit("probe", "--catalogue")
    assert done.returncode == 0, done.stderr
    assert "TLS without a name" in done.stdout
    listed = json.loads(simkit("probe", "--catalogue", "--json").stdout)
    assert len(listed) > 30
    assert set(listed[0]) == {"probe", "tells", "how"}


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ((), "no policy is named"),
        (("nonsense",), "there are: "),
        ((str(SNIPPETS / "slow_as_written.conf"),), "slow_as_written.conf:9: "),
        (("open", "--live", "192.0.2.1"), "--mine"),
        (("open", "--live", "127.0.0.1", "--ports", "80"), "--ports"),
    ],
)
def test_what_cannot_be_probed_is_one_clear_error(words: tuple[str, ...], error: str) -> None:
    done = simkit("probe", *words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert error in done.stderr


def test_a_live_server_that_agrees_ends_with_0_and_one_that_does_not_with_1() -> None:
    with LiveNginx(SNIPPETS / "agents.conf") as nginx:
        ports = f"80={nginx.endpoint(80).port}"
        same = simkit("probe", SNIPPETS / "agents.conf", "--live", "127.0.0.1", "--ports", ports)
        other = simkit("probe", SNIPPETS / "deny.conf", "--live", "127.0.0.1", "--ports", ports)
    assert (same.returncode, same.stderr) == (0, "")
    assert "all agree" in same.stdout
    assert other.returncode == 1
    assert "empty seen" in other.stdout


def test_live_as_plain_data() -> None:
    with LiveNginx(SNIPPETS / "agents.conf") as nginx:
        ports = f"80={nginx.endpoint(80).port}"
        found = document("agents", "--live", "localhost", "--ports", ports)["live"]
    sent = [one for one in found if one["sent"]]
    assert len(sent) > 20
    assert all(one["differences"] == [] for one in sent)
