"""The crowd: the clients of a scenario, one by one, with all that is drawn for them once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING

from simkit import draws
from simkit.addresses import AddressRange
from simkit.draws import Purpose

if TYPE_CHECKING:
    from simkit.traffic.cohorts import CohortBase
    from simkit.traffic.scenario import Scenario

__all__ = ["Member", "members", "range_in", "ranges_of", "room"]

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Member:
    """One client: ``number`` counts through the run, ``index`` through its cohort.

    ``key`` is its stream of draws, ``agent`` the place of its first agent among those of the
    cohort.
    """

    number: int
    cohort: int
    index: int
    key: int
    agent: int


def members(scenario: Scenario, seed: int, replication: int) -> Iterator[Member]:
    """The clients of a run, in the order of their cohorts.

    A client's stream hangs on the name of its cohort and its number within it, so another cohort
    before or after leaves the draws of this one untouched.
    """
    root = draws.mix(seed, replication)
    number = 0
    for position, cohort in enumerate(scenario.cohorts):
        for index in range(cohort.count):
            key = draws.stream(root, cohort.name, index)
            yield Member(number, position, index, key, _agent(cohort, key))
            number += 1


def _agent(cohort: CohortBase, key: int) -> int:
    u = draws.uniform(key, Purpose.AGENT)
    return draws.integer(max(1, len(cohort.agents)), u)


def ranges_of(cohort: CohortBase) -> list[AddressRange]:
    """The addresses of a cohort's clients as ranges that take turns.

    The address of number ``n`` is in the range of number ``n % len(…)``; identity ``k`` of client
    ``i`` has that of number ``i * identities + k``.
    """
    networks = cohort.networks()
    count = cohort.count * cohort.identities
    takers = [len(range(which, count, len(networks))) for which in range(len(networks))]
    return [range_in(network, n) for network, n in zip(networks, takers, strict=True)]


def room(network: Network) -> int:
    """How many clients find an address in a network; a single one is shared by any number."""
    if network.num_addresses == 1:
        return 1 << 62
    if network.version == 6 and network.prefixlen < 64:
        return (1 << (64 - network.prefixlen)) - 1
    return network.num_addresses - 2


def range_in(network: Network, count: int) -> AddressRange:
    """Addresses for so many clients: in a large IPv6 network, each in a /64 of its own."""
    base = int(network.network_address)
    if network.num_addresses == 1:
        return AddressRange(network.version, base, 0, count)
    if network.version == 6 and network.prefixlen < 64:
        return AddressRange(6, base + (1 << 64) + 1, 1 << 64, count)
    return AddressRange(network.version, base + 1, 1, count)
