"""What the project says about leakage, statement by statement, on the shipped policies.

``stages[n].chance`` is how often an attacker's best guess is right after n probes.
"""

from __future__ import annotations

from math import inf
from pathlib import Path

import pytest

from simkit.measures.leakage import Always, Attack, Sampling, attack, load_product, measure, rule
from simkit.show.figures_attacker import same_lines
from tests.measures.leakage.asking import PROBES, REFUSING, attacked, changed, secrets, shipped


def saw(found: Attack, probe: int = 1) -> dict[str, str]:
    return dict(zip(found.worlds, found.stages[probe].saw, strict=True))


def chances(found: Attack) -> list[float]:
    return [stage.chance.mean for stage in found.stages]


class TestRule:
    def test_444_for_everything_tells_no_rule(self) -> None:
        found = attacked("hardened", "rule")
        assert set(saw(found).values()) == {"empty"}
        assert chances(found) == pytest.approx([1 / 5, 1 / 5])

    def test_403_for_everything_tells_rules_apart_by_whether_the_connection_is_kept(self) -> None:
        seen = saw(attacked("uniform", "rule"))
        kept, closed = seen["agent"], seen["malformed"]
        assert kept.startswith("403, 153 bytes, kept")
        assert closed.startswith("403, 153 bytes, closed")
        assert set(seen.values()) == {kept, closed}
        assert chances(attacked("uniform", "rule"))[1] == pytest.approx(2 / 5)

    def test_until_it_is_made_equal(self, tmp_path: Path) -> None:
        """keepalive_timeout 0 holds in locations: a return before one promises keep-alive still."""
        closing = {"limit_req_status 403;": "limit_req_status 403; keepalive_timeout 0;"}
        half = measure(rule(PROBES), changed("uniform", tmp_path / "half", closing))
        assert {s.sight.kept for s in half.seen} == {False}
        assert half.posterior_vulnerability == pytest.approx(2 / 5)
        to_one = {
            f"if (${name}) {{\n            return 403;": f"if (${name}) {{\n rewrite ^ /away last;"
            for name in ("bad_agent", "blocked")
        }
        place = {"location = /refused {": "location = /away { return 403; } location = /refused {"}
        whole = changed("uniform", tmp_path / "whole", {**closing, **to_one, **place})
        found = measure(rule(PROBES), whole)
        assert len({s.symbol for s in found.seen}) == 1
        assert found.posterior_vulnerability == pytest.approx(1 / 5)
        assert found.basis == "proved"
        kept = attacked("uniform", "rule")
        equal = attack(rule(PROBES), whole, name="made equal")
        drawn = [line for line, _ in same_lines([kept, equal])]
        assert [a.strategy for a in drawn] == ["uniform", "made equal"]  # a line for each

    def test_mixed_answers_tell_most(self) -> None:
        chance = {p: chances(attacked(p, "rule"))[1] for p in REFUSING}
        most = max(chance.values())
        assert {p for p, c in chance.items() if c == most} == {"polite", "recommended"}
        assert most == pytest.approx(3 / 5)


class TestPresence:
    @pytest.mark.parametrize("policy", REFUSING)
    def test_444_and_403_give_the_server_away_at_the_first_probe(self, policy: str) -> None:
        found = attacked(policy, "presence")
        assert chances(found) == pytest.approx([1 / 3, 1])
        assert found.probes_until.upper == 1
        assert found.basis == "proved"

    def test_only_drop_hides_among_nobody_there(self) -> None:
        firewall = load_product("firewall")
        drop = attack(secrets()["presence"], Always(firewall.way("DROP").sight, "DROP"))
        assert saw(drop)["this server"] == saw(drop)["nobody there"]
        assert chances(drop)[1] == pytest.approx(2 / 3)
        assert drop.stages[1].belief[0].tolist() == pytest.approx([1 / 2, 0, 1 / 2])
        assert drop.probes_until.lower == inf
        for policy in REFUSING:
            seen = saw(attacked(policy, "presence"))
            assert seen["this server"] not in (seen["nobody there"], seen["port closed"])

    def test_reject_hides_among_closed_ports_instead(self) -> None:
        sight = load_product("firewall").way("REJECT").sight
        seen = saw(attack(secrets()["presence"], Always(sight)))
        assert seen["this server"] == seen["port closed"] != seen["nobody there"]


class TestProduct:
    @pytest.mark.parametrize("policy", ["silent", "hardened", "recommended"])
    def test_444_merges_with_haproxys_reject_and_caddys_abort(self, policy: str) -> None:
        found = attacked(policy, "product")
        seen = saw(found)
        assert {w for w, s in seen.items() if s == "empty"} == {"nginx", "HAProxy", "Caddy"}
        assert found.stages[1].belief[0].tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0, 0])
        assert chances(found)[1] == pytest.approx(3 / 5)

    @pytest.mark.parametrize("policy", ["polite", "uniform"])
    def test_a_403_page_names_nginx(self, policy: str) -> None:
        found = attacked(policy, "product")
        assert "server: nginx" in saw(found)["nginx"]
        assert found.stages[1].belief[0, 0] == 1.0
        assert found.probes_until.upper == 1

    def test_behind_cloudflare_a_444_becomes_a_520(self) -> None:
        seen = saw(attacked("silent", "product"))["behind Cloudflare"]
        assert seen == "520, size not known, kept; server: cloudflare"

    def test_a_reset_is_like_haproxys_and_unlike_caddys(self) -> None:
        seen = saw(attacked("reset", "product"))
        assert seen["nginx"] == seen["HAProxy"] == "reset"
        assert seen["Caddy"] == "empty"

    def test_the_second_probe_names_nginx_silent_or_not(self) -> None:
        """silent shows its 400 page; hardened alone answers a malformed request with nothing."""
        for policy in REFUSING:
            assert attacked(policy, "product").stages[2].belief[0, 0] == pytest.approx(1.0)
        second = saw(attacked("hardened", "product"), 2)
        assert [w for w, s in second.items() if s == "empty"] == ["nginx"]


class TestThreshold:
    @pytest.mark.parametrize("policy", [*REFUSING, "open"])
    def test_one_probe_tells_nothing_under_any_answer(self, policy: str) -> None:
        found = attacked(policy, "threshold")
        assert len(set(saw(found).values())) == 1
        assert found.stages[1].plug_in == pytest.approx(1 / 5)

    @pytest.mark.parametrize("policy", REFUSING)
    def test_what_passes_gives_the_limit_away_whatever_the_answer(self, policy: str) -> None:
        found = attacked(policy, "threshold")
        assert found.basis == "sampled"
        assert found.stages[-1].chance.low > 0.95
        assert found.probes_until.upper <= 40
        assert found.test is not None
        assert found.test.found

    def test_under_444_as_under_429(self) -> None:
        """The same arrivals pass: belief for belief the two attacks are one."""
        silent, polite = attacked("silent", "threshold"), attacked("polite", "threshold")
        assert saw(silent, 120)["1/s"] == "23 × 200 + 97 × empty"
        assert saw(polite, 120)["1/s"] == "23 × 200 + 97 × 429"
        for one, other in zip(silent.stages, polite.stages, strict=True):
            assert one.chance == other.chance
            assert one.plug_in == other.plug_in
            assert one.belief.tolist() == other.belief.tolist()

    def test_a_retry_after_of_two_seconds_says_nothing_about_it(self) -> None:
        """It is the same in all worlds: which answer a refusal is tells no limit."""
        found = attacked("polite", "threshold")
        refused = {part.split(" × ")[1] for s in found.stages[-1].saw for part in s.split(" + ")}
        assert refused == {"200", "429"}

    def test_without_a_limit_there_is_nothing_to_find(self) -> None:
        found = attacked("open", "threshold")
        assert found.probes_until.lower == inf
        assert found.stages[-1].plug_in == pytest.approx(1 / 5)
        assert found.test is not None
        assert "proves none" in str(found.test)

    def test_a_delay_gives_it_away_at_the_second_probe(self, tmp_path: Path) -> None:
        """Without nodelay the second request waits for 1/rate."""
        slow = changed("silent", tmp_path, {"burst=20 nodelay": "burst=20"})
        found = attack(secrets()["threshold"], slow, sampling=Sampling(60))
        assert found.stages[1].plug_in == pytest.approx(1 / 5)
        assert found.stages[2].chance.low > 0.75
        assert found.stages[5].chance.low > 0.9


def test_a_path_is_hidden_from_scanners_and_not_from_disguised_ones() -> None:
    for policy in REFUSING:
        assert chances(attacked(policy, "path")) == pytest.approx([1 / 3, 1 / 3, 1])
        assert attacked(policy, "path").basis == "first probe"
    assert chances(attacked("open", "path")) == pytest.approx([1 / 3, 1, 1])


def test_shipped_policies_are_planned_by_name() -> None:
    assert attacked("silent", "rule").strategy == "silent" == shipped("silent").policy.name
