"""Compiled draws, and draws for whole crowds, are those of `simkit.draws` to the last bit."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simkit import draws
from simkit.draws import Purpose
from simkit.engine.compiled import chances
from simkit.engine.compiled.crowds import choices, streams

KEYS = st.integers(0, 2**64 - 1)
PLACES = st.integers(0, 2**40)


@numba.njit  # type: ignore[untyped-decorator]
def drawn(key: Any, purpose: int, first: int, second: int, numbers: Any, values: Any) -> None:
    u = chances.uniform(key, purpose, first, second)
    v = chances.uniform(chances.mix(key, 1), purpose, first, second)
    numbers[0] = chances.mix(key, purpose)
    numbers[1] = chances.integer(17, u)
    numbers[2] = chances.geometric(5.0, u)
    numbers[3] = chances.geometric(1.0, u)
    values[0] = u
    values[1] = chances.exponential(7.5, u)
    values[2] = chances.lognormal(3.0, 0.5, u, v)


@given(KEYS, st.sampled_from(Purpose), PLACES, PLACES)
def test_compiled_draws_equal_plain_ones(
    key: int, purpose: Purpose, first: int, second: int
) -> None:
    numbers, values = np.zeros(4, np.uint64), np.zeros(3)
    drawn(np.uint64(key), int(purpose), first, second, numbers, values)
    u = draws.uniform(key, purpose, first, second)
    v = draws.uniform(draws.mix(key, 1), purpose, first, second)
    assert numbers.tolist() == [
        draws.mix(key, purpose),
        draws.integer(17, u),
        draws.geometric(5.0, u),
        draws.geometric(1.0, u),
    ]
    assert values.tolist() == [u, draws.exponential(7.5, u), draws.lognormal(3.0, 0.5, u, v)]


@given(KEYS, st.text(max_size=20), st.integers(1, 40))
def test_crowds_have_the_streams_of_their_clients(seed: int, name: str, count: int) -> None:
    keys = streams(seed, name, count)
    assert keys.tolist() == [draws.stream(seed, name, index) for index in range(count)]
    plain = [draws.integer(7, draws.uniform(int(key), Purpose.AGENT)) for key in keys]
    assert choices(keys, Purpose.AGENT, 7).tolist() == plain
