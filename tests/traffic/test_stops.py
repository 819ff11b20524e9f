"""Rules for stopping: counted as a second, slower way of counting has it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from simkit.traffic import Stop, StopCounter
from simkit.wire import Sight, SightKind

SIGHTS = [
    Sight(SightKind.EMPTY),
    Sight(SightKind.NO_ANSWER),
    Sight(SightKind.CONNECTED),
    *(Sight(SightKind.HTTP, status) for status in (200, 302, 403, 429, 503)),
]
RULES = st.builds(
    lambda of, on, measure, after: Stop.model_validate(
        {"of": of, "on": on, "after": after, **measure}
    ),
    st.sampled_from(["requests", "wishes"]),
    st.lists(
        st.sampled_from(["network", "empty", "4xx", "403", "ok"]), min_size=1, unique=True
    ).map(tuple),
    st.one_of(
        st.builds(lambda n, row: {"count": n, "in_a_row": row}, st.integers(1, 5), st.booleans()),
        st.sampled_from([0.0, 0.25, 0.5, 0.9]).map(lambda share: {"share": share}),
    ),
    st.integers(0, 6),
)


def concerns(rule: Stop, sight: Sight) -> bool:
    if sight.kind is SightKind.CONNECTED or 0 < sight.status < 400:
        return "ok" in rule.on
    if sight.kind is SightKind.HTTP:
        return str(sight.status) in rule.on or f"{str(sight.status)[0]}xx" in rule.on
    return "network" in rule.on or (sight.kind is SightKind.EMPTY and "empty" in rule.on)


def holds(rule: Stop, seen: Sequence[Sight]) -> bool:
    counted = [concerns(rule, sight) for sight in seen]
    if len(seen) <= rule.after:
        return False
    if rule.share is not None:
        return sum(counted) > rule.share * len(seen)
    assert rule.count is not None
    if not rule.in_a_row:
        return sum(counted) >= rule.count
    last = next((i for i, hit in enumerate(reversed(counted)) if not hit), len(counted))
    return last >= rule.count


@given(
    st.lists(RULES, max_size=3),
    st.lists(
        st.tuples(st.sampled_from(SIGHTS), st.sampled_from(["requests", "wishes"])), max_size=30
    ),
)
def test_a_client_stops_as_soon_as_one_of_its_rules_holds(
    rules: list[Stop], course: list[tuple[Sight, str]]
) -> None:
    counter = StopCounter(rules)
    seen: dict[str, list[Sight]] = {"requests": [], "wishes": []}
    for sight, of in course:
        seen[of].append(sight)
        expected = any(rule.of == of and holds(rule, seen[of]) for rule in rules)
        assert counter.sees(sight, of) is expected  # type: ignore[arg-type]


@pytest.mark.parametrize("measure", [{}, {"count": 3, "share": 0.5}])
def test_a_rule_has_a_count_or_a_share(measure: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="either a count or a share"):
        Stop.model_validate({"on": ("403",), **measure})
