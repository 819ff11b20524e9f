"""What the tests of attacks share: the shipped policies in front of a small site, and probes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from simkit.measures.leakage import Attack, Secret, attack, attacks_on
from simkit.policy import Page, Planner, load_policy
from simkit.traffic import LeakageSpec

POLICIES = Path(__file__).parents[3] / "data" / "policies"
PROBES = LeakageSpec(
    host="shop.example",
    bare_host="192.0.2.10",
    plain_address="198.51.100.7",
    blocked_address="203.0.113.7",
)
REFUSING = ("silent", "polite", "uniform", "hardened", "reset", "recommended")


class Shop:
    """Two pages."""

    def find(self, path: str) -> Page | None:
        return {"/": Page(200, 20_000), "/admin/": Page(200, 3_000)}.get(path)


@lru_cache
def shipped(name: str) -> Planner:
    return Planner(load_policy(POLICIES / f"{name}.conf"), Shop())


@lru_cache
def secrets() -> dict[str, Secret]:
    return {secret.name: secret for secret in attacks_on(PROBES)}


@lru_cache
def attacked(policy: str, secret: str) -> Attack:
    return attack(secrets()[secret], shipped(policy))


def changed(name: str, folder: Path, texts: dict[str, str]) -> Planner:
    """A shipped policy, in a new folder, with some texts in place of others."""
    text = (POLICIES / f"{name}.conf").read_text()
    for old, new in texts.items():
        assert old in text
        text = text.replace(old, new)
    folder.mkdir(exist_ok=True)
    (folder / "site").symlink_to(POLICIES / "site")
    (folder / f"{name}.conf").write_text(text)
    return Planner(load_policy(folder / f"{name}.conf"), Shop())
