"""Texts made for a regular expression are matched by it."""

from __future__ import annotations

import pytest

from simkit.live.verify.drawing import Draws
from simkit.live.verify.examples import Pick, example
from simkit.policy.patterns import Pattern
from simkit.policy.source import Source

NOWHERE = Source("", 0, "")
UNDERSTOOD = (
    "^/a", r"\.(txt|css)$", "/(b)(/.*)?$", "^/(?<group>[a-z]+)/", "^/$", "", "^/(.*)$", "a|b|",
    r"^www\d+\.example$", "fuzz faster", r"^\d{2,4}$", "x{3}", "[^/]+/[^.]", r"[\w.-]+@x",
    "(?:css|js|png)$", r"^(?!/static)/x", r"\bbot\b", "(?i)Crawl", "[[:digit:]]+", "[]x]",
    r"a\x41+?", "^(a(b(c|d)e)*f)$", r"^~(.+?)/?$", "(?P<n>.)",
)  # fmt: skip
NOT_UNDERSTOOD = ("(", "(?", "[a", "a)", "(*VERB)x", "\\", "[[:nothing:]]", r"\xZZ")


def pick(seed: int, text: str) -> Pick:
    draws, turns = Draws(seed, text, 0), iter(range(1000))
    return lambda n: draws.number("choice", n, next(turns))


@pytest.mark.parametrize("text", UNDERSTOOD)
def test_what_is_made_matches(text: str) -> None:
    pattern = Pattern(text, caseless=False, source=NOWHERE)
    made = [example(text, pick(seed, text)) for seed in range(20)]
    assert None not in made
    assert all(pattern.matches(one or "") for one in made), made


@pytest.mark.parametrize("text", NOT_UNDERSTOOD)
def test_what_is_not_understood_gives_nothing(text: str) -> None:
    assert example(text, pick(1, text)) is None


def test_the_choices_are_those_of_the_draws() -> None:
    made = {example("(a|b|c)[0-9]?x*", pick(seed, "x")) for seed in range(60)}
    assert len(made) > 10
    assert {(one or "")[0] for one in made} == {"a", "b", "c"}
    assert example("[a-z]{1,9}", pick(3, "x")) == example("[a-z]{1,9}", pick(3, "x"))
