"""The way of a request in a terminal: complete, narrow enough, and safe to look at."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from simkit.policy import Policy, load_policy
from simkit.shipped import shipped_files
from simkit.show.explain import print_explanation
from simkit.study.explain import explain
from simkit.wire import Shape, address
from tests.policy.making import load_http

CLIENT = address("192.0.2.1")
HOSTILE = "\x1b[31m[bold]zgrab[/bold]\r\n\u202e"


def printed(policy: Policy, shape: Shape, *, width: int = 120, over_limit: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False)
    print_explanation(explain(policy, shape, CLIENT, over_limit=over_limit), console)
    return out.getvalue()


def shipped(name: str) -> Policy:
    return load_policy(shipped_files("policies")[name])


def shop(target: str = "/", agent: str = "Mozilla/5.0") -> Shape:
    return Shape(target=target, headers=(("Host", "shop.example"), ("User-Agent", agent)))


def test_everything_about_a_request_is_there() -> None:
    text = printed(shipped("polite"), shop("/admin/"))
    for words in (
        "GET /admin/ HTTP/1.1  from 192.0.2.1 to port 80 of",
        "location /admin/: the longest prefix",
        "deny all",
        "Decided by",
        "Logged",
        "403, 153 bytes of body",
        "HTTP/1.1 403 Forbidden",
        "curl",
        "the 403 page (Forbidden)",
        "Chromium",
        "Over the limit of polite.conf:88",
        "Retry-After: 2",
    ):
        assert words in text, words


def test_over_the_limit_comes_first_if_asked_for() -> None:
    text = printed(shipped("polite"), shop(), over_limit=True)
    assert text.index("rejects with 429") < text.index("Within the limits")


def test_a_browser_that_loads_again_is_told() -> None:
    assert "15 requests in 96 s" in printed(shipped("silent"), shop("/admin/"))
    assert "again" not in printed(shipped("polite"), shop("/admin/"))


def test_what_no_browser_sends_is_told() -> None:
    assert "makes no such request" in printed(shipped("silent"), shop(agent="zgrab"))


def test_it_fits_into_its_width() -> None:
    for width in (80, 120):
        text = printed(shipped("hardened"), Shape(target="/" + "x" * 500), width=width)
        assert max(map(len, text.splitlines())) <= width


def test_hostile_text_is_escaped() -> None:
    text = printed(shipped("silent"), shop(f"/{HOSTILE}", agent=HOSTILE))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert r"\x1b" in text
    assert "[bold]" in text


def test_what_is_not_simulated_stands_there(tmp_path: Path) -> None:
    read = load_http(tmp_path, "server { listen 80; auth_jwt x; }", allow_unsupported=True)
    assert "warning: " in printed(read, shop())
