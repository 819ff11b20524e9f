"""Requests made for one policy: the telling ones that are the same for all, then drawn ones.

A drawn case is a function of the seed, the policy's name and its number. Most of it is what an
ordinary client sends, with a word of the policy's `Vocabulary` here and there; a few are malformed,
kept on a connection, sent in one piece, or too many for a limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

from simkit.live.verify.cases import Case, Manner, Request
from simkit.live.verify.drawing import Draws
from simkit.live.verify.vocabulary import Vocabulary
from simkit.live.verify.writing import Writer
from simkit.policy.model import Listen
from simkit.policy.policy import Policy
from simkit.study.probe import target_of
from simkit.study.probes import CATALOGUE
from simkit.study.probes import Manner as ProbeManner
from simkit.study.telling import every_location
from simkit.wire import Address, Version

_MOST_AT_ONCE, _MOST_HELD, _MOST_KEPT = 40, 8, 3
_FRESH = {4: int(IPv4Address("198.18.0.0")), 6: int(IPv6Address("2001:db8:5::"))}
_LOOPBACK = int(IPv4Address("127.1.0.0"))
_BROADCAST = IPv4Address("127.255.255.255")
_FIXED = 3

__all__ = ["Generator"]


class Generator:
    """Makes the cases of one policy.

    ``by_header`` says that clients can stand for any address; otherwise they are of 127.0.0.0/8.
    """

    def __init__(
        self, policy: Policy, vocabulary: Vocabulary, seed: int, *, by_header: bool
    ) -> None:
        self._policy = policy
        self._words = vocabulary
        self._seed = seed
        self._by_header = by_header
        self._ends = _ends(policy)
        self._bursts, self._connections = _limits(policy)
        self._longest = _longest(policy)

    def cases(self) -> Iterator[Case]:
        """The telling cases, then drawn ones without end."""
        number = 0
        for case in self._telling():
            number += 1
            yield replace(case, number=number)
        while True:
            number += 1
            yield self.drawn(number)

    # -- telling ---------------------------------------------------------------------------------

    def _telling(self) -> Iterator[Case]:
        target = target_of(self._policy)
        for number, probe in enumerate(CATALOGUE, 1):
            shape = probe.make(target)
            if shape is None or probe.manner is ProbeManner.HALF:
                continue
            ipv6 = probe.ipv6 or (shape.port, False) not in self._policy.groups
            requests: tuple[Request, ...] = (Request.of_shape(shape),)
            manner = Manner.KEPT
            if probe.manner is ProbeManner.BURST:
                requests *= min(max(self._bursts, default=-2) + 2, _MOST_AT_ONCE)
                manner = Manner.APART
            if not requests:
                continue
            yield Case(
                number,
                requests,
                shape.port,
                ipv6,
                shape.tls,
                shape.sni,
                shape.version is Version.HTTP_2,
                self._fresh(number, ipv6=ipv6),
                manner,
                probe.name,
            )

    # -- drawn -------------------------------------------------------------------------------------

    def drawn(self, number: int) -> Case:
        """The case of a number."""
        draws = Draws(self._seed, self._policy.name, number)
        port, ipv6, listen = draws.one("end", self._ends)
        tls = listen.tls and draws.chance("tls", 0.94)
        http2 = tls and listen.http2 and draws.chance("http2", 0.35)
        writer = Writer(draws, self._words, tls_port=listen.tls, http2=http2)
        sni = writer.name_shown() if tls else None
        manner = self._manner(draws, http2=http2)
        requests = self._requests(draws, writer, manner)
        return Case(
            number,
            requests,
            port,
            ipv6,
            tls,
            sni,
            http2,
            self._address(draws, number, ipv6=ipv6),
            manner,
        )

    def _manner(self, draws: Draws, *, http2: bool) -> Manner:
        choices = [(Manner.KEPT, 90)]
        if not http2:
            choices += [(Manner.PIPELINED, 4)] if self._longest >= _MOST_KEPT else []
            choices += [(Manner.HELD, 4)] if self._connections else []
        choices += [(Manner.APART, 4)] if self._bursts else []
        return draws.weighted("manner", choices)

    def _requests(self, draws: Draws, writer: Writer, manner: Manner) -> tuple[Request, ...]:
        if manner is Manner.APART:
            count = min(draws.one("burst", self._bursts) + 2, _MOST_AT_ONCE)
            return (writer.request(0),) * count
        if manner is Manner.HELD:
            count = min(draws.one("connections", self._connections) + 1, _MOST_HELD)
            return (writer.with_body(),) * count
        if manner is Manner.PIPELINED:
            return tuple(writer.short(i) for i in range(2 + draws.number("more", _MOST_KEPT - 1)))
        longest = self._longest if draws.chance("kept", 0.12) else 1
        return tuple(writer.request(i) for i in range(1 + draws.number("length", longest)))

    def _address(self, draws: Draws, number: int, *, ipv6: bool) -> Address | None:
        fitting = [a for a in self._words.addresses if (a.version == 6) is ipv6]
        if not self._by_header:
            fitting = [a for a in fitting if a.is_loopback and not ipv6 and a != _BROADCAST]
        fixed = [self._fresh(n, ipv6=ipv6) for n in range(-_FIXED, 0)]
        kind = draws.weighted("address", ((0, 55), (1, 20), (2, 25 * bool(fitting))))
        if kind == 0:
            return self._fresh(number, ipv6=ipv6)
        return draws.one("which", fitting if kind == 2 else fixed)

    def _fresh(self, number: int, *, ipv6: bool) -> Address | None:
        """An address that no other case has."""
        if self._by_header:
            number %= 1 << 16
            first = _FRESH[6 if ipv6 else 4]
            return IPv6Address(first + number) if ipv6 else IPv4Address(first + number)
        return None if ipv6 else IPv4Address(_LOOPBACK + number % (1 << 16))


def _ends(policy: Policy) -> list[tuple[int, bool, Listen]]:
    """Ports, families and what is spoken there."""
    return [(port, ipv6, g.listen) for (port, ipv6), g in sorted(policy.groups.items())]


def _longest(policy: Policy) -> int:
    """How many requests a connection may see before `keepalive_requests` ends it anywhere.

    A decision is that of the first request of a connection; where one is too many, it says so.
    """
    places = [p for server in policy.http.servers for p in every_location(server)]
    allowed = [p.lease.requests for p in places if p.lease.requests > 1]
    return min((n - 1 for n in allowed if n <= _MOST_KEPT), default=_MOST_KEPT)


def _limits(policy: Policy) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """How many requests limits let pass at once, and how many connections."""
    places = [p for server in policy.http.servers for p in every_location(server)]
    bursts = {limit.burst // 1000 for place in places for limit in place.limits}
    connections = {limit.connections for place in places for limit in place.conn_limits}
    fitting = (n for n in connections if n < _MOST_HELD)
    return tuple(sorted(b for b in bursts if b < _MOST_AT_ONCE)), tuple(sorted(fitting))
