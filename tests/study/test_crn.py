"""Common random numbers: the gain, by formula and on the default scenario."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

from simkit.policy import load_policy
from simkit.shipped import shipped_files
from simkit.study.crn import Gain, gain, main, measure_gains, variance_ratio
from simkit.traffic import load_scenario

DROPS, WISH = "false drops per wish, %", "latency of a served wish, p50, ms"
REPLICATIONS = 12


def test_the_ratio_of_a_correlation_that_is_known() -> None:
    """Equal variances and correlation r give 1 / (1 - r): 10 for 0.9."""
    rng = np.random.default_rng(1)
    common, first, second = rng.standard_normal((3, 20_000))
    values = [np.sqrt(0.9) * common + np.sqrt(0.1) * own for own in (first, second)]
    assert variance_ratio(*values) == pytest.approx(10.0, rel=0.03)
    assert variance_ratio(first, second) == pytest.approx(1.0, rel=0.03)


def test_its_interval_covers() -> None:
    """The jackknife is asymptotic: with 40 replications 95 % intervals cover in 93 to 97 %."""
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(600):
        common, first, second = rng.standard_normal((3, 40))
        pair = (np.sqrt(0.9) * common + np.sqrt(0.1) * own for own in (first, second))
        covered += not gain("", *pair).ratio.excludes(10.0)
    assert 0.92 <= covered / 600 <= 0.98


def test_what_differs_by_a_constant_has_no_variance_left() -> None:
    values = np.array([1.0, 2.0, 4.0])
    found = gain("", values, values + 3.0)
    assert found.ratio.mean == inf
    assert found.paired_sd == 0.0
    assert found.unpaired_sd == pytest.approx(values.std(ddof=1) * 2**0.5)


@pytest.fixture(scope="module")
def gains() -> dict[str, Gain]:
    files = shipped_files("policies")
    policies = load_policy(files["silent"]), load_policy(files["polite"])
    scenario = load_scenario(shipped_files("scenarios")["small_shop"])
    return {g.measure: g for g in measure_gains(scenario, policies, replications=REPLICATIONS)}


@pytest.mark.parametrize("measure", [DROPS, WISH])
def test_visitors_on_the_default_scenario(gains: dict[str, Gain], measure: str) -> None:
    assert gains[measure].ratio.mean >= 5.0


def test_wishes_that_both_serve_gain_as_much(gains: dict[str, Gain]) -> None:
    assert gains["the same, of wishes that both serve"].ratio.mean >= 5.0


def test_the_median_request_is_a_constant_with_nothing_to_gain(gains: dict[str, Gain]) -> None:
    """A small file takes the round trip of 40 ms and a fixed cost: it varies by microseconds."""
    found = gains["latency of a request, p50, ms"]
    assert max(found.first_sd, found.second_sd) < 0.05
    assert found.ratio.mean < 3.0


def test_the_benchmark_prints_the_ratios(
    gains: dict[str, Gain], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simkit.study.crn.measure_gains", lambda *_, **__: tuple(gains.values()))
    main([str(REPLICATIONS)])
    lines = capsys.readouterr().out.splitlines()
    assert f"silent against polite, {REPLICATIONS} replications" in lines[0]
    (line,) = (line for line in lines if line.startswith(WISH))
    assert f"{gains[WISH].ratio.mean:.1f} [" in line
