"""A comparison to look at: made-up runs, real leakage of the shipped policies of those names."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from simkit.engine.run import Run
from simkit.policy import Page, load_policy
from simkit.study.compare import Comparison, compare
from simkit.traffic import LeakageSpec
from tests.made_up import GROUPS, KINDS, LENGTH_S, random_run

SHIPPED = Path(__file__).parents[2] / "data" / "policies"


class Crowd:
    """As much of a scenario as a comparison needs beside the runs."""

    name = "made_up"
    cohorts = KINDS
    length_s = LENGTH_S
    leakage = LeakageSpec(
        host="shop.example",
        bare_host="192.0.2.10",
        plain_address="198.51.100.7",
        blocked_address="203.0.113.7",
        browser_agent="Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    )

    @property
    def site(self) -> Crowd:
        return self

    def find(self, path: str) -> Page | None:
        return {"/": Page(200, 20_000), "/admin/": Page(200, 3_000)}.get(path)


def fake(scenario: Any, policy: Any, *, seed: int, replication: int) -> Run:
    return random_run(policy.name, seed, replication)


@lru_cache
def example(
    replications: int = 8, names: tuple[str, ...] = ("open", "polite", "silent")
) -> Comparison:
    policies = {name: load_policy(SHIPPED / f"{name}.conf") for name in names}
    crowd: Any = Crowd()
    return compare(
        crowd, policies, replications=replications, workers=1, groups=GROUPS, simulate=fake
    )
