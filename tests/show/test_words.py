"""Sentences say what the numbers say, and no more."""

from __future__ import annotations

from dataclasses import replace

from simkit.show.columns import number
from simkit.show.words import sentences
from tests.show.example import example


def one(words: str, *, replications: int = 8) -> str:
    (found,) = (s for s in sentences(example(replications)) if words in s)
    return found


def test_a_difference_comes_with_its_interval() -> None:
    """It is that of the two extremes, so all pairs have to hold together."""
    found = example()
    measure = ("attempts_per_wish", "(browsers HTTP/1.1)")
    difference = found.difference("silent", "open", *measure, of=3)
    text = f"{number(difference.mean)} more [{number(difference.low)}–{number(difference.high)}]"
    assert text in one("Browsers over HTTP/1.1")


def test_equal_numbers_are_said_to_be_equal() -> None:
    """Twice the same policy under two names."""
    found = example()
    names = {"open": "one", "polite": "other"}
    outcomes = tuple(
        replace(o, strategy=names[o.strategy], drops=found.outcomes[0].drops)
        for o in found.outcomes
        if o.strategy in names
    )
    twins = replace(found, strategies=("one", "other"), outcomes=outcomes, leakage={})
    text = "\n".join(sentences(twins))
    assert "1.00 requests per wish under every strategy" in text
    assert "paths" not in text


def test_clients_without_an_agent() -> None:
    line = one("without an agent")
    assert "(feed_reader and monitor)" in line
    assert line.endswith("under all but open.")


def test_who_learns_nothing_about_paths() -> None:
    assert one("learns nothing").endswith("under all but open.")
    assert one("It can tell").endswith("under open (100 % right).")


def test_the_worst_rule_has_file_and_line() -> None:
    assert "made-up.conf:7" in one("costs honest clients most")


def test_an_interruption_is_said() -> None:
    found = replace(example(), wanted=20)
    assert sentences(found)[0].startswith("Interrupted: 8 of 20 replications")


def test_one_replication_claims_no_precision() -> None:
    text = "\n".join(sentences(example(1)))
    assert "One replication has no interval" in text
    assert "[" not in text


def test_failures_without_a_rule_are_kept_apart() -> None:
    found = example()
    broken = tuple(
        replace(o, drops=tuple(replace(c, dropped=0, failed=c.dropped) for c in o.drops))
        for o in found.outcomes
    )
    (line,) = (s for s in sentences(replace(found, outcomes=broken)) if "want of room" in s)
    assert "silent (" in line
    assert "open (" not in line
