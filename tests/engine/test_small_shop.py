"""The facts that the default scenario is there to show, in every replication."""

from __future__ import annotations

from pathlib import Path

import pytest

from simkit.engine import Run, simulate
from simkit.measures.drops import Drops, drops_of
from simkit.policy import load_policy
from simkit.traffic import load_scenario

POLICIES = Path(__file__).parents[2] / "data" / "policies"
NAMES = tuple(sorted(file.stem for file in POLICIES.glob("*.conf")))
REPLICATIONS = 2

Runs = dict[str, list[Run]]
Counts = dict[str, list[Drops]]


@pytest.fixture(scope="module")
def runs() -> Runs:
    shop = load_scenario("small_shop")
    policies = {name: load_policy(POLICIES / f"{name}.conf") for name in NAMES}
    return {
        name: [simulate(shop, under, replication=r) for r in range(REPLICATIONS)]
        for name, under in policies.items()
    }


@pytest.fixture(scope="module")
def counts(runs: Runs) -> Counts:
    return {name: [drops_of(found) for found in several] for name, several in runs.items()}


def test_a_run_has_as_many_requests_as_a_lesson_can_wait_for(runs: Runs) -> None:
    for found in runs["open"]:
        assert 9_000 <= len(found.requests["sent_ns"]) <= 15_000


def test_open_has_the_fewest_false_drops_and_the_most_misses(counts: Counts) -> None:
    for name in set(NAMES) - {"open"}:
        for open_, other in zip(counts["open"], counts[name], strict=True):
            assert open_.honest.dropped_share < other.honest.dropped_share
            assert open_.hostile.served_share > other.hostile.served_share


def test_who_sends_no_agent_is_hurt_by_silence_and_not_by_open(counts: Counts) -> None:
    for cohort in ("feed reader", "uptime monitor"):
        for open_, silent in zip(counts["open"], counts["silent"], strict=True):
            assert open_.of(cohort).dropped_share == 0
            assert silent.of(cohort).dropped_share == 1


def test_visitors_over_http1_ask_more_often_under_444_than_under_429(counts: Counts) -> None:
    for silent, polite in zip(counts["silent"], counts["polite"], strict=True):
        assert polite.of("office").refused > 0
        more, less = silent.of("office"), polite.of("office")
        assert more.attempts_per_wish > less.attempts_per_wish
        assert more.attempts_per_item > less.attempts_per_item


def test_visitors_with_addresses_of_their_own_are_not_refused(counts: Counts) -> None:
    for several in counts.values():
        for found in several:
            assert found.of("shoppers").refused == 0
            assert found.of("API partner").refused == 0


def test_the_price_bot_is_caught_by_its_address_and_the_scanner_by_its_name(
    counts: Counts,
) -> None:
    for name in set(NAMES) - {"open"}:
        for found in counts[name]:
            assert found.of("price bot").served == 0
            assert found.of("path scanner").served == 0


def test_silence_costs_handshakes(runs: Runs) -> None:
    """A 444 ends the connection, and over TLS the next request pays for another one."""
    for silent, polite in zip(runs["silent"], runs["polite"], strict=True):
        assert silent.load["handshakes"] > 2 * polite.load["handshakes"]
        assert silent.load["cpu_s"] > polite.load["cpu_s"]
