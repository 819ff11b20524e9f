"""Many addresses at once: ranges of them, and numbers for them.

The clients of a crowd have addresses at equal distances in a network. As ranges, a million of them
cost no more than one: they are numbered by arithmetic, planned in pieces, and written out where
somebody reads them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import overload

from simkit.wire import Address

__all__ = ["AddressNames", "AddressNumbers", "AddressRange", "in_turn"]


@dataclass(frozen=True, slots=True)
class AddressRange:
    """``count`` addresses: ``base``, ``base + step`` …; with step 0 the same one for all."""

    version: int
    base: int
    step: int
    count: int

    @property
    def last(self) -> int:
        """The last address, as a number."""
        return self.base + self.step * (self.count - 1)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Address:
        if not 0 <= index < self.count:
            raise IndexError(index)
        kind = IPv4Address if self.version == 4 else IPv6Address
        return kind(self.base + self.step * index)

    def __iter__(self) -> Iterator[Address]:
        return (self[index] for index in range(self.count))

    def piece(self, first: int, count: int) -> AddressRange:
        """``count`` of them from that index on."""
        return AddressRange(self.version, self.base + self.step * first, self.step, count)

    def count_until(self, last: int, first: int = 0) -> int:
        """How many from that index on are not beyond an address."""
        if not self.step:
            return self.count - first
        return min(self.count, (last - self.base) // self.step + 1) - first

    def index(self, version: int, who: int) -> int | None:
        """Where an address stands, or None."""
        if version != self.version or not self.base <= who <= self.last:
            return None
        if not self.step:
            return 0
        index, between = divmod(who - self.base, self.step)
        return None if between else index

    def overlaps(self, other: AddressRange) -> bool:
        """Whether some address of the one lies between the ends of the other."""
        return self.version == other.version and self.base <= other.last and other.base <= self.last


def in_turn(ranges: Sequence[AddressRange], place: int) -> Address:
    """The address of that place, where ranges take turns: place ``n`` is in ``n % len(ranges)``."""
    turn, which = divmod(place, len(ranges))
    return ranges[which][turn]


class AddressNumbers:
    """A number for each address, the same whenever it is asked for.

    ``allocate`` is given a range of new addresses and says the number of the first of them; the
    others follow.
    """

    __slots__ = ("_allocate", "_blocks", "_singles")

    def __init__(self, allocate: Callable[[AddressRange], int]) -> None:
        self._allocate = allocate
        self._singles: dict[tuple[int, int], int] = {}
        self._blocks: list[tuple[AddressRange, int]] = []

    def number(self, version: int, who: int) -> int:
        """The number of one address."""
        found = self._singles.get((version, who))
        if found is None:
            found = self._in_blocks(version, who)
        if found is None:
            found = self._allocate(AddressRange(version, who, 0, 1))
            self._singles[version, who] = found
        return found

    def numbers(self, many: AddressRange) -> Sequence[int]:
        """The numbers of several addresses, in order."""
        if not many.count:
            return []
        if not many.step or many.count == 1:
            return [self.number(many.version, many.base)] * many.count
        for block, first in self._blocks:
            at = block.index(many.version, many.base)
            if at is not None and many.step == block.step and many.last <= block.last:
                return range(first + at, first + at + many.count)
        if self._knows_none_of(many):
            first = self._allocate(many)
            self._blocks.append((many, first))
            return range(first, first + many.count)
        places = range(many.base, many.last + 1, many.step)
        return [self.number(many.version, who) for who in places]

    def _in_blocks(self, version: int, who: int) -> int | None:
        for block, first in self._blocks:
            at = block.index(version, who)
            if at is not None:
                return first + at
        return None

    def _knows_none_of(self, many: AddressRange) -> bool:
        if any(many.overlaps(block) for block, _ in self._blocks):
            return False
        inside = (v == many.version and many.base <= a <= many.last for v, a in self._singles)
        return not any(inside)


class AddressNames(Sequence[str]):
    """The addresses of some ranges, one after the other, written out when they are read."""

    __slots__ = ("_count", "_firsts", "_parts")

    def __init__(self, parts: Sequence[AddressRange]) -> None:
        self._parts = tuple(parts)
        self._firsts: list[int] = []
        self._count = 0
        for part in self._parts:
            self._firsts.append(self._count)
            self._count += part.count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._count))]
        place = (
            int(index) + self._count if index < 0 else int(index)
        )  # NumPy's integers have bounds
        if not 0 <= place < self._count:
            raise IndexError(index)
        return str(self.address(place))

    @property
    def parts(self) -> tuple[AddressRange, ...]:
        """The ranges."""
        return self._parts

    def address(self, place: int) -> Address:
        """The address itself."""
        part = bisect_right(self._firsts, place) - 1
        return self._parts[part][place - self._firsts[part]]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AddressNames):
            return NotImplemented
        same = self._parts == other._parts
        return same or (len(self) == len(other) and all(map(str.__eq__, self, other)))

    def __hash__(self) -> int:
        return hash((self._count, self[0] if self._count else ""))

    def __repr__(self) -> str:
        shown = ", ".join(self[:3])
        return f"<{self._count} addresses: {shown}{', …' if self._count > 3 else ''}>"
