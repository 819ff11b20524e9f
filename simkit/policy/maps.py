"""`map` and `geo`: tables from a value to an entry.

A table answers with the number of the entry that decides, so that requests with different agents
but the same entry share a plan. The entry knows its line.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from ipaddress import IPv4Address

from simkit.policy.extents import Edges, Extent, earliest, of_client
from simkit.policy.facts import Facts, View
from simkit.policy.patterns import Pattern
from simkit.policy.reader import Directive
from simkit.policy.realip import RealIp
from simkit.policy.source import Source
from simkit.policy.syntax import Network, bad, network
from simkit.policy.uri import ascii_lower
from simkit.policy.values import Template
from simkit.wire import Address

_NO_ADDRESS = IPv4Address("255.255.255.255")

__all__ = ["Entry", "GeoTable", "MapTable", "Networks", "parse_geo", "parse_map"]


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
    hostnames: bool
    volatile: bool
    source: Source

    def find(self, value: str) -> int:
        """The number of the entry for a value."""
        value = self.read(value)
        lowered = ascii_lower(value)
        found = self.exact.get(lowered)
        if found is None:
            found = _longest(lowered, self.wildcards, self.suffixes)
        if found is None and value:  # an empty value meets no pattern
            found = next((n for pattern, n in self.patterns if pattern.matches(value)), None)
        return found or 0

    def pattern(self, number: int) -> Pattern | None:
        """The regular expression of an entry, if it has one."""
        return next((pattern for pattern, n in self.patterns if n == number), None)

    def read(self, value: str) -> str:
        """The value as it is looked up: with `hostnames`, without its final dot."""
        return value.removesuffix(".") if self.hostnames else value


def _longest(
    host: str, wildcards: Sequence[tuple[str, int]], suffixes: Sequence[tuple[str, int]]
) -> int | None:
    for tail, number in wildcards:
        if host.endswith(tail) and len(host) > len(tail):
            return number
    for head, number in suffixes:
        if host.startswith(head) and len(host) > len(head):
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
    has_default: bool = False

    def add(self, line: Directive) -> None:
        """One line of the block; parameters without a value change how later ones are read."""
        if not line.args and line.name in ("hostnames", "volatile"):
            setattr(self, line.name, True)
            return
        if len(line.args) != 1:
            raise bad(line.source, "invalid number of the map parameters", "source and value")
        entry = Entry(Template.parse(line.args[0], line.source), line.source)
        if line.name == "default":
            if self.has_default:
                raise bad(line.source, "duplicate default map parameter")
            self.entries[0], self.has_default = entry, True
            return
        self.entries.append(entry)
        self._key(line.name, len(self.entries) - 1, line.source)

    def _key(self, key: str, number: int, source: Source) -> None:
        if key.startswith("~"):
            text, caseless = (key[2:], True) if key.startswith("~*") else (key[1:], False)
            self.patterns.append((Pattern(text, caseless=caseless, source=source), number))
            return
        key = ascii_lower(key.removeprefix("\\"))
        if self.hostnames and key.startswith("*."):
            _add(self.wildcards, key[1:], number, source)
        elif self.hostnames and key.startswith("."):
            self._exact(key[1:], number, source)
            _add(self.wildcards, key, number, source)
        elif self.hostnames and key.endswith(".*"):
            _add(self.suffixes, key[:-1], number, source)
        else:
            self._exact(key, number, source)

    def _exact(self, key: str, number: int, source: Source) -> None:
        if self.exact.setdefault(key, number) != number:
            raise bad(source, f'conflicting parameter "{key}"')


def _add(pairs: list[tuple[str, int]], key: str, number: int, source: Source) -> None:
    if any(key == known for known, _ in pairs):
        raise bad(source, f'conflicting parameter "{source.text.split()[0]}"')
    pairs.append((key, number))


def parse_map(block: Directive) -> MapTable:
    """Read a `map` block. Raises InputError with the line that is wrong."""
    subject, name = block.args
    if not name.startswith("$"):
        raise bad(block.source, f'invalid variable name "{name}"', "it must begin with $")
    default = Entry(Template((), block.source), block.source)
    builder = _MapBuilder(ascii_lower(name[1:]), [default])
    for line in block.block or ():
        builder.add(line)
    return MapTable(
        builder.name,
        Template.parse(subject, block.source),
        tuple(builder.entries),
        builder.exact,
        _by_length(builder.wildcards),
        _by_length(builder.suffixes),
        tuple(builder.patterns),
        builder.hostnames,
        builder.volatile,
        block.source,
    )


def _by_length(pairs: list[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(pairs, key=lambda pair: -len(pair[0])))


@dataclass(frozen=True, slots=True)
class Networks:
    """Networks of one family by the length of their prefix, longest first."""

    bits: int
    by_length: tuple[tuple[int, dict[int, int]], ...]

    @classmethod
    def of(cls, networks: Mapping[Network, int], version: int) -> Networks:
        """Those networks that are of a family."""
        bits = 32 if version == 4 else 128
        tables: dict[int, dict[int, int]] = {}
        for net, number in networks.items():
            if net.version == version:
                start = int(net.network_address) >> (bits - net.prefixlen)
                tables.setdefault(net.prefixlen, {})[start] = number
        return cls(bits, tuple(sorted(tables.items(), reverse=True)))

    def find(self, who: int) -> int:
        """The number of the longest network that holds an address, or 0."""
        for length, table in self.by_length:
            number = table.get(who >> (self.bits - length))
            if number is not None:
                return number
        return 0


@dataclass(frozen=True, slots=True)
class GeoTable:
    """A `geo` block: the longest matching network decides; ranges are turned into cuts.

    ``subject`` is the variable that the address is taken from (None: the client's address).
    """

    name: str
    subject: Template | None
    entries: tuple[Entry, ...]
    networks: tuple[Networks, Networks]  # IPv4, IPv6
    cuts: tuple[tuple[int, int], ...]
    proxies: RealIp | None
    source: Source
    edges: Edges

    def extent(self, view: View) -> Extent:
        """How far the entry for the client's address is the same."""
        own = of_client(view, self.edges)
        return own if self.proxies is None else earliest(own, of_client(view, self.proxies.edges))

    def client(self, facts: Facts) -> Address:
        """The address that is looked up for a request: behind trusted proxies, what they say."""
        found = facts.client
        if self.proxies is None:
            return found
        return self.proxies.resolve(found, facts.headers) or found

    def find(self, who: Address | None) -> int:
        """The number of the entry for an address.

        What cannot be read as one (None) counts as 255.255.255.255; so does IPv6 among ranges.
        """
        if who is None or (self.cuts and who.version != 4):
            who = _NO_ADDRESS
        if self.cuts:
            return self.cuts[bisect_right(self.cuts, (int(who), len(self.entries))) - 1][1]
        return self.networks[who.version != 4].find(int(who))


@dataclass(slots=True)
class _GeoBuilder:
    with_ranges: bool
    entries: list[Entry]
    networks: dict[Network, int] = field(default_factory=dict)
    ranges: dict[tuple[int, int], int] = field(default_factory=dict)
    proxies: list[Network] = field(default_factory=list)
    recursive: bool = False

    def add(self, line: Directive) -> None:
        """One line of the block."""
        if line.name == "ranges" and not line.args:
            return
        if line.name == "proxy_recursive" and not line.args:
            self.recursive = True
            return
        if len(line.args) != 1:
            raise bad(line.source, "invalid number of the geo parameters", "network and value")
        if line.name in ("delete", "proxy"):
            self._other(line.name, line.args[0], line.source)
            return
        entry = Entry(Template.plain(line.args[0], line.source), line.source)
        if line.name == "default":
            self.entries[0] = entry
            return
        self.entries.append(entry)
        self._enter(line.name, len(self.entries) - 1, line.source)

    def trusted(self, source: Source) -> RealIp | None:
        """The proxies whose X-Forwarded-For counts, or None."""
        if not self.proxies:
            return None
        return RealIp(tuple(self.proxies), "X-Forwarded-For", self.recursive, source)

    def _other(self, name: str, text: str, source: Source) -> None:
        if name == "proxy":
            self.proxies.append(network(text, source))
        elif self.with_ranges:
            self.ranges.pop(_range(text, source), None)
        else:
            self.networks.pop(network(text, source), None)

    def _enter(self, text: str, number: int, source: Source) -> None:
        if self.with_ranges:
            span = _range(text, source)
            self.ranges.pop(span, None)  # of overlapping ranges the later one counts
            self.ranges[span] = number
        else:
            self.networks[network(text, source)] = number


def parse_geo(block: Directive) -> GeoTable:
    """Read a `geo` block. Raises InputError with the line that is wrong."""
    subject = Template.parse(block.args[0], block.source) if len(block.args) == 2 else None
    name = block.args[-1]
    if not name.startswith("$"):
        raise bad(block.source, f'invalid variable name "{name}"', "it must begin with $")
    lines = block.block or ()
    default = Entry(Template((), block.source), block.source)
    builder = _GeoBuilder(any(d.name == "ranges" and not d.args for d in lines), [default])
    for line in lines:
        builder.add(line)
    networks = builder.networks
    return GeoTable(
        ascii_lower(name[1:]),
        subject,
        tuple(builder.entries),
        (Networks.of(networks, 4), Networks.of(networks, 6)),
        _cuts([(first, last, number) for (first, last), number in builder.ranges.items()]),
        builder.trusted(block.source),
        block.source,
        Edges(networks, builder.ranges),
    )


def _range(text: str, source: Source) -> tuple[int, int]:
    first, _, last = text.partition("-")
    try:
        ends = int(IPv4Address(first)), int(IPv4Address(last))
    except ValueError:
        raise bad(source, f'invalid range "{text}"', "such as 192.0.2.1-192.0.2.9") from None
    if ends[0] > ends[1]:
        raise bad(source, f'invalid range "{text}"', "its first address is the larger")
    return ends


def _cuts(ranges: Sequence[tuple[int, int, int]]) -> tuple[tuple[int, int], ...]:
    """Where the deciding entry changes, for ranges of which a later one wins."""
    if not ranges:
        return ()
    starts = sorted((first, -order, last) for order, (first, last, _) in enumerate(ranges))
    points = sorted({0, *(r[0] for r in ranges), *(r[1] + 1 for r in ranges)})
    cuts: list[tuple[int, int]] = []
    open_now: list[tuple[int, int]] = []  # the latest in the file on top
    following = 0
    for point in points:
        while following < len(starts) and starts[following][0] <= point:
            heappush(open_now, starts[following][1:])
            following += 1
        while open_now and open_now[0][1] < point:
            heappop(open_now)
        number = ranges[-open_now[0][0]][2] if open_now else 0
        if not cuts or cuts[-1][1] != number:
            cuts.append((point, number))
    return tuple(cuts)
