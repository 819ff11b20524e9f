"""What the shipped policies give away: the facts that every comparison must show."""

from __future__ import annotations

from math import log2
from pathlib import Path

import pytest

from simkit.measures.leakage import AS_IS, DISGUISED, Leakage, leakage_of
from simkit.policy import Page, Planner, load_policy
from simkit.traffic import LeakageSpec

POLICIES = sorted((Path(__file__).parents[3] / "data" / "policies").glob("*.conf"))
PROBES = LeakageSpec(
    host="shop.example",
    bare_host="192.0.2.10",
    plain_address="198.51.100.7",
    blocked_address="203.0.113.7",
    scanner_agent="gobuster/3.6",
    browser_agent="Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
)


class Shop:
    def find(self, path: str) -> Page | None:
        return {"/": Page(200, 20_000), "/admin/": Page(200, 3_000)}.get(path)


@pytest.fixture(scope="module")
def leaks() -> dict[tuple[str, str, str], Leakage]:
    found = {}
    for path in POLICIES:
        for leak in leakage_of(Planner(load_policy(path), Shop()), PROBES):
            found[path.stem, leak.secret, leak.attacker] = leak
    return found


Leaks = dict[tuple[str, str, str], Leakage]
REFUSING = [p.stem for p in POLICIES if p.stem != "open"]


def test_all_policies_are_here(leaks: Leaks) -> None:
    wanted = {"open", "silent", "polite", "recommended", "reset", "hardened", "uniform"}
    assert wanted <= {p.stem for p in POLICIES}


@pytest.mark.parametrize("policy", REFUSING)
def test_path_is_hidden_from_scanners_by_any_single_answer(leaks: Leaks, policy: str) -> None:
    """444 for all scanners hides no more than 403 for all of them."""
    path = leaks[policy, "path", AS_IS]
    assert path.posterior_vulnerability == pytest.approx(1 / 3, abs=1e-12)
    assert path.leakage_bits == 0.0
    assert path.basis == "proved"


def test_open_tells_a_scanner_every_path(leaks: Leaks) -> None:
    assert leaks["open", "path", AS_IS].posterior_vulnerability == pytest.approx(1.0)


@pytest.mark.parametrize("policy", [p.stem for p in POLICIES])
def test_a_disguised_scanner_learns_every_path(leaks: Leaks, policy: str) -> None:
    path = leaks[policy, "path", DISGUISED]
    assert path.leakage_bits == pytest.approx(log2(3))


@pytest.mark.parametrize("policy", [p.stem for p in POLICIES])
def test_every_answer_gives_the_server_away_444_included(leaks: Leaks, policy: str) -> None:
    presence = leaks[policy, "presence", AS_IS]
    assert presence.posterior_vulnerability == pytest.approx(1.0)
    assert presence.probes_until_sure == 1


def symbols(leak: Leakage) -> dict[str, str]:
    return {seen.world: seen.symbol for seen in leak.seen}


def test_uniform_403_tells_malformed_from_agent_by_the_connection(leaks: Leaks) -> None:
    seen = symbols(leaks["uniform", "rule", AS_IS])
    assert seen["agent"] == seen["address"] == seen["rate"]
    assert seen["agent"].startswith("403, 153 bytes, kept")
    assert seen["malformed"].startswith("403, 153 bytes, closed")
    assert leaks["uniform", "rule", AS_IS].posterior_vulnerability == pytest.approx(2 / 5)


def test_silence_hides_the_rule_only_where_it_has_no_gaps(leaks: Leaks) -> None:
    assert leaks["hardened", "rule", AS_IS].leakage_bits == 0.0
    assert leaks["silent", "rule", AS_IS].leakage_bits == pytest.approx(1.0)


def test_mixed_answers_tell_most_about_the_rule(leaks: Leaks) -> None:
    chance = {p.stem: leaks[p.stem, "rule", AS_IS].posterior_vulnerability for p in POLICIES}
    assert max(chance, key=lambda p: chance[p]) in {"polite", "recommended"}
    assert chance["hardened"] == min(chance.values())


def test_open_consults_no_limit_and_the_result_says_so(leaks: Leaks) -> None:
    rate = next(s for s in leaks["open", "rule", AS_IS].seen if s.world == "rate")
    assert not rate.refused
    assert "no limit rejects" in rate.note


def test_refusals_are_named_by_file_and_line(leaks: Leaks) -> None:
    seen = leaks["silent", "path", AS_IS].seen[0]
    assert seen.rule is not None
    place = seen.rule.decisive
    line = Path(place.file).read_text().splitlines()[place.line - 1]
    assert "gobuster" in line
