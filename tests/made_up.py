"""Made-up runs, rules and plans: small enough to count by hand."""

from __future__ import annotations

from collections.abc import Sequence

from simkit.draws import Purpose, stream, uniform
from simkit.engine.run import REQUESTS, WISHES, CohortName, Run, table
from simkit.policy.plan import Phase, Rule, Source
from simkit.wire import Shape, SightKind

Row = dict[str, int]

COHORTS = (
    CohortName("shoppers", True, 3),
    CohortName("monitor", True, 1),
    CohortName("path_scanner", False, 1),
)


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
) -> Run:
    """A run of ten seconds from rows that name only what matters; the rest is 0 (no rule: -1)."""
    blank = {"rule": -1, "sight": int(SightKind.HTTP)}
    return Run(
        scenario="made-up",
        strategy=strategy,
        seed=1,
        replication=replication,
        window_ns=10_000_000_000,
        engine="made-up",
        cost_table="none",
        cohorts=cohorts,
        addresses=("192.0.2.1",),
        shapes=(Shape(),),
        rules=rules,
        requests=table(_columns(requests, REQUESTS, blank), REQUESTS),
        wishes=table(_columns(wishes, WISHES, blank), WISHES),
        load=load or {"cpu_s": 0.5, "peak_slots": 12.0},
        warnings=("made up",),
    )


def _columns(rows: Sequence[Row], schema: dict[str, str], blank: Row) -> dict[str, list[int]]:
    return {name: [row.get(name, blank.get(name, 0)) for row in rows] for name in schema}


HURT = {"open": 0.01, "polite": 0.1, "silent": 0.3}
"""How often the made-up strategies turn an honest wish away."""
CAUGHT = {"open": 0.0, "polite": 0.6, "silent": 0.9}


def random_run(strategy: str, seed: int, replication: int, wishes: int = 60) -> Run:
    """A run of one request a wish, drawn by address: the crowd is the same for all strategies."""
    requests: list[Row] = []
    done: list[Row] = []
    for cohort, name in enumerate(COHORTS):
        key = stream(seed, name.name, replication)
        rate = (HURT if name.honest else CAUGHT).get(strategy, 0.2)
        for wish in range(wishes):
            refused = int(uniform(key, Purpose.CHOICE, wish) < rate)
            latency = int(20e6 * (0.5 + uniform(key, Purpose.SERVICE, wish)))
            base = {"cohort": cohort, "wish": wish, "rule": -1 + refused}
            requests.append({**base, "refused": refused, "latency_ns": latency})
            done.append({**base, "attempts": 1, "served": 1 - refused, "refusals": refused})
    used = 0.1 + 0.01 * uniform(stream(seed, "cpu", replication), Purpose.SERVICE)
    load = {"cpu_s": used * (1.0 + rate), "peak_slots": 40.0 + replication}
    return made_run(
        requests,
        done,
        rules=(made_rule(7),),
        load=load,
        strategy=strategy,
        replication=replication,
    )
