"""Which location a path falls into, beside the rules as the manual states them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from simkit.policy.locations import Found, find_location
from tests.policy.making import load_http


@dataclass(frozen=True)
class Written:
    """A location: modifier and path, and the ones inside."""

    modifier: str
    path: str
    inside: tuple[Written, ...] = ()

    def __str__(self) -> str:
        inner = " ".join(map(str, self.inside))
        return f'location {self.modifier} "{self.path}" {{ {inner} }}'


def chosen(level: tuple[Written, ...], path: str) -> Written | None:
    """Exactly equal; else the longest prefix, then the first regular expression unless ^~."""
    for one in level:
        if one.modifier == "=" and one.path == path:
            return one
    prefixes = [w for w in level if w.modifier in ("", "^~") and path.startswith(w.path)]
    longest = max(prefixes, key=lambda one: len(one.path), default=None)
    best = longest
    if longest is not None:
        inner = chosen(longest.inside, path)
        best = inner or longest
        if inner is not None and inner.modifier in ("=", "~", "~*"):
            return inner
        if inner is not None and within_pattern(longest.inside, inner):
            return inner
        if longest.modifier == "^~":
            return best
    for one in level:
        flags = re.IGNORECASE if one.modifier == "~*" else 0
        if one.modifier in ("~", "~*") and re.search(one.path, path, flags):
            return chosen(one.inside, path) or one
    return best


def within_pattern(level: tuple[Written, ...], wanted: Written) -> bool:
    """Whether a location stands somewhere inside a regular expression of the level."""
    return any(
        (one.modifier in ("~", "~*") and holds(one, wanted)) or within_pattern(one.inside, wanted)
        for one in level
    )


def holds(one: Written, wanted: Written) -> bool:
    return one is wanted or any(holds(inner, wanted) for inner in one.inside)


PATHS = st.text(alphabet="ab/A", max_size=4).map(lambda text: "/" + text)
REGEXES = st.sampled_from(["^/a", "b$", "/A", "a+/", "^/$", "[^/]b"])
LEAVES = st.builds(Written, st.sampled_from(["", "=", "^~"]), PATHS) | st.builds(
    Written, st.sampled_from(["~", "~*"]), REGEXES
)


@st.composite
def nested(draw: st.DrawFn) -> Written:
    outer = draw(LEAVES)
    assume(outer.modifier != "=")
    inner = draw(st.lists(LEAVES, max_size=3))
    is_prefix = outer.modifier in ("", "^~")

    def fits(one: Written) -> bool:
        return one.modifier in ("~", "~*") or (is_prefix and one.path.startswith(outer.path))

    return Written(outer.modifier, outer.path, tuple(filter(fits, inner)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("locations")


def without_repeats(level: list[Written]) -> tuple[Written, ...]:
    """nginx takes no location twice; prefixes with and without ^~ are the same."""
    seen: dict[tuple[bool, str], Written] = {}
    kept: list[Written] = []
    for one in level:
        if one.modifier in ("~", "~*"):
            kept.append(one)
        elif (one.modifier == "=", one.path) not in seen:
            seen[one.modifier == "=", one.path] = one
            kept.append(Written(one.modifier, one.path, without_repeats(list(one.inside))))
    return tuple(kept)


@given(st.lists(LEAVES | nested(), max_size=6).map(without_repeats), st.lists(PATHS, min_size=1))
def test_the_choice_follows_the_rules(
    folder: Path, level: tuple[Written, ...], paths: list[str]
) -> None:
    lines = "\n".join(map(str, level))
    policy = load_http(folder, f"server {{ {lines} }}")
    locations = policy.http.servers[0].locations
    for path in paths:
        found = find_location(locations, path, Found(None)).location
        wanted = chosen(level, path)
        written = None if found is None else (found.modifier, found.path)
        assert written == (None if wanted is None else (wanted.modifier, wanted.path))


def test_the_final_slash_is_added_unless_a_location_has_the_path(tmp_path: Path) -> None:
    text = "location /{} {{ proxy_pass http://a; }}"
    with_prefix = f"server {{ {text.format('x/')} {text.format('x')} {text.format('y/')} }}"
    locations = load_http(tmp_path, with_prefix).http.servers[0].locations
    found = {path: find_location(locations, path, Found(None)) for path in ("/x", "/y", "/y/")}
    assert {path: one.redirect for path, one in found.items()} == {
        "/x": False, "/y": True, "/y/": False,
    }  # fmt: skip
