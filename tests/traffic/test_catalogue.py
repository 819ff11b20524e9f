"""The catalogue: every client says what it is and how that is known."""

from __future__ import annotations

import re

import pytest

from simkit.traffic import CATALOGUE, CLIENTS, Client
from simkit.traffic.catalogue import MARKS
from simkit.traffic.reactions import ReactionTable
from simkit.wire import Sight, SightKind

VERSION = re.compile(r"\d+\.\d+|Chromium \d+|Firefox \d+")


@pytest.mark.parametrize("client", CATALOGUE.values(), ids=lambda client: client.name)
def test_each_says_what_it_is_and_how_that_is_known(client: Client) -> None:
    assert CATALOGUE[client.name] is client
    assert CLIENTS[client.name] is client.reactions
    assert client.about
    pieces = re.split(r"(?<=\.) (?=\[)", client.evidence)
    assert all(re.match(r"\[[MSDR]\] .+\.$", piece) for piece in pieces)
    measured = [piece for piece in pieces if piece.startswith("[M]")]
    assert all(VERSION.search(piece) for piece in measured)


def test_marks_come_the_best_first() -> None:
    assert "".join(MARKS) == "MSDR"
    assert CATALOGUE["googlebot"].marks == "DR"
    assert CATALOGUE["chromium"].marks == "MS"


def test_what_is_recalled_alone_is_nowhere() -> None:
    assert [client.name for client in CATALOGUE.values() if client.marks == "R"] == []


@pytest.mark.parametrize("client", CLIENTS)
def test_a_403_makes_no_client_of_the_catalogue_come_back(client: str) -> None:
    action = ReactionTable(CLIENTS[client]).action(Sight(SightKind.HTTP, 403))
    assert (action.resend_at_once, action.resend_reused, action.retry_after_s) == (0, 0, ())
