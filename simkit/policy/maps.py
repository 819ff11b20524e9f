"""`map` and `geo`: tables from a value to an entry.

A table answers with the number of the entry that decides, so that requests with different agents
but the same entry share a plan. The entry knows its line.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

from simkit.policy.patterns import Pattern
from simkit.policy.plan import Source
from simkit.policy.reader import Directive
from simkit.policy.syntax import Network, bad, network
from simkit.policy.values import Template
from simkit.wire import Address

__all__ = ["Entry", "GeoTable", "MapTable", "parse_geo", "parse_map"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a table: what it gives, and where it stands."""

    value: Template
    source: Source


@dataclass(frozen=True, slots=True)
class MapTable:
    """A `map` block. ``entries[0]`` is the default (an empty value where none is written)."""

    name: str
    subject: Template
    entries: tuple[Entry, ...]
    exact: dict[str, int]
    wildcards: tuple[tuple[str, int], ...]
    suffixes: tuple[tuple[str, int], ...]
    patterns: tuple[tuple[Pattern, int], ...]
    volatile: bool
    source: Source

    def find(self, value: str) -> tuple[int, tuple[str, ...]]:
        """The number of the entry for a value, and the groups that a pattern captured."""
        lowered = value.lower().removesuffix(".") if self.wildcards or self.suffixes else ""
        found = self.exact.get(value.lower())
        if found is None:
            found = _longest(lowered, self.wildcards, self.suffixes)
        if found is not None:
            return found, ()
        for pattern, number in self.patterns:
            groups = pattern.match(value)
            if groups is not None:
                return number, groups
        return 0, ()


def _longest(
    host: str, wildcards: Sequence[tuple[str, int]], suffixes: Sequence[tuple[str, int]]
) -> int | None:
    for tail, number in wildcards:
        if host.endswith(tail):
            return number
    for head, number in suffixes:
        if host.startswith(head):
            return number
    return None


@dataclass(slots=True)
class _MapBuilder:
    name: str
    entries: list[Entry]
    exact: dict[str, int] = field(default_factory=dict)
    wildcards: list[tuple[str, int]] = field(default_factory=list)
    suffixes: list[tuple[str, int]] = field(default_factory=list)
    patterns: list[tuple[Pattern, int]] = field(default_factory=list)
    hostnames: bool = False
    volatile: bool = False

    def add(self, line: Directive) -> None:
        """One line of the block; parameters without a value change how later ones are read."""
        if not line.args and line.name in ("hostnames", "volatile"):
            setattr(self, line.name, True)
            return
        if len(line.args) != 1:
            raise bad(line.source, "invalid number of the map parameters", "source and value")
        entry = Entry(Template.parse(line.args[0], line.source), line.source)
        if line.name == "default":
            self.entries[0] = entry
            return
        self.entries.append(entry)
        self._key(line.name, len(self.entries) - 1, line.source)

    def _key(self, key: str, number: int, source: Source) -> None:
        if key.startswith("~"):
            text, caseless = (key[2:], True) if key.startswith("~*") else (key[1:], False)
            self.patterns.append((Pattern(text, caseless=caseless, source=source), number))
            return
        key = key.removeprefix("\\").lower()
        if self.hostnames and key.startswith("*."):
            self.wildcards.append((key[1:], number))
        elif self.hostnames and key.startswith("."):
            self._exact(key[1:], number, source)
            self.wildcards.append((key, number))
        elif self.hostnames and key.endswith(".*"):
            self.suffixes.append((key[:-1], number))
        else:
            self._exact(key, number, source)

    def _exact(self, key: str, number: int, source: Source) -> None:
        if self.exact.setdefault(key, number) != number:
            raise bad(source, f'conflicting parameter "{key}"')


def parse_map(block: Directive) -> MapTable:
    """Read a `map` block. Raises InputError with the line that is wrong."""
    subject, name = block.args
    if not name.startswith("$"):
        raise bad(block.source, f'invalid variable name "{name}"', "it must begin with $")
    default = Entry(Template((), block.source), block.source)
    builder = _MapBuilder(name[1:], [default])
    for line in block.block or ():
        builder.add(line)
    longest = _by_length
    return MapTable(
        builder.name,
        Template.parse(subject, block.source),
        tuple(builder.entries),
        builder.exact,
        longest(builder.wildcards),
        longest(builder.suffixes),
        tuple(builder.patterns),
        builder.volatile,
        block.source,
    )


def _by_length(pairs: list[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(pairs, key=lambda pair: -len(pair[0])))


@dataclass(frozen=True, slots=True)
class GeoTable:
    """A `geo` block: the longest matching network decides; ranges are turned into cuts.

    ``subject`` is the variable that the address is taken from (None: the client's address).
    """

    name: str
    subject: Template | None
    entries: tuple[Entry, ...]
    networks: tuple[tuple[Network, int], ...]
    cuts: tuple[tuple[int, int], ...]
    source: Source

    def find(self, who: Address | None) -> int:
        """The number of the entry for an address (None: one that cannot be read)."""
        if who is None:
            return 0
        if self.cuts and who.version == 4:
            return self.cuts[bisect_right(self.cuts, (int(who), len(self.entries))) - 1][1]
        for net, number in self.networks:
            if who.version == net.version and who in net:
                return number
        return 0


def parse_geo(block: Directive) -> GeoTable:
    """Read a `geo` block. Raises InputError with the line that is wrong."""
    subject = Template.parse(block.args[0], block.source) if len(block.args) == 2 else None
    name = block.args[-1]
    if not name.startswith("$"):
        raise bad(block.source, f'invalid variable name "{name}"', "it must begin with $")
    entries = [Entry(Template((), block.source), block.source)]
    networks: dict[Network, int] = {}
    ranges: list[tuple[int, int, int]] = []
    with_ranges = any(d.name == "ranges" and not d.args for d in block.block or ())
    for line in block.block or ():
        _geo_line(line, with_ranges, entries, networks, ranges)
    ordered = sorted(networks.items(), key=lambda item: -item[0].prefixlen)
    return GeoTable(name[1:], subject, tuple(entries), tuple(ordered), _cuts(ranges), block.source)


def _geo_line(
    line: Directive,
    with_ranges: bool,
    entries: list[Entry],
    networks: dict[Network, int],
    ranges: list[tuple[int, int, int]],
) -> None:
    if line.name == "ranges" and not line.args:
        return
    if line.name in ("proxy", "proxy_recursive"):
        raise bad(line.source, f'"{line.name}" of geo is not simulated', "use set_real_ip_from")
    if len(line.args) != 1:
        raise bad(line.source, "invalid number of the geo parameters", "network and value")
    if line.name == "delete":
        networks.pop(network(line.args[0], line.source), None)
        return
    entry = Entry(Template.parse(line.args[0], line.source), line.source)
    if line.name == "default":
        entries[0] = entry
        return
    entries.append(entry)
    if with_ranges:
        ranges.append((*_range(line), len(entries) - 1))
    else:
        networks[network(line.name, line.source)] = len(entries) - 1


def _range(line: Directive) -> tuple[int, int]:
    first, _, last = line.name.partition("-")
    try:
        ends = int(ip_address(first)), int(ip_address(last))
    except ValueError:
        raise bad(
            line.source, f'invalid range "{line.name}"', "such as 192.0.2.1-192.0.2.9"
        ) from None
    if ends[0] > ends[1]:
        raise bad(line.source, f'invalid range "{line.name}"', "its first address is the larger")
    return ends


def _cuts(ranges: Sequence[tuple[int, int, int]]) -> tuple[tuple[int, int], ...]:
    """Where the deciding entry changes, for ranges of which a later one wins."""
    if not ranges:
        return ()
    points = sorted({0, *(r[0] for r in ranges), *(r[1] + 1 for r in ranges)})
    cuts: list[tuple[int, int]] = []
    for point in points:
        number = next((n for a, b, n in reversed(ranges) if a <= point <= b), 0)
        if not cuts or cuts[-1][1] != number:
            cuts.append((point, number))
    return tuple(cuts)
