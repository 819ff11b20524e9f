"""Lines of keys: against tomllib for which keys there are, against marked text for where."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from simkit.traffic.lines import KeyPath, key_lines, line_of


def paths(value: Any, here: KeyPath = ()) -> Iterator[KeyPath]:
    """Every path in what tomllib makes of a document."""
    if here:
        yield here
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, (*here, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from paths(inner, (*here, number))


def check(text: str) -> dict[KeyPath, int]:
    lines = key_lines(text)
    assert set(lines) == set(paths(tomllib.loads(text)))
    return lines


DOCUMENT = """\
# a comment with [brackets] and key = 1
title = "a # b [c]"

[site]
host = 'x'
files."/a.css" = 1
files."/b.css" = 2

[[site.page]]
path = "/"
resources = [
    "/a.css", # ]
    "/b.css",
]

[[site.page]]
path = \"\"\"
x = 1
[no]\"\"\"

[[cohort]]
name = "first"

[cohort.arrivals]
kind = "poisson"

[[cohort]]
name = "second"
reactions = { "429" = { leave = true }, empty.leave = true }

[a.b.c]
d = 1
[a]
e = 2
"""


def test_every_kind_of_key_stands_on_its_line() -> None:
    lines = check(DOCUMENT)
    expected: dict[KeyPath, int] = {
        ("title",): 2,
        ("site",): 4,
        ("site", "files"): 6,
        ("site", "files", "/b.css"): 7,
        ("site", "page", 0): 9,
        ("site", "page", 0, "resources"): 11,
        ("site", "page", 0, "resources", 1): 13,
        ("site", "page", 1): 16,
        ("site", "page", 1, "path"): 17,
        ("cohort", 0): 21,
        ("cohort", 0, "arrivals"): 24,
        ("cohort", 0, "arrivals", "kind"): 25,
        ("cohort", 1, "name"): 28,
        ("cohort", 1, "reactions", "429", "leave"): 29,
        ("cohort", 1, "reactions", "empty", "leave"): 29,
        ("a", "b"): 31,
        ("a",): 33,
    }
    assert {path: lines[path] for path in expected} == expected


def test_what_is_missing_stands_where_it_would_be() -> None:
    lines = check(DOCUMENT)
    assert line_of(lines, ("cohort", 1, "count")) == 27
    assert line_of(lines, ("cohort", 0, "arrivals", "every_s")) == 24
    assert line_of(lines, ("nowhere", 3)) == 1


KEYS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=5)
SCALARS = (
    st.integers(-9, 10**9)
    | st.booleans()
    | st.text(st.sampled_from("ab\"'\\#[]{}=,.\n "), max_size=8)
    | st.floats(allow_nan=False)
    | st.datetimes()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_whatever_a_writer_makes_has_all_its_keys(data: dict[str, Any]) -> None:
    check(tomlkit.dumps(data))


LEAVES = st.integers(0, 10)
TABLES = st.recursive(
    st.dictionaries(KEYS, LEAVES, min_size=1, max_size=3),
    lambda inner: st.dictionaries(
        KEYS, inner | st.lists(inner, min_size=1, max_size=2) | LEAVES, min_size=1, max_size=3
    ),
    max_leaves=8,
)


def marked(value: Any, counter: list[int]) -> Any:
    """The same tables with numbers that are all different in place of the leaves."""
    if isinstance(value, dict):
        return {key: marked(inner, counter) for key, inner in value.items()}
    if isinstance(value, list):
        return [marked(inner, counter) for inner in value]
    counter[0] += 1
    return 900_000_000 + counter[0]


@given(TABLES)
def test_every_leaf_stands_on_the_line_that_shows_it(tables: dict[str, Any]) -> None:
    text = tomlkit.dumps(marked(tables, [0]))
    lines = check(text)
    shown = text.split("\n")
    for path in lines:
        value: Any = tomllib.loads(text)
        for part in path:
            value = value[part]
        if isinstance(value, int):
            assert str(value) in shown[lines[path] - 1]
