"""Common random numbers: how much surer a comparison gets because strategies share a crowd.

Strategies are compared by the differences within replications. With ``a`` and ``b`` the values of
two strategies, the variance of a difference is ``Var a + Var b`` if each had met a crowd of its
own, and ``Var(a - b)`` as they met the same: their ratio is how many times as many replications
independent crowds would have taken (Glasserman and Yao 1992, doi:10.1287/mnsc.38.6.884; Law,
"Simulation Modeling and Analysis", 5th ed., chapter 11).

    python -m simkit.study.crn [replications]

prints the ratio for visitors on the default scenario, ``silent`` against ``polite``. Over 200
replications with seed 1 (intervals by the jackknife):

======================================  ========  ========  ======  =================
standard deviations, variance ratio     unpaired    paired   ratio  95 % interval
======================================  ========  ========  ======  =================
false drops per wish, %                    0.899     0.298     9.1  6.7 to 12.3
latency of a served wish, p50, ms          1.406     0.265    28.2  20.3 to 39.1
the same, of wishes that both serve        1.398     0.260    28.8  21.1 to 39.4
latency of a request, p50, ms             0.0135    0.0126     1.2  1.0 to 1.3
======================================  ========  ========  ======  =================

The last line is why the latency of wishes is measured. Half of all requests fetch small files,
which take the round trip of 40 ms and a fixed cost, so the median of requests is a constant of
the network and of the cost table: it varies by hundredths of a millisecond, and what varies is
which of the few fixed costs stands in the middle. That hangs on how many requests of each kind
were sent and let through, and just there the two policies differ. There is no common noise that
pairing could take out, and nothing that anybody would feel. What a visitor waits for is a page:
its median varies by about one millisecond, with the visitor's own pages, pauses and the service
times of the application, and all of these are shared.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import exp, inf, log, sqrt
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from simkit.engine.run import Run
from simkit.measures.drops import drops_of, together
from simkit.measures.intervals import Interval
from simkit.measures.load import answered_requests_ms
from simkit.measures.waiting import both_served, quantile, served_wishes, wish_latency_ms

if TYPE_CHECKING:
    from simkit.strategy import AnyStrategy
    from simkit.traffic import Scenario

Array = npt.NDArray[np.float64]
Cohorts = Sequence[str]
Taken = Callable[[Run, Run, Cohorts], tuple[float, float]]

__all__ = ["MEASURES", "Gain", "gain", "measure_gains", "variance_ratio"]


def _each(of: Callable[[Run, Cohorts], float]) -> Taken:
    """A number of one run, taken of both."""
    return lambda first, second, cohorts: (of(first, cohorts), of(second, cohorts))


def _false_drops(run: Run, cohorts: Cohorts) -> float:
    found = drops_of(run)
    return 100.0 * together("", (found.of(c) for c in cohorts), honest=True).dropped_share


def _wish_p50_ms(run: Run, cohorts: Cohorts) -> float:
    return quantile(wish_latency_ms(run, served_wishes(run, cohorts)), 0.5)


def _both_p50_ms(first: Run, second: Run, cohorts: Cohorts) -> tuple[float, float]:
    masks = both_served(first, second, cohorts)
    one, other = (wish_latency_ms(r, m) for r, m in zip((first, second), masks, strict=True))
    return quantile(one, 0.5), quantile(other, 0.5)


def _request_p50_ms(run: Run, cohorts: Cohorts) -> float:
    return quantile(answered_requests_ms(run, cohorts), 0.5)


MEASURES: dict[str, Taken] = {
    "false drops per wish, %": _each(_false_drops),
    "latency of a served wish, p50, ms": _each(_wish_p50_ms),
    "the same, of wishes that both serve": _both_p50_ms,
    "latency of a request, p50, ms": _each(_request_p50_ms),
}
"""What is compared, by a name with its unit."""


@dataclass(frozen=True, slots=True)
class Gain:
    """A measure under two strategies: standard deviations, and what sharing a crowd gains.

    ``ratio`` is the unpaired variance over the paired one, with its interval; infinite where the
    difference is the same in every replication.
    """

    measure: str
    first_sd: float
    second_sd: float
    paired_sd: float
    ratio: Interval

    @property
    def unpaired_sd(self) -> float:
        """The standard deviation of a difference between independent crowds."""
        return sqrt(self.first_sd**2 + self.second_sd**2)


def variance_ratio(first: Array, second: Array) -> float:
    """``(Var a + Var b) / Var(a - b)``; infinite where nothing is left of the variance."""
    paired = float((first - second).var(ddof=1))
    return float(first.var(ddof=1) + second.var(ddof=1)) / paired if paired > 0.0 else inf


def gain(measure: str, first: Array, second: Array, level: float = 0.95) -> Gain:
    """What sharing a crowd gains, from one value of each strategy for each replication."""
    one, other, paired = (float(v.std(ddof=1)) for v in (first, second, first - second))
    return Gain(measure, one, other, paired, _ratio_interval(first, second, level))


def _ratio_interval(first: Array, second: Array, level: float) -> Interval:
    """By the jackknife on the logarithm, with Student's t (Efron and Tibshirani 1993, ch. 11)."""
    ratio, size = variance_ratio(first, second), first.size
    if ratio == inf:
        return Interval(inf, inf, inf, size, level)
    from scipy.special import stdtrit

    left = np.array(
        [log(variance_ratio(np.delete(first, i), np.delete(second, i))) for i in range(size)]
    )
    error = sqrt((size - 1) / size * float(((left - left.mean()) ** 2).sum()))
    half = float(stdtrit(size - 1, (1.0 + level) / 2.0)) * error
    return Interval(ratio, ratio * exp(-half), ratio * exp(half), size, level)


def measure_gains(
    scenario: Scenario,
    policies: tuple[AnyStrategy, AnyStrategy],
    *,
    replications: int,
    seed: int = 1,
    cohorts: Cohorts | None = None,
) -> tuple[Gain, ...]:
    """Run both policies on the same crowds and say what sharing them gains, for each measure.

    ``cohorts`` is whom to look at; None: the visitors. At least three replications are needed.
    """
    who = _visitors(scenario) if cohorts is None else tuple(cohorts)
    rows: dict[str, list[tuple[float, float]]] = {name: [] for name in MEASURES}
    for pair in _pairs(scenario, policies, replications, seed):
        for name, taken in MEASURES.items():
            rows[name].append(taken(*pair, who))
    columns = {name: np.array(values) for name, values in rows.items()}
    return tuple(gain(name, values[:, 0], values[:, 1]) for name, values in columns.items())


def _pairs(
    scenario: Scenario, policies: tuple[AnyStrategy, AnyStrategy], replications: int, seed: int
) -> Iterator[tuple[Run, Run]]:
    from simkit.engine import simulate

    for number in range(replications):
        first, second = (
            simulate(scenario, policy, seed=seed, replication=number) for policy in policies
        )
        yield first, second


def _visitors(scenario: Scenario) -> tuple[str, ...]:
    """The honest cohorts of people."""
    return tuple(c.name for c in scenario.cohorts if c.honest and c.kind == "visitor")


def _line(found: Gain) -> str:
    ratio = found.ratio
    return (
        f"{found.measure:<38}{found.first_sd:>10.4f}{found.second_sd:>10.4f}"
        f"{found.unpaired_sd:>10.4f}{found.paired_sd:>10.4f}"
        f"{ratio.mean:>9.1f} [{ratio.low:.1f}-{ratio.high:.1f}]"
    )


def main(arguments: Sequence[str]) -> None:
    """Print the gains for visitors on the default scenario, ``silent`` against ``polite``."""
    from simkit.policy import load_policy
    from simkit.shipped import shipped_files
    from simkit.traffic import load_scenario

    replications = int(arguments[0]) if arguments else 40
    files = shipped_files("policies")
    policies = load_policy(files["silent"]), load_policy(files["polite"])
    scenario = load_scenario(shipped_files("scenarios")["small_shop"])
    found = measure_gains(scenario, policies, replications=replications)
    print(f"visitors, {scenario.name}, silent against polite, {replications} replications, seed 1")
    heads = ("silent sd", "polite sd", "unpaired", "paired", "ratio")
    print(f"{'standard deviations, variance ratio':<38}" + "".join(f"{h:>10}" for h in heads))
    for line in map(_line, found):
        print(line)


if __name__ == "__main__":
    main(sys.argv[1:])
