"""Attacks as such: beliefs that are Bayes' rule, own secrets, and what is refused."""

from __future__ import annotations

from itertools import pairwise
from math import inf

import numpy as np
import pytest

from simkit.measures import channel as ch
from simkit.measures.leakage import (
    Always,
    Course,
    Eyes,
    Pattern,
    Probe,
    Sampling,
    Secret,
    World,
    attack,
    measure,
    rate_course,
    threshold,
    trace,
    with_rate,
)
from simkit.policy import load_policy
from simkit.wire import Shape, Sight, SightKind
from tests.measures.leakage.asking import POLICIES, PROBES, Shop, attacked, shipped

EMPTY, RESET, NOTHING = (Sight(SightKind[n]) for n in ("EMPTY", "RESET", "NO_ANSWER"))
NOBODY = Always(NOTHING, "nobody")
LOSSY = {"near": {EMPTY: 0.9, NOTHING: 0.1}, "far": {EMPTY: 0.6, NOTHING: 0.4}}


def test_a_noisy_secret_probed_again_and_again_is_the_repeated_channel() -> None:
    secret = Secret.of("distance", LOSSY, LOSSY.__getitem__)
    found = attack(secret, NOBODY, rounds=12)
    channel = measure(secret, NOBODY).channel
    assert channel.matrix.tolist() == [[0.9, 0.1], [0.6, 0.4]]
    for stage in found.stages[1:]:
        wanted = ch.vulnerability_after(channel, stage.probes).lower
        assert stage.chance.mean == pytest.approx(wanted, abs=1e-12)
    assert found.sure.chances[:13] == pytest.approx(ch.stopping(channel, most=12).chances)
    assert found.stages[1].saw == (
        "empty (90%) or no answer (10%)",
        "empty (60%) or no answer (40%)",
    )


def test_beliefs_are_bayes_rule_and_add_up() -> None:
    secret = Secret.of("distance", LOSSY, LOSSY.__getitem__, prior=[0.7, 0.3])
    found = attack(secret, NOBODY)
    empty, nothing = 0.7 * 0.9 / (0.7 * 0.9 + 0.3 * 0.6), 0.7 * 0.1 / (0.7 * 0.1 + 0.3 * 0.4)
    wanted = 0.9 * empty + 0.1 * nothing
    assert found.stages[1].belief[0, 0] == pytest.approx(wanted)
    assert found.stages[0].belief.tolist() == pytest.approx(np.tile([0.7, 0.3], (2, 1)))
    for stage in found.stages:
        assert stage.belief.sum(axis=1) == pytest.approx(1.0)
        assert np.array([0.7, 0.3]) @ stage.belief == pytest.approx([0.7, 0.3])


@pytest.mark.parametrize("secret", ["rule", "product", "path", "presence"])
def test_more_probes_never_tell_less(secret: str) -> None:
    chances = [s.chance.mean for s in attacked("silent", secret).stages]
    assert chances == sorted(chances)


def test_worlds_may_have_policies_of_their_own() -> None:
    """Which of two configurations is deployed? Four lines."""
    shape = Shape(target="/admin/", headers=(("Host", PROBES.host), ("User-Agent", "Mozilla")))
    secret = Secret.of(
        "deployed",
        ["silent", "polite"],
        lambda name: Probe(shape, PROBES.plain_address, policy=shipped(name)),
    )
    found = attack(secret, NOBODY)
    assert found.stages[1].chance.mean == 1.0
    assert [s.rule is not None for s in found.seen[0]] == [True, True]


def test_dull_eyes_see_less() -> None:
    sight = Sight(SightKind.HTTP, 403, (("connection", "close"), ("server", "nginx")), 157, False)
    assert Eyes().symbol(sight) == "403, 157 bytes, closed; connection: close; server: nginx"
    assert Eyes(100).symbol(sight).startswith("403, 100 bytes")
    assert Eyes(headers=False).symbol(sight) == "403, 157 bytes, closed"
    assert Eyes(connection=False).symbol(sight) == "403, 157 bytes; server: nginx"
    slow = Eyes(wait_step_ms=50)
    assert slow.symbol(EMPTY, 49) == "empty"
    assert slow.symbol(EMPTY, 120) == "empty; after 100 ms"
    with pytest.raises(ValueError, match="at least 1"):
        Eyes(wait_step_ms=0)
    rule = attacked("uniform", "rule")
    assert rule.stages[1].chance.mean > 0.2
    secret = Secret("rule", "dull", tuple(World(s.world, s.sight) for s in rule.seen[0]))
    assert attack(secret, NOBODY, eyes=Eyes(connection=False)).stages[1].chance.mean == (
        pytest.approx(1 / 5)
    )


def test_what_is_no_secret_is_refused() -> None:
    course = Course(Shape(), PROBES.plain_address, Pattern())
    with pytest.raises(ValueError, match="named twice"):
        Secret("s", "a", (World("x", EMPTY), World("x", EMPTY)))
    with pytest.raises(ValueError, match="as many probes"):
        Secret("s", "a", (World("x", EMPTY, (EMPTY,)), World("y", EMPTY)))
    with pytest.raises(ValueError, match="either all worlds"):
        Secret("s", "a", (World("x", EMPTY), World("y", course)))
    with pytest.raises(ValueError, match="no distribution"):
        measure(Secret("s", "a", (World("x", {EMPTY: 0.4, RESET: 0.4}),)), NOBODY)
    with pytest.raises(ValueError, match="prior"):
        attack(Secret.of("s", "xy", lambda _: EMPTY, prior=[1.0]), NOBODY)
    with pytest.raises(ValueError, match="round"):
        attack(Secret.of("s", "xy", lambda _: EMPTY), NOBODY, rounds=0)
    with pytest.raises(TypeError, match="needs a policy"):
        attack(threshold(PROBES), NOBODY)
    with pytest.raises(TypeError, match="Course"):
        measure(threshold(PROBES), shipped("silent"))
    with pytest.raises(ValueError, match="pattern"):
        Pattern(probes=0)
    with pytest.raises(ValueError, match="at least"):
        with_rate(shipped("silent"), 0.0)


class TestTimed:
    def test_a_trace_is_limit_req_by_its_formula(self) -> None:
        """excess = max(0, old - rate·ms/1000 + 1000); burst=20 nodelay, every 25 ms."""
        secret = threshold(PROBES, [5], Pattern(200, 40.0, jitter_ms=0.0))
        course = secret.worlds[0].shows
        assert isinstance(course, Course)
        steps = trace(with_rate(shipped("silent"), 5), course, 1, 0)
        excess, last = 0, 0
        wanted: list[bool] = []
        for now in range(0, 200 * 25, 25):
            would_be = max(0, excess - 5 * (now - last) + 1000) if wanted else 0
            wanted.append(would_be > 20_000)
            if not wanted[-1]:
                excess, last = would_be, now
        assert [s.refused for s in steps] == wanted
        assert any(wanted)

    def test_arrivals_are_the_same_for_all_and_others_are_not_seen(self) -> None:
        alone, crowd = Pattern(50), Pattern(50, others_per_s=20.0)
        assert alone.arrivals_ms(7) == alone.arrivals_ms(7) != alone.arrivals_ms(8)
        own = [(t, mine) for t, mine in crowd.arrivals_ms(7) if mine]
        assert own == alone.arrivals_ms(7)
        assert 5 < len(crowd.arrivals_ms(7)) - 50 < 60
        course = Course(Shape(), PROBES.plain_address, crowd)
        assert len(trace(shipped("silent"), course, 1, 0)) == 50

    def test_others_behind_the_address_blur_the_limit(self) -> None:
        pattern = Pattern(60, others_per_s=15.0)
        noisy = attack(threshold(PROBES, (5, 10), pattern), shipped("silent"))
        clear = attack(threshold(PROBES, (5, 10), Pattern(60)), shipped("silent"))
        assert noisy.stages[30].chance.high < clear.stages[30].chance.mean
        assert noisy.replications > 60
        for stage in noisy.stages[1:]:
            assert stage.chance.low <= stage.chance.mean <= stage.high
        until = noisy.probes_until
        assert until.lower <= until.upper <= 60 or until.upper == inf

    def test_the_chance_never_falls_by_more_than_sampling_and_who_stops_is_right(self) -> None:
        found = attacked("silent", "threshold")
        plug_in = [s.plug_in for s in found.stages]
        assert all(b >= a - 0.05 for a, b in pairwise(plug_in))
        assert found.sure.open == 0.0
        assert found.sure.right >= 0.95
        assert 21 < found.sure.expected_low < 40

    def test_the_same_seed_gives_the_same_and_a_world_its_own_policy(self) -> None:
        policy = load_policy(POLICIES / "silent.conf")
        secret = threshold(PROBES, (2, 10), Pattern(40))
        one, two, three = (
            attack(secret, policy, site=Shop(), sampling=Sampling(20, seed)) for seed in (1, 1, 2)
        )
        assert one.to_frame().equals(two.to_frame())
        assert not one.to_frame().equals(three.to_frame())
        own = Secret.of(
            "mine",
            ["slow", "fast"],
            lambda w: rate_course(
                Shape(headers=(("Host", PROBES.host), ("User-Agent", "Mozilla"))),
                PROBES.plain_address,
                Pattern(40),
                2 if w == "slow" else 10,
            ),
        )
        assert attack(own, policy, site=Shop()).probes_until.upper < 40

    def test_a_frame_has_a_row_for_each_stage_and_world(self) -> None:
        frame = attacked("silent", "threshold").to_frame()
        assert len(frame) == 121 * 5
        assert (frame["low"] <= frame["high"]).all()
        assert set(frame["basis"]) == {"sampled"}
