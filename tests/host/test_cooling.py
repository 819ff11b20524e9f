"""Prices that grow with a pause, in Python and compiled."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from simkit.engine.compiled.compiler import shared
from simkit.host.cooling import ByPause, Cooling, price_after

MOST_NS = 1 << 62
prices = st.lists(
    st.tuples(st.integers(0, 10**6), st.integers(0, 10**4)), min_size=1, unique_by=lambda p: p[0]
).map(sorted)


def test_one_price_holds_after_any_pause() -> None:
    price = Cooling(2.5)
    assert {price.after(pause) for pause in (0, 1, 10**9, MOST_NS)} == {2500}


def test_between_points_it_is_a_straight_line_and_beyond_it_is_flat() -> None:
    price = Cooling([(100, 30), (300, 40), (1000, 110)])
    at = {0: 30, 100: 30, 200: 35, 300: 40, 650: 75, 1000: 110, 10**6: 110}
    assert {us: price.after(us * 1000) / 1000 for us in at} == at


def test_what_is_paid_apart_is_taken_off_each_point() -> None:
    price = Cooling([(1, 3), (2, 9)], less_ns=4000)
    assert [price.after(us * 1000) for us in (1, 2)] == [0, 5000]


_price_after = shared(price_after)


@numba.njit  # type: ignore[untyped-decorator]
def compiled(cells: Any, pause_ns: int) -> int:
    return _price_after(cells, 1, pause_ns)


@given(prices, st.lists(st.integers(0, MOST_NS) | st.integers(0, 10**9), min_size=1))
def test_it_grows_from_point_to_point_and_compiled_code_agrees(
    points: list[tuple[int, int]], pauses: list[int]
) -> None:
    price = Cooling(points)
    cells = np.array((444, *price.cells), "i8")
    prices_ns = [us * 1000 for _, us in points]
    for pause in pauses:
        found = price.after(pause)
        assert min(prices_ns) <= found <= max(prices_ns)
        assert compiled(cells, pause) == found


@pytest.mark.parametrize("text", ["-1", "[]", "[[1, 2], [1, 3]]", "[[2, 2], [1, 3]]", "[[1, -2]]"])
def test_other_things_are_no_price(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(ByPause).validate_json(text)
