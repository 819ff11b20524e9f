"""Leakage of plans written by hand: what merges, what tells, and what it rests on."""

from __future__ import annotations

from math import inf, log2

import pytest

from simkit.measures.leakage import (
    AS_IS,
    DISGUISED,
    Leakage,
    Probe,
    Secret,
    World,
    builtin_secrets,
    canonical,
    leakage_of,
    measure,
)
from simkit.policy import Bound
from simkit.policy.plan import Answer, Consult, Decision, Handler, LimitUse, Node, Occupy, Plan
from simkit.traffic import LeakageSpec
from simkit.wire import Address, Fault, Shape, Sight, SightKind
from tests.made_up import made_rule

PROBES = LeakageSpec(
    open_path="/shop",
    forbidden_path="/admin",
    absent_path="/backup.zip",
    scanner_agent="zgrab",
    browser_agent="browser",
    host="shop.example",
    bare_host="192.0.2.10",
    plain_address="203.0.113.1",
    blocked_address="198.51.100.5",
)


def page(status: int, body_bytes: int = 153, *, kept: bool = True) -> Decision:
    headers = (("connection", "keep-alive" if kept else "close"), ("server", "nginx"))
    sight = Sight(SightKind.HTTP, status, headers, body_bytes, kept)
    refused = status in {400, 403, 429}
    rule = made_rule(status) if refused else None
    return Decision(status, sight, Handler.PAGE, 300, rule, refused)


DROP = Decision(444, Sight(SightKind.EMPTY), Handler.SILENT, 0, made_rule(9), refused=True)
SITE = {"/shop": page(200, 5120), "/": page(200, 900), "/admin": page(403)}


def bound(plan: Plan, entry: int = 0) -> Bound:
    limited = [n for n in plan.nodes() if isinstance(n, Consult | Occupy)]
    return Bound(plan, {n: tuple(entry for _ in n.uses) for n in limited})


class MadeUp:
    """A policy in a few lines: one answer for scanners, one for what no rule can mend."""

    def __init__(self, unwelcome: Decision, over: Decision, *, limited: bool = True) -> None:
        self.unwelcome = unwelcome
        self.over = over
        self.limited = limited

    def bind(self, shape: Shape, client: Address) -> Bound:
        return bound(self.plan(shape, client))

    def plan(self, shape: Shape, client: Address) -> Plan:
        if shape.fault is not Fault.NONE or shape.header("Host") is None:
            return Plan(Answer(page(400, 157, kept=False)))
        agent, blocked = shape.header("User-Agent"), client == PROBES.blocked_address
        if agent == "zgrab" or blocked or shape.header("Host") == PROBES.bare_host:
            return Plan(Answer(self.unwelcome))
        site = Answer(SITE.get(shape.target, page(404)))
        return Plan(limit(site, Answer(self.over)) if self.limited else site)


def limit(passed: Node, rejected: Node, *, dry_run: bool = False) -> Consult:
    use = LimitUse(0, (), 0, 0, made_rule(20).source)  # type: ignore[arg-type]
    return Consult((use,), dry_run, passed, passed, (rejected,))


SILENT = MadeUp(DROP, DROP)
UNIFORM = MadeUp(page(403), page(403))
POLITE = MadeUp(page(403), page(429, 169))


def found(policy: MadeUp, secret: str, attacker: str = AS_IS) -> Leakage:
    return next(
        r for r in leakage_of(policy, PROBES) if (r.secret, r.attacker) == (secret, attacker)
    )


@pytest.mark.parametrize("policy", [SILENT, UNIFORM])
def test_a_path_behind_one_answer_stays_hidden_whatever_the_code(policy: MadeUp) -> None:
    as_is = found(policy, "path")
    assert as_is.posterior_vulnerability == pytest.approx(1 / 3)
    assert as_is.advantage == pytest.approx(0.0)
    assert as_is.leakage_bits == 0.0
    assert as_is.probes_until_sure == inf
    assert as_is.basis == "proved"


def test_a_disguise_shows_the_path() -> None:
    disguised = found(SILENT, "path", DISGUISED)
    assert disguised.posterior_vulnerability == pytest.approx(1.0)
    assert disguised.leakage_bits == pytest.approx(log2(3))
    assert disguised.probes_until_sure == 1
    assert disguised.basis == "first probe"
    assert [s.unspent for s in disguised.seen] == [(made_rule(20).source,)] * 3


@pytest.mark.parametrize("policy", [SILENT, UNIFORM])
def test_any_answer_gives_the_server_away(policy: MadeUp) -> None:
    presence = found(policy, "presence")
    assert presence.posterior_vulnerability == pytest.approx(1.0)
    assert [s.symbol for s in presence.seen[:2]] == ["no answer", "refused"]


def test_only_who_looks_like_nobody_hides() -> None:
    drop = Decision(0, Sight(SightKind.NO_ANSWER), Handler.SILENT, 0, None, refused=True)
    assert found(MadeUp(drop, drop), "presence").posterior_vulnerability == pytest.approx(2 / 3)


def test_uniform_refusal_still_tells_malformed_by_the_connection() -> None:
    rule = found(MadeUp(page(403), page(403)), "rule")
    symbols = {s.world: s.symbol for s in rule.seen}
    assert symbols["agent"] == symbols["address"] == symbols["rate"]
    assert symbols["malformed"] == symbols["no Host"] != symbols["agent"]
    assert rule.posterior_vulnerability == pytest.approx(2 / 5)
    remapped = canonical(page(403, kept=False).sight)
    assert remapped != canonical(page(403).sight)


def test_mixed_answers_tell_more_than_one() -> None:
    silent, polite = found(SILENT, "rule"), found(POLITE, "rule")
    assert polite.posterior_vulnerability == pytest.approx(3 / 5)
    assert silent.posterior_vulnerability < polite.posterior_vulnerability


def test_without_a_limit_the_rate_world_shows_the_ordinary_answer_and_says_so() -> None:
    rate = found(MadeUp(DROP, DROP, limited=False), "rule").seen[2]
    assert (rate.world, rate.refused) == ("rate", False)
    assert "no limit rejects" in rate.note
    assert rate.symbol.startswith("200, 5120 bytes")


def test_a_dry_run_rejects_nobody() -> None:
    class DryRun:
        def bind(self, shape: Shape, client: Address) -> Bound:
            site = Answer(page(200))
            occupy = Occupy((), False, site, (Answer(page(503)),))
            return bound(Plan(limit(occupy, occupy, dry_run=True)))

    probe = Probe(Shape(), PROBES.plain_address, over_limit=True)
    leak = measure(Secret("own", AS_IS, (World("rate", probe),)), DryRun())
    assert not leak.seen[0].refused
    assert leak.basis == "proved"


def test_a_limit_without_a_key_for_the_probe_is_none() -> None:
    class Exempt:
        def bind(self, shape: Shape, client: Address) -> Bound:
            return bound(Plan(limit(Answer(page(200)), Answer(DROP))), entry=-1)

    worlds = tuple(
        World(str(over), Probe(Shape(), PROBES.plain_address, over_limit=over))
        for over in (False, True)
    )
    leak = measure(Secret("own", AS_IS, worlds), Exempt())
    assert [s.symbol for s in leak.seen] == [canonical(page(200).sight)] * 2
    assert leak.basis == "proved"


def test_an_own_secret_with_an_own_prior() -> None:
    worlds = (World("nginx", Sight(SightKind.EMPTY)), World("other", Sight(SightKind.RESET)))
    leak = measure(Secret("product", AS_IS, worlds), SILENT, prior=[0.9, 0.1])
    assert leak.prior_vulnerability == 0.9
    assert leak.advantage == pytest.approx(0.1)
    with pytest.raises(ValueError, match="prior"):
        measure(Secret("product", AS_IS, worlds), SILENT, prior=[1.0])


def test_a_volatile_plan_is_said_to_be_one() -> None:
    class Changing:
        def bind(self, shape: Shape, client: Address) -> Bound:
            return bound(Plan(Answer(page(200)), volatile=True))

    worlds = (World("any", Probe(Shape(), PROBES.plain_address)),)
    assert measure(Secret("own", AS_IS, worlds), Changing()).basis == "volatile"


def test_each_world_names_the_rule_behind_it() -> None:
    frame = found(POLITE, "path", DISGUISED).to_frame().set_index("world")
    assert frame.loc["exists, forbidden", "rule"] == str(made_rule(403).decisive)
    assert frame.loc["exists, open", "rule"] == ""
    assert frame.loc["exists, open", "note"] == "not refused"


def test_symbols_hold_all_that_a_client_can_compare() -> None:
    sight = page(403).sight
    assert canonical(sight) == "403, 153 bytes, kept; connection: keep-alive; server: nginx"
    assert canonical(sight, size_step_bytes=100).startswith("403, 100 bytes")
    assert canonical(Sight(SightKind.STREAM_RESET, kept=True)) == "stream reset, kept"
    assert canonical(Sight(SightKind.EMPTY)) == "empty"


def test_built_in_secrets_are_named_once() -> None:
    names = [(s.name, s.attacker) for s in builtin_secrets(PROBES)]
    assert names == [("presence", AS_IS), ("path", AS_IS), ("path", DISGUISED), ("rule", AS_IS)]
