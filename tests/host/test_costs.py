"""The shipped cost table says what was measured, and prices follow it."""

from __future__ import annotations

from pathlib import Path

import pytest

from simkit.errors import InputError
from simkit.host import Cause, Costs, load_costs
from simkit.host.cooling import Cooling
from simkit.host.costs import ANSWERS, CostTable, answer_kind
from simkit.host.prices import Price
from simkit.policy.plan import Decision, Handler, Phase, Rule
from simkit.policy.source import Source
from simkit.shipped import shipped_files
from simkit.wire import Sight, SightKind

TABLE = load_costs("nginx-1.22-loopback")
COSTS = Costs(TABLE)
US = 1000


def rule(directive: str) -> Rule:
    return Rule(Source("x.conf", 1, directive), directive, Phase.PREACCESS)


def decided(handler: Handler, status: int, directive: str = "return", size: int = 0) -> Decision:
    silent = handler is Handler.SILENT
    sight = Sight(SightKind.EMPTY) if silent else Sight(SightKind.HTTP, status, body_bytes=size)
    return Decision(status, sight, handler, 0, rule(directive), refused=True)


@pytest.mark.parametrize(
    ("decision", "new_us", "kept_us"),
    [
        (decided(Handler.SILENT, 444), 32, 9),
        (decided(Handler.SILENT, 444, "limit_req"), 35, 12),
        (decided(Handler.PAGE, 403), 40, 9),
        (decided(Handler.PAGE, 429, "limit_req"), 39, 14),
        (decided(Handler.STATIC, 200), 41, 20),
        (decided(Handler.STATIC, 200, size=40_000), 55.8, 34.8),
        (decided(Handler.PROXY, 200), 48, 27),
    ],
)
def test_an_answer_costs_what_was_measured(
    decision: Decision, new_us: float, kept_us: float
) -> None:
    price = Price(decision, COSTS)
    assert COSTS.accept + price.fresh_ns + price.back_ns == pytest.approx(new_us * US)
    assert price.kept_ns + price.back_ns == pytest.approx(kept_us * US)


def test_a_handshake_and_an_answer_come_near_what_was_measured_together() -> None:
    for certificate, measured_us in (("ecdsa", (385, 409)), ("rsa", (692, 648))):
        costs = Costs(TABLE, certificate)  # type: ignore[arg-type]
        for kind, us in zip(("static", "silent"), measured_us, strict=True):
            answer = costs.new[ANSWERS.index(kind)]
            assert costs.accept + costs.handshake.after(0) + answer == pytest.approx(
                us * US, rel=0.06
            )


def test_a_refused_handshake_costs_what_was_measured() -> None:
    assert COSTS.accept + COSTS.refused_handshake.after(0) == 80 * US


def _whole(costs: Costs) -> list[int]:
    """Answers on new connections with the accepting, which can be told from them only roughly."""
    return [costs.accept + own for own in costs.new]


@pytest.mark.parametrize("name", shipped_files("costs"))
def test_machines_agree_about_what_is_dear(name: str) -> None:
    table = load_costs(name)
    assert table.name == name
    assert set(table.handshake_us) == {"ecdsa", "rsa", "rsa3072"}
    for certificate in table.handshake_us:
        costs = Costs(table, certificate)
        assert costs.handshake.after(0) > 5 * max(costs.new)
    costs = Costs(table)
    for ours, theirs in ((_whole(costs), _whole(COSTS)), (costs.kept, COSTS.kept)):
        assert all(0.25 < a / b < 4 for a, b in zip(ours, theirs, strict=True))
    assert costs.resumed.after(0) < costs.handshake.after(0)


def test_causes_follow_who_makes_the_answer() -> None:
    causes = {
        h: Price(decided(h, 200), COSTS).cause
        for h in (Handler.SILENT, Handler.PAGE, Handler.STATIC, Handler.PROXY)
    }
    assert causes == {
        Handler.SILENT: Cause.SILENT,
        Handler.PAGE: Cause.PAGE,
        Handler.STATIC: Cause.STATIC,
        Handler.PROXY: Cause.PROXY,
    }
    assert ANSWERS[answer_kind(decided(Handler.PAGE, 503, "limit_conn"))] == "limited_page"


def test_where_a_connection_closes_the_client_is_told() -> None:
    sight = Sight(SightKind.HTTP, 200, (("connection", "keep-alive"), ("server", "x")), 1, True)
    price = Price(Decision(200, sight, Handler.STATIC, 1), COSTS)
    assert price.closing.headers == (("connection", "close"), ("server", "x"))
    assert not price.closing.kept


def test_a_cost_table_that_is_wrong_is_named_with_its_line(tmp_path: Path) -> None:
    text = Path("data/costs/nginx-1.22-loopback.toml")
    text = Path(__file__).parents[2] / text
    file = tmp_path / "mine.toml"
    file.write_text(text.read_text().replace("wake_up_us = 100", "wake_up_us = -1"))
    with pytest.raises(InputError, match=r"mine\.toml:\d+: wake_up_us: must be >= 0"):
        load_costs(file)
    with pytest.raises(InputError, match=r"nginx-1\.22-loopback"):
        load_costs("no-such-table")


def test_the_shipped_table_says_where_it_comes_from() -> None:
    assert isinstance(TABLE, CostTable)
    assert TABLE.nginx == "1.22.1"
    assert "loopback" in TABLE.provenance


def test_what_was_not_measured_there_is_as_in_the_calibrated_table() -> None:
    other = load_costs("nginx-1.22-calibrated")
    assert Cooling(TABLE.resumed_us).after(0) == round(Cooling(other.resumed_us).after(0), -3)
    rsa3072 = Cooling(other.handshake_us["rsa3072"]).after(0)
    assert Cooling(TABLE.handshake_us["rsa3072"]).after(0) == round(rsa3072, -3)
    assert TABLE.tls_answer_us == round(other.tls_answer_us, 1)
    assert TABLE.tls_body_ns_per_byte == other.tls_body_ns_per_byte
