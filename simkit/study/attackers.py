"""What attackers come to believe under each strategy of a comparison: the scenario's secrets.

Every secret of `simkit.measures.leakage.attacks_on` is put to every policy, probe by probe. What
needs no memory of the policy is exact; how high a limit is (``threshold``) is sampled, which takes
about a second for each policy. ``presence`` is also put to a firewall that drops everything, for
that is what it takes to hide among the addresses where nobody is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from simkit.errors import printable
from simkit.measures.leakage import Always, Attack, attack, attacks_on, load_product
from simkit.strategy import strategy_of
from simkit.study.export import Record, rounded, write_table

if TYPE_CHECKING:
    from simkit.measures.leakage import Sampling, Secret
    from simkit.strategy import AnyStrategy
    from simkit.traffic import Scenario

DROP = "(firewall: DROP)"
"""What stands for a firewall in the tables: no policy can have such a name."""

SECRETS = ("presence", "path", "rule", "product", "threshold")
"""What attackers want to know, by name."""

__all__ = ["DROP", "SECRETS", "attack_rows", "attacks_of", "write_attacks"]


def attacks_of(
    scenario: Scenario,
    strategies: Mapping[str, AnyStrategy],
    sampling: Sampling | None = None,
    secrets: Collection[str] | None = None,
) -> tuple[Attack, ...]:
    """Every built-in secret put to every policy, and `DROP` beside them for comparison.

    None where the scenario names no probes; ``secrets`` names some of `SECRETS` alone.
    """
    from simkit.measures.leakage import Sampling

    if scenario.leakage is None:
        return ()
    how = Sampling() if sampling is None else sampling
    planners = {name: strategy_of(one).planner(scenario.site) for name, one in strategies.items()}
    wanted = [s for s in attacks_on(scenario.leakage) if secrets is None or s.name in secrets]
    return (
        *(_dropped(secret) for secret in wanted if secret.name == "presence"),
        *(
            attack(secret, planner, name=name, sampling=how)
            for secret in wanted
            for name, planner in planners.items()
        ),
    )


def _dropped(secret: Secret) -> Attack:
    """A secret put to a firewall that answers nothing."""
    return attack(secret, Always(load_product("firewall").way("DROP").sight), name=DROP)


def attack_rows(attacks: Sequence[Attack]) -> list[Record]:
    """One row for each attack, number of probes and true world.

    ``right_percent`` is how often a guess is right after so many probes, in all worlds together;
    ``belief_in_truth_percent`` how far the attacker then believes in the world of the row.
    """
    return [row for found in attacks for row in _rows(found)]


def _rows(found: Attack) -> Iterator[Record]:
    for stage in found.stages:
        for index, world in enumerate(found.worlds):
            yield {
                "strategy": found.strategy,
                "secret": found.secret,
                "attacker": found.attacker,
                "basis": found.basis,
                "probes": stage.probes,
                "asks": printable(stage.asks),
                "world": world,
                "saw": printable(stage.saw[index]),
                "belief_in_truth_percent": rounded(100.0 * float(stage.belief[index, index])),
                "right_percent": rounded(100.0 * stage.chance.mean),
                "right_percent_low": rounded(100.0 * stage.chance.low),
                "right_percent_high": rounded(100.0 * stage.high),
            }


def write_attacks(attacks: Sequence[Attack], folder: Path) -> Path:
    """Write ``attacks.csv``; its path."""
    folder.mkdir(parents=True, exist_ok=True)
    return write_table(folder / "attacks.csv", attack_rows(attacks))
