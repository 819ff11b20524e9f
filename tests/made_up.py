"""Made-up runs, rules and plans: small enough to count by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simkit.draws import Purpose, stream, uniform
from simkit.engine.run import REQUESTS, SERIES, WISHES, CohortName, Run, table
from simkit.engine.sums import answer_sums, client_sums
from simkit.policy.plan import Phase, Rule
from simkit.policy.source import Source
from simkit.traffic import Arrivals
from simkit.wire import Shape, SightKind

Row = dict[str, int]

COHORTS = (
    CohortName("shoppers", True, 3),
    CohortName("feed_reader", True, 1),
    CohortName("monitor", True, 1),
    CohortName("path_scanner", False, 1),
    CohortName("flood", False, 5),
    CohortName("slowloris", False, 1),
)


ALWAYS = Arrivals(kind="poisson", every_s=1.0)


@dataclass(frozen=True)
class Kind:
    """As much of a cohort of a scenario as a comparison asks for."""

    name: str
    wants_answers: bool
    arrivals: Arrivals = ALWAYS


KINDS = tuple(
    Kind(
        c.name,
        c.name != "slowloris",
        Arrivals(kind="poisson", every_s=1.0, from_s=4.0, until_s=8.0)
        if c.name == "flood"
        else ALWAYS,
    )
    for c in COHORTS
)
LENGTH_S = 10.0
GROUPS = {"(no agent)": ("feed_reader", "monitor"), "(browsers HTTP/1.1)": ("shoppers",)}


def made_rule(line: int, text: str = '"" 1;') -> Rule:
    source = Source("policies/made-up.conf", 30, "return 444;")
    entry = Source("policies/made-up.conf", line, text)
    return Rule(source, "return", Phase.SERVER_REWRITE, (entry,))


def made_run(
    requests: Sequence[Row],
    wishes: Sequence[Row],
    *,
    cohorts: tuple[CohortName, ...] = COHORTS,
    rules: tuple[Rule, ...] = (),
    load: dict[str, float] | None = None,
    strategy: str = "made-up",
    replication: int = 0,
    series: dict[str, list[int]] | None = None,
) -> Run:
    """A run of ten seconds from rows that name only what matters; the rest is 0 (no rule: -1)."""
    marks = series or {"time_ns": [int(LENGTH_S * 1e9 / 2), int(LENGTH_S * 1e9)]}
    blanks = [0] * len(marks["time_ns"])
    blank = {"rule": -1, "sight": int(SightKind.HTTP)}
    request_rows = table(_columns(requests, REQUESTS, blank), REQUESTS)
    wish_rows = table(_columns(wishes, WISHES, blank), WISHES)
    cohort_of = np.repeat(np.arange(len(cohorts)), [cohort.clients for cohort in cohorts])
    return Run(
        scenario="made-up",
        strategy=strategy,
        seed=1,
        replication=replication,
        window_ns=int(LENGTH_S * 1e9),
        engine="made-up",
        cost_table="none",
        cohorts=cohorts,
        addresses=("192.0.2.1",),
        shapes=(Shape(),),
        rules=rules,
        requests=request_rows,
        wishes=wish_rows,
        clients=client_sums(cohort_of, np.zeros(len(cohort_of)), request_rows, wish_rows),
        answers=answer_sums(request_rows),
        series=table({name: marks.get(name, blanks) for name in SERIES}, SERIES),
        load=load or {"cpu_s": 0.5, "peak_slots": 12.0},
        warnings=("made up",),
    )


def _columns(rows: Sequence[Row], schema: dict[str, str], blank: Row) -> dict[str, list[int]]:
    return {name: [row.get(name, blank.get(name, 0)) for row in rows] for name in schema}


HURT = {"open": 0.0, "polite": 0.02, "silent": 0.03}
"""How often the made-up strategies turn the wish of an honest client with an agent away."""
CAUGHT = {"open": 0.0, "polite": 0.6, "silent": 0.9}
"""The same for hostile ones. Honest ones without an agent meet the mean of the two."""
AGAIN = {"polite": 1, "silent": 3}
"""Requests that a refused wish causes."""


def _rate(strategy: str, name: CohortName) -> float:
    hurt, caught = HURT.get(strategy, 0.02), CAUGHT.get(strategy, 0.7)
    if name.name in GROUPS["(no agent)"]:
        return (hurt + caught) / 2
    return hurt if name.honest else caught


def random_run(strategy: str, seed: int, replication: int, wishes: int = 60) -> Run:
    """A run drawn by address, so that all strategies meet the same crowd."""
    requests: list[Row] = []
    done: list[Row] = []
    for cohort, name in enumerate(COHORTS):
        key = stream(seed, name.name, replication)
        for wish in range(wishes):
            refused = int(uniform(key, Purpose.CHOICE, wish) < _rate(strategy, name))
            attempts = AGAIN.get(strategy, 2) if refused else 1
            latency = int(20e6 * (0.5 + uniform(key, Purpose.SERVICE, wish)))
            start_ns = int(wish * LENGTH_S * 1e9 / wishes)
            base = {"cohort": cohort, "wish": wish, "rule": -1 + refused}
            sent = {**base, "refused": refused, "sent_ns": start_ns, "latency_ns": latency}
            requests += [{**sent, "attempt": n} for n in range(attempts)]
            times = {"start_ns": start_ns, "end_ns": start_ns + latency}
            fate = {"attempts": attempts, "served": 1 - refused, "refusals": refused * attempts}
            done.append({**base, **times, **fate})
    load = _load(strategy, uniform(stream(seed, "cpu", replication), Purpose.SERVICE))
    return made_run(
        requests,
        done,
        rules=(made_rule(7),),
        load={**load, "peak_slots": 40.0 + replication},
        strategy=strategy,
        replication=replication,
    )


def _load(strategy: str, u: float) -> dict[str, float]:
    share = 1.0 - CAUGHT.get(strategy, 0.7) / 2
    causes = {"cpu_tls_s": 0.05, "cpu_answers_s": 0.2 * share, "cpu_accept_s": 0.03}
    used = {name: value * (1.0 + 0.1 * u) for name, value in causes.items()}
    return {"cpu_s": sum(used.values()), **used}
