"""The lines of a configuration as they stand, where what is in force is not enough.

A policy knows what holds in a location; here is where it was written: by the location itself, or
by a block around it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from simkit.policy.policy import Policy
from simkit.policy.reader import Directive, read
from simkit.policy.source import Source

__all__ = ["Blocks"]

Chain = tuple[Directive, ...]


class Blocks:
    """Every block of a policy's file with the blocks around it, found by its place."""

    def __init__(self, policy: Policy) -> None:
        tree = read(policy.path)
        self._main = Directive("main", (), Source(str(policy.path), 0, ""), tree)
        self._chains: dict[Source, Chain] = {}
        for chain in _chains((self._main,)):
            self._chains.setdefault(chain[-1].source, chain)

    def nearest(self, place: Source, *names: str) -> Directive | None:
        """The directive of one of these names in force at a block, or None."""
        for block in reversed(self._chains.get(place, (self._main,))):
            found = [d for d in block.block or () if d.name in names]
            if found:
                return found[-1]
        return None


def _chains(chain: Chain) -> Iterator[Chain]:
    inside: Sequence[Directive] = chain[-1].block or ()
    for directive in inside:
        if directive.block is not None:
            yield (*chain, directive)
            yield from _chains((*chain, directive))
