"""The permutation test: its size, its power, and that it never says there is no leak."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from simkit.draws import Purpose, mix, name_key, uniform
from simkit.measures import channel as ch
from simkit.measures.sampled import Samples, leak_of_size, leak_test, power_of, samples_of
from simkit.measures.sampled.permutation import _drawn, _information, _p_value
from simkit.measures.sampled.samples import counted
from simkit.measures.sampled.uniforms import shuffles, uniforms
from tests.measures.sampled.test_estimates import LEAKY, NO_LEAK


def test_draws_by_the_array_are_the_addressed_ones() -> None:
    for name in ("a", "b"):
        key = mix(mix(0, 5), name_key(name))
        found = uniforms(key, int(Purpose.CHOICE), 7, 11)
        again = [[uniform(key, Purpose.CHOICE, i, j) for j in range(11)] for i in range(7)]
        assert found.tolist() == again


def test_shuffles_are_orders_each_as_likely_as_the_others() -> None:
    found = [tuple(row) for row in shuffles(mix(0, 1), 4, 12_000, 4).tolist()]
    often = [found.count(order) for order in permutations(range(4))]
    assert sum(often) == 12_000
    assert sum((n - 500) ** 2 / 500 for n in often) < 49.7  # chi-square, 23 degrees: 0.1 %


def test_the_statistic_is_the_information() -> None:
    samples = Samples(LEAKY.worlds, LEAKY.symbols, _drawn(LEAKY, 60, 3))
    many = np.stack([samples.counts, counted(_drawn(LEAKY, 60, 4), 20)])
    bits = [ch.mutual_information(ch.Channel(LEAKY.worlds, LEAKY.symbols, c / 60)) for c in many]
    found = _information(many) / (240 * np.log(2))
    assert found[1] - found[0] == pytest.approx(bits[1] - bits[0])


def test_a_small_test_is_that_of_going_through_all_labellings() -> None:
    """Eight samples of two worlds: 70 ways to label them, of which 2 are as unlike as this."""
    drawn = np.array([[0, 0, 0, 0], [1, 1, 1, 1]])
    assert _p_value(drawn, 2, 20_000, mix(0, 9)) == pytest.approx(2 / 70, abs=0.004)


def test_its_size_is_at_most_six_per_cent() -> None:
    """facts/leakage.md: 0.050 at 5 %."""
    found = power_of(NO_LEAK, 25, studies=2000)
    assert found.mean <= 0.06
    assert found.low <= 0.05 <= found.high


def test_its_power_is_that_of_the_facts() -> None:
    """facts/leakage.md: 0.38 with 25 samples of each world."""
    assert not power_of(LEAKY, 25, studies=800).excludes(0.38)
    assert power_of(LEAKY, 100, studies=100).mean > 0.95


@pytest.mark.parametrize("channel", [LEAKY, NO_LEAK], ids=["shrunk", "outright"])
def test_a_leak_of_a_stated_size(channel: ch.Channel) -> None:
    found = leak_of_size(channel, 0.05)
    assert ch.advantage(found) == pytest.approx(0.05, abs=1e-9)
    with pytest.raises(ValueError, match="advantage"):
        leak_of_size(channel, 0.8)


def test_it_says_what_it_found_and_never_that_there_is_no_leak() -> None:
    clear = samples_of({"a": ["1"] * 20, "b": ["2"] * 20})
    same = samples_of({"a": ["1"] * 20, "b": ["1"] * 20})
    found, missed = leak_test(clear), leak_test(same)
    assert found.found
    assert found.p_value == pytest.approx(1 / 1000)
    assert str(found) == "a leak was found (p = 0.001)"
    assert found.power is None
    assert not missed.found
    assert missed.p_value == 1.0
    assert "no leak was found, which proves none" in str(missed)
    assert "a leak of +5 points would have been found in" in str(missed)
    assert missed.power is not None
    assert missed.power.mean == power_of(leak_of_size(same.plug_in(), 0.05), 20, studies=100).mean


def test_it_gives_the_same_again_and_something_else_for_another_seed() -> None:
    samples = Samples(LEAKY.worlds, LEAKY.symbols, _drawn(LEAKY, 12, 3))
    assert leak_test(samples) == leak_test(samples)
    assert leak_test(samples).p_value != leak_test(samples, seed=2).p_value
