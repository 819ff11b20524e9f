"""A firewall in front of the server: addresses that it drops or rejects, and a rate of connections.

It looks at the address that connects and at nothing else; behind a CDN that is the CDN's. What it
drops is never answered, so the client tries again until its patience ends; what it rejects is
refused at once. The rate is that of the SYNs of each address, first ones and repeated ones alike,
as in netfilter's hashlimit; it is counted by the generic cell rate algorithm (ITU-T I.371).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Literal

from simkit.addresses import AddressRange
from simkit.policy.extents import Edges
from simkit.policy.plan import Decision, Handler, Phase, Rule
from simkit.policy.source import Source
from simkit.policy.syntax import Network
from simkit.traffic.cohorts import Network as NetworkText
from simkit.traffic.part import NS_PER_S, Count, Part, Positive
from simkit.wire import Address, Sight, SightKind

__all__ = ["Firewall", "FirewallSpec", "Rate", "SynRate"]

Verb = Literal["drop", "reject"]
_SIGHTS: dict[Verb, Sight] = {
    "drop": Sight(SightKind.NO_ANSWER),
    "reject": Sight(SightKind.REFUSED),
}


class SynRate(Part):
    """At most ``per_s`` connections a second from each address, ``burst`` of them at once."""

    per_s: Positive
    burst: Count = 5
    over: Verb = "drop"


class FirewallSpec(Part):
    """A firewall as a strategy file has it. What is both dropped and rejected is dropped."""

    drop: tuple[NetworkText, ...] = ()
    reject: tuple[NetworkText, ...] = ()
    rate: SynRate | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """The rate in nanoseconds: one connection each ``gap_ns``, and so much ahead of that."""

    gap_ns: int
    ahead_ns: int
    over: Decision

    def passes(self, due_ns: int, now_ns: int) -> tuple[bool, int]:
        """Whether a SYN gets through, and when the next one is due; ``due_ns`` was 0 at first."""
        due_ns = max(due_ns, now_ns)
        if due_ns - now_ns > self.ahead_ns:
            return False, due_ns
        return True, due_ns + self.gap_ns


@dataclass(frozen=True, slots=True)
class _Line:
    network: Network
    decision: Decision


class Firewall:
    """A firewall, ready to be asked. Immutable; the counters of its rate belong to each run."""

    def __init__(self, spec: FirewallSpec, file: str, lines: dict[str, int]) -> None:
        """``lines`` are those of the file by what stands there: a verb, or ``rate``."""
        self.spec = spec
        verbs: list[tuple[Verb, tuple[str, ...]]] = [("drop", spec.drop), ("reject", spec.reject)]
        self._lines = [
            _Line(ip_network(text), _decision(verb, Source(file, line, f'{verb} "{text}"')))
            for verb, texts in verbs
            for number, text in enumerate(texts)
            for line in (lines.get(f"{verb}.{number}", 1),)
        ]
        self._edges = Edges(line.network for line in self._lines)
        self.rate: Rate | None = None
        if spec.rate is not None:
            rate = spec.rate
            gap_ns = int(NS_PER_S / rate.per_s)
            over = Source(file, lines.get("rate", 1), f"rate {rate.per_s:g}/s burst {rate.burst}")
            self.rate = Rate(gap_ns, gap_ns * (rate.burst - 1), _decision(rate.over, over))

    def verdict(self, who: Address) -> Decision | None:
        """What becomes of every connection from an address; None: it may come."""
        fitting = (x for x in self._lines if x.network.version == who.version and who in x.network)
        return next((line.decision for line in fitting), None)

    def verdicts(self, many: AddressRange) -> Iterator[tuple[int, Decision | None]]:
        """The same for several addresses in order, in runs: how many, and what becomes of them."""
        first = 0
        while first < many.count:
            who = many[first]
            count = many.count_until(self._edges.last(many.version, int(who)), first)
            yield count, self.verdict(who)
            first += count


def _decision(verb: Verb, source: Source) -> Decision:
    return Decision(
        0, _SIGHTS[verb], Handler.SILENT, 0, Rule(source, verb, Phase.FRONT), refused=True
    )
