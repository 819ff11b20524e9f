"""Reaction tables: the most specific entry applies, and every preset is a table."""

from __future__ import annotations

import pytest

from simkit.traffic import CLIENTS, Action, ReactionTable
from simkit.traffic.reactions import GIVE_UP, retry_after_s
from simkit.wire import Sight, SightKind

HTTP = SightKind.HTTP
GENERAL, SPECIFIC = Action(resend_at_once=1), Action(resend_at_once=2)


@pytest.mark.parametrize(
    ("entries", "sight", "expected"),
    [
        ({"4xx": GENERAL, "429": SPECIFIC}, Sight(HTTP, 429), SPECIFIC),
        ({"4xx": GENERAL, "429": SPECIFIC}, Sight(HTTP, 403), GENERAL),
        ({"4xx": GENERAL}, Sight(HTTP, 503), GIVE_UP),
        ({"network": GENERAL, "empty": SPECIFIC}, Sight(SightKind.EMPTY), SPECIFIC),
        ({"network": GENERAL, "empty": SPECIFIC}, Sight(SightKind.RESET), GENERAL),
        ({"network": GENERAL}, Sight(SightKind.STREAM_RESET), GENERAL),
        ({"network": GENERAL}, Sight(HTTP, 429), GIVE_UP),
        ({"4xx": GENERAL}, Sight(HTTP, 200), GIVE_UP),
        ({}, Sight(SightKind.NO_ANSWER), GIVE_UP),
    ],
)
def test_the_most_specific_entry_applies(
    entries: dict[str, Action], sight: Sight, expected: Action
) -> None:
    table = ReactionTable(entries)
    assert table.action(sight) is expected
    assert table.action(sight) is expected  # and again, from what it remembers


@pytest.mark.parametrize(
    ("methods", "sent_again"),
    [("any", "GET PUT POST"), ("idempotent", "GET PUT"), ("safe", "GET")],
)
@pytest.mark.parametrize("what", ["resend", "resend_reused", "retry"])
def test_each_kind_of_further_try_is_for_its_own_methods(
    what: str, methods: str, sent_again: str
) -> None:
    every = Action(resend_at_once=1, resend_reused=2, retry_after_s=(3.0,), slow_down=2.0)
    table = ReactionTable({"empty": every.model_copy(update={f"{what}_for": methods})})
    for method in ("GET", "PUT", "POST"):
        found = table.action(Sight(SightKind.EMPTY), method)
        tries = {
            "resend": found.resend_at_once == 1,
            "resend_reused": found.resend_reused == 2,
            "retry": found.retry_after_s == (3.0,),
        }
        assert tries.pop(what) is (method in sent_again.split())
        assert all(tries.values())
        assert found.slow_down == 2.0


TOLD = Sight(SightKind.HTTP, 429, (("retry-after", "7"),))
TOLD_ZERO = Sight(SightKind.HTTP, 429, (("retry-after", "0"),))
UNTOLD = Sight(SightKind.HTTP, 429)


@pytest.mark.parametrize(
    ("given", "sight", "wait_s"),
    [
        ({}, UNTOLD, 1.0),
        ({}, TOLD, 1.0),
        ({"honour_retry_after": True}, TOLD, 7.0),
        ({"honour_retry_after": True}, UNTOLD, 1.0),
        ({"honour_retry_after": True}, TOLD_ZERO, 0.0),
        ({"honour_retry_after": True, "zero_is_none": True}, TOLD_ZERO, 1.0),
        ({"only_with_header": True}, UNTOLD, None),
        ({"only_with_header": True}, TOLD, 1.0),
        ({"only_with_header": True, "zero_is_none": True}, TOLD_ZERO, None),
        ({"honour_retry_after": True, "longest_retry_after_s": 7.0}, TOLD, 7.0),
        ({"honour_retry_after": True, "longest_retry_after_s": 6.0}, TOLD, None),
        ({"longest_retry_after_s": 6.0}, UNTOLD, 1.0),
    ],
)
def test_the_wait_before_the_next_try(
    given: dict[str, object], sight: Sight, wait_s: float | None
) -> None:
    action = Action.model_validate({"retry_after_s": (1.0, 2.0), **given})
    assert action.wait_s(sight, 0) == wait_s
    assert action.wait_s(sight, 2) is None


def test_waits_are_spread_unless_the_server_says_how_long() -> None:
    jitter, full = Action(retry_after_s=(4.0,), jitter=0.5), Action(shorten=1.0)
    assert (jitter.drawn_s(4.0, 0.0), jitter.drawn_s(4.0, 1.0)) == (4.0, 6.0)
    assert (full.drawn_s(4.0, 0.0), full.drawn_s(4.0, 1.0), full.drawn_s(4.0, 0.25)) == (4, 0, 3)
    honest = jitter.model_copy(update={"honour_retry_after": True})
    assert jitter.draws(TOLD)
    assert honest.draws(UNTOLD)
    assert not honest.draws(TOLD)
    assert not Action(retry_after_s=(4.0,)).draws(UNTOLD)


def test_a_pace_is_never_faster_than_at_first_and_never_beyond_all_bounds() -> None:
    slower, faster = Action(slow_down=4.0), Action(speed_up=3.0)
    assert slower.paced(1.0) == 4.0
    assert faster.paced(4.0) == pytest.approx(4 / 3)
    assert faster.paced(2.0) == 1.0
    assert Action(slow_down=1e9).paced(1e9) == 1e9


@pytest.mark.parametrize(
    ("value", "expected"),
    [("2", 2.0), ("0", 0.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", None), (None, None)],
)
def test_retry_after_is_read_in_seconds(value: str | None, expected: float | None) -> None:
    headers = () if value is None else (("retry-after", value),)
    assert retry_after_s(Sight(HTTP, 429, headers)) == expected


def test_every_preset_names_only_what_can_be_seen() -> None:
    kinds = {k.name.lower() for k in SightKind} | {"network"}
    for name, entries in CLIENTS.items():
        for sighting in entries:
            assert sighting in kinds or sighting[0] in "45", (name, sighting)
