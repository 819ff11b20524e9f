"""How far an answer holds: up to which address a question has the same answer.

Most that a policy asks about addresses concerns networks, so the answer changes at their edges
alone. An `Extent` tells how far it holds; so a plan can be found for a range of addresses at once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from simkit.policy.syntax import Network

if TYPE_CHECKING:
    from simkit.policy.facts import Facts, View

__all__ = ["EVERYWHERE", "HERE", "Edges", "Extent", "earliest", "of_client"]

Extent = Callable[["Facts"], int]
"""The last address, in the family of the peer, up to which the answer for a request is the same."""

_LAST = {4: (1 << 32) - 1, 6: (1 << 128) - 1}


def EVERYWHERE(facts: Facts) -> int:  # noqa: N802 (an extent like any other, known beforehand)
    """The answer is the same for the whole family of addresses."""
    return _LAST[facts.peer.version]


def HERE(facts: Facts) -> int:  # noqa: N802
    """Nothing is known of any other address."""
    return int(facts.peer)


class Edges:
    """Where networks, or ranges of IPv4, begin, and where what follows them begins."""

    __slots__ = ("_points",)

    def __init__(self, networks: Iterable[Network], ranges: Iterable[tuple[int, int]] = ()) -> None:
        points: dict[int, set[int]] = {4: set(), 6: set()}
        for net in networks:
            points[net.version] |= {int(net.network_address), int(net.broadcast_address) + 1}
        for first, last in ranges:
            points[4] |= {first, last + 1}
        self._points = {version: sorted(found) for version, found in points.items()}

    def last(self, version: int, who: int) -> int:
        """The last address before the next edge after that one."""
        points = self._points[version]
        place = bisect_right(points, who)
        return points[place] - 1 if place < len(points) else _LAST[version]

    def extent(self, facts: Facts) -> int:
        """How far what these networks say of the peer holds."""
        return self.last(facts.peer.version, int(facts.peer))


def earliest(*extents: Extent) -> Extent:
    """What holds as far as all of several hold."""
    return lambda facts: min(extent(facts) for extent in extents)


def of_client(view: View, edges: Edges | None = None) -> Extent:
    """How far the client's address comes from where it comes from now, and what edges say of it."""
    trusts = [realip.edges.extent for realip in view.realips]

    def extent(facts: Facts) -> int:
        """Behind a trusted proxy the client is the same for every address of the proxies."""
        last = min([EVERYWHERE(facts), *(trust(facts) for trust in trusts)])
        is_peer = edges is not None and facts.through(view).client == facts.peer
        return min(last, edges.extent(facts)) if is_peer and edges is not None else last

    return extent
