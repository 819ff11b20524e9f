"""Targets and hosts; `test_reading_live` holds them against nginx itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit.policy.uri import (
    ascii_lower,
    escaped_arguments,
    escaped_path,
    extension,
    normal_path,
    parse_target,
    unescaped_redirect,
    valid_host,
)


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ("/", "/"),
        ("/a/b", "/a/b"),
        ("//a///b//", "/a/b/"),
        ("/a/./b/.", "/a/b/"),
        ("/a/../b", "/b"),
        ("/a/b/..", "/a/"),
        ("/..", None),
        ("/a/../..", None),
        ("/%61%2Fb", "/a/b"),
        ("/%2e%2e", None),
        ("/a%2e", "/a."),
        ("/%25%32%65", "/%2e"),
        ("/%3f%23", "/?#"),
        ("/%", None),
        ("/%4", None),
        ("/%g0", None),
        ("/%00", None),
        ("/.a/...", "/.a/..."),
    ],
)
def test_normal_paths(raw: str, path: str | None) -> None:
    assert normal_path(raw) == path


def test_slashes_stay_unless_merged() -> None:
    assert normal_path("//a//b/", merge_slashes=False) == "//a//b/"
    assert normal_path("/a//../b", merge_slashes=False) == "/a/b"
    assert normal_path("//..", merge_slashes=False) == "/"
    assert normal_path("//..") is None


@given(st.lists(st.sampled_from(["a", "b.c", ".", "..", "", "%2e", "%2F"]), max_size=8))
def test_a_path_is_resolved_as_a_walk_through_folders(parts: list[str]) -> None:
    """The oracle: go down into each part, up for two dots; leaving the root is an error."""
    raw = "/" + "/".join(parts)
    here: list[str] = []
    ends_in_folder = False
    for part in raw.replace("%2e", ".").replace("%2F", "/").split("/"):
        ends_in_folder = part in ("", ".", "..")
        if part == "..":
            if not here:
                assert normal_path(raw) is None
                return
            here.pop()
        elif not ends_in_folder:
            here.append(part)
    wanted = "/" + "/".join(here) + ("/" if ends_in_folder and here else "")
    assert normal_path(raw) == wanted


@pytest.mark.parametrize(
    ("text", "path", "query", "host", "sent"),
    [
        ("/a?b=1", "/a", "b=1", None, "/a?b=1"),
        ("/a?", "/a", "", None, "/a?"),
        ("/a?b?c#d", "/a", "b?c", None, "/a?b?c#d"),
        ("/a#b?c", "/a", None, None, "/a#b?c"),
        ("http://h", "/", None, "h", "/"),
        ("http://h?q", "/", "q", "h", "?q"),
        ("HTTPS://h.x:81/a", "/a", None, "h.x", "/a"),
        ("x+y.z-1://[::1]:5/", "/", None, "[::1]", "/"),
    ],
)
def test_targets(text: str, path: str, query: str | None, host: str | None, sent: str) -> None:
    found = parse_target(text)
    assert found is not None
    assert (found.path, found.query or None, found.host, found.sent) == (
        path, query or None, host, sent,
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["", "*", "a", "http:/a", "http//a", "1h://x/", "http://a_b/", "/a\x7f", "/a b", "h://a:b/"],
)
def test_targets_that_are_none(text: str) -> None:
    assert parse_target(text) is None


def test_a_percent_or_plus_in_the_path_is_noted() -> None:
    sent = ("/a", "/a%20", "/a+", "/a?%20+", "/a#%")
    found = [target.quoted for target in map(parse_target, sent) if target is not None]
    assert found == [False, True, True, False, False]


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("a.example", "a.example"),
        ("A.Example.", "a.example"),
        ("a:80", "a"),
        ("a.:80", "a"),
        ("a:", "a"),
        (":80", None),
        ("", None),
        (".", None),
        (".:.", "."),
        ("a..b", None),
        ("a:1..2", None),
        ("a/b", None),
        ("a b", None),
        ("a\x7f", None),
        ("[::1]:80", "[::1]"),
        ("[::1", "[::1"),
        ("a_b", "a_b"),
        ("É", "É"),
    ],
)
def test_hosts(text: str, host: str | None) -> None:
    assert valid_host(text) == host


def test_lower_case_is_that_of_bytes() -> None:
    assert ascii_lower("ÀK\u212a") == "Àk\u212a"


@pytest.mark.parametrize(
    ("path", "ending"),
    [
        ("/a.HTML", "html"),
        ("/a.b/c", ""),
        ("/.html", ""),
        ("/a.", ""),
        ("/a.tar.gz", "gz"),
        ("/", ""),
    ],
)
def test_extensions(path: str, ending: str) -> None:
    assert extension(path) == ending


def test_what_is_escaped() -> None:
    assert escaped_arguments("a b&c=d;+?#%é") == "a%20b%26c=d%3B%2B%3F%23%25%C3%A9"
    assert escaped_path("/a b&c=d;+?#%é") == "/a%20b&c=d;+%3F%23%25%C3%A9"


def test_redirects_of_rewrite_lose_escapes_of_plain_characters() -> None:
    assert unescaped_redirect("/%41%2F%20%25%C3?%41") == "/A/%20%25%C3?%41"
    assert unescaped_redirect("/a%3fb%41") == "/a?b%41"
