"""The fit finds the prices that measurements were made from, as closely as their noise allows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from simkit.host import load_costs
from simkit.live.calibrate import Measurement, fit, solve
from simkit.live.calibrate.cases import CASES, COOLED, PAUSES_US, WAKE_UP
from simkit.live.calibrate.fit import after, predicted_us
from simkit.live.calibrate.result import KEYS
from simkit.show.calibrate import flat
from tests.live.calibrate.making import TRUTH, calibration, measured

NAMES = list(TRUTH)


def relative_rows(rows: list[Measurement]) -> NDArray[np.float64]:
    """Counts by the CPU time that the truth gives: what a price of 1 explains of each row."""
    fitted = [row for row in rows if row.load == "high" or row.load.startswith("after")]
    counts: NDArray[np.float64] = np.array(
        [[predicted_us(row, {name: 1.0}) for name in NAMES] for row in fitted]
    )
    truth = np.array([TRUTH[name] for name in NAMES])
    relative: NDArray[np.float64] = counts / (counts @ truth)[:, None]
    return relative


def test_without_noise_the_prices_are_found() -> None:
    found = fit(measured())
    assert {name: cost.us for name, cost in found.costs.items()} == pytest.approx(TRUTH, rel=1e-6)
    assert found.rms_residual == pytest.approx(0, abs=1e-9)
    assert all(cost.spread == pytest.approx(0, abs=1e-6) for cost in found.costs.values())


def test_the_cases_tell_every_event_from_the_others() -> None:
    rows = relative_rows(measured(repeats=1))
    assert np.linalg.matrix_rank(rows / np.linalg.norm(rows, axis=0)) == len(NAMES)


@pytest.mark.parametrize("noise", [0.01, 0.05])
def test_errors_are_those_of_least_squares(noise: float) -> None:
    """Within four standard errors, which the normal equations give: σ² (XᵀX)⁻¹."""
    rows = measured(noise=noise)
    x = relative_rows(rows)
    standard_errors = noise * np.sqrt(np.diag(np.linalg.inv(x.T @ x)))
    found = solve(rows)
    for name, error in zip(NAMES, standard_errors, strict=True):
        assert found[name] == pytest.approx(TRUTH[name], abs=4 * error), name


def test_what_is_measured_alone_is_found_within_the_noise() -> None:
    found = fit(measured(noise=0.05))
    for name in ("new.silent", "new.page", "new.static", "kept.page", "kept.static"):
        assert found.costs[name].us == pytest.approx(TRUTH[name], rel=0.15), name
    for pause_us in PAUSES_US:
        name = after(WAKE_UP, pause_us)
        assert found.costs[name].us == pytest.approx(TRUTH[name], rel=0.15), name
    assert 0.01 < found.rms_residual < 0.06


def test_a_repeat_that_was_disturbed_widens_the_range_and_moves_nothing() -> None:
    rows = [replace(r, cpu_us=r.cpu_us * 3) if r.repeat == 1 else r for r in measured()]
    found = fit(rows)
    for name, cost in found.costs.items():
        assert cost.us == pytest.approx(TRUTH[name], rel=1e-6)
        # with more CPU time there was less sleep, and a wake-up after less sleep costs less
        assert (cost.low_us, cost.high_us) == pytest.approx((cost.us, 3 * cost.us), rel=0.2)


def test_a_difference_that_repeats_do_not_agree_about_is_called_assumed() -> None:
    rows = [
        replace(r, cpu_us=r.cpu_us * (0.4, 1.0, 1.9)[r.repeat]) if r.case == "delay" else r
        for r in measured()
    ]
    found = calibration(rows)
    assert not found.fit.costs["delay"].told
    value = found.values()["delay_us"]
    assert value.how.startswith("assumed: as kept.page, for repeats gave 0 to ")
    assert value.cost == found.fit.costs["kept.page"]
    assert found.values()["read_us"].how.startswith("derived")


def test_no_price_is_negative_and_what_stands_in_is_called_assumed() -> None:
    """Silence that is cheaper than a page without it: only a negative price would explain that."""
    rows = [
        replace(r, cpu_us=0.8 * r.cpu_us) if r.case == "kept.silent" else r
        for r in measured({**TRUTH, "kept.silent": 0.0})
    ]
    found = calibration(rows)
    assert min(cost.low_us for cost in found.fit.costs.values()) == 0
    values = found.values()
    assert values["kept_connection_us.silent"].how.startswith("assumed: as kept.page")
    assert values["kept_connection_us.silent"].cost == found.fit.costs["kept.page"]
    assert found.table("x").kept_connection_us.silent == pytest.approx(
        found.fit.costs["kept.page"].us, abs=0.005
    )


def test_a_request_alone_is_priced_as_the_simulated_worker_pays() -> None:
    """Here the wake-ups that were seen are those of the simulator, so the two are equal.

    But for the read of parts of a header, whose rounds have a page as well.
    """
    alone = calibration(measured()).alone()
    assert set(alone) == {case.name for case in CASES}
    for seen, simulated in alone.values():
        assert simulated == pytest.approx(seen, rel=1e-3)


def test_every_value_of_a_cost_table_is_priced() -> None:
    assert set(KEYS) == set(flat(load_costs("nginx-1.22-loopback")))
    assert set(KEYS.values()) == set(NAMES)


def test_a_price_that_grows_with_the_pause_never_falls() -> None:
    for found in (solve(measured(noise=0.3, repeats=1)), solve(measured(repeats=1))):
        for event in COOLED:
            prices = [found[after(event, pause_us)] for pause_us in PAUSES_US]
            assert prices == sorted(prices)


def test_nothing_measured_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        fit([])
