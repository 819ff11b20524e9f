"""The matrix and the findings in a terminal: every row, 120 columns, nothing hostile."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from simkit.live.probe import Compared
from simkit.policy import Policy, load_policy
from simkit.shipped import shipped_files
from simkit.show.probe import print_catalogue, print_compared, print_report
from simkit.study.probe import probe
from simkit.study.probes import CATALOGUE
from simkit.wire import Sight, SightKind
from tests.policy.making import load_http


def printed(policy: Policy, width: int = 120) -> str:
    out = io.StringIO()
    print_report(probe(policy), Console(file=out, width=width, highlight=False))
    return out.getvalue()


def squeezed(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("name", shipped_files("policies"))
def test_it_is_readable_at_120_columns(name: str) -> None:
    text = printed(load_policy(shipped_files("policies")[name]))
    assert max(map(len, text.splitlines())) <= 120
    heads = text.splitlines()[1].split()
    assert heads[0] == "Probe"
    assert heads[-2:] == ["Decided", "by"]
    for one in CATALOGUE:
        assert one.name.split(",")[0].split()[0] in text


def test_each_row_says_who_sees_what_and_why() -> None:
    text = printed(load_policy(shipped_files("policies")["silent"]), width=200)
    rows = {line[:24].strip(): squeezed(line) for line in text.splitlines()}
    assert rows["bare address"] == (
        "bare address 444 FIN, 0 bytes 52 empty reply ERR_EMPTY_RESPONSE silent.conf:62 return 444"
    )
    assert rows["HTTP/1.1 without Host"].endswith(
        "400, 157 bytes 0 – nginx itself, in silent.conf:51"
    )
    assert "certificate tls/shop.example.crt" in rows["TLS without a name"]
    assert "request 22 at once" in rows["over the limit"]


def test_nothing_is_cut_off_at_120_columns() -> None:
    lines = printed(load_policy(shipped_files("policies")["hardened"])).splitlines()
    last = squeezed(" ".join(line[98:] for line in lines))
    assert "hardened.conf:49 error_page … =444 /drop" in last
    assert "hardened.conf:40 203.0.113.0/24 1" in last


def test_findings_name_their_lines_and_what_to_do() -> None:
    text = squeezed(printed(load_policy(shipped_files("policies")["silent"]), width=200))
    assert "6 things that surprise people" in text
    assert "parse-errors-get-a-page: silent.conf:62 return 444" in text
    assert text.count("What to do:") == 6


def test_nothing_surprising_is_said_too() -> None:
    text = printed(load_policy(shipped_files("policies")["open"]))
    assert "Nothing here surprises people." in text


def test_hostile_text_is_escaped(tmp_path: Path) -> None:
    read = load_http(
        tmp_path,
        'server { listen 80; server_name a.example; if ($http_user_agent = "\x1b[31m[bold]") '
        "{ return 444; } location / { deny 198.51.100.0/24; } }",
    )
    text = printed(read)
    assert "\x1b" not in text


def test_the_catalogue_can_be_read() -> None:
    out = io.StringIO()
    print_catalogue(Console(file=out, width=200, highlight=False))
    for one in CATALOGUE:
        assert one.name in out.getvalue()


def test_the_live_table_counts_what_was_sent_and_what_differs() -> None:
    rows = probe(load_policy(shipped_files("policies")["silent"])).rows
    decision = rows[0].decision
    same = Compared(rows[0], decision, Sight(SightKind.HTTP, 200))
    other = Compared(rows[2], rows[2].decision, Sight(SightKind.HTTP, 200), ("it differs",))
    unsent = Compared(rows[3], remark="not sent: why not")
    out = io.StringIO()
    print_compared([same, other, unsent], Console(file=out, width=120, highlight=False))
    text = squeezed(out.getvalue())
    assert "a good browser 200 200 agrees" in text
    assert "bare address empty 200 it differs" in text
    assert "not sent: why not" in text
    assert "2 of 3 probes sent: 1 differs." in text
    out = io.StringIO()
    print_compared([same], Console(file=out, width=120, highlight=False))
    assert "1 of 1 probes sent: all agree." in out.getvalue()
