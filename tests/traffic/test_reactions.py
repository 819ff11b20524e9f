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


def test_what_is_for_idempotent_methods_leaves_others_alone() -> None:
    table = ReactionTable({"empty": Action(resend_at_once=1, idempotent_only=True)})
    assert table.action(Sight(SightKind.EMPTY), "GET").resend_at_once == 1
    assert table.action(Sight(SightKind.EMPTY), "POST") is GIVE_UP


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
