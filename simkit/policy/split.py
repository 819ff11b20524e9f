"""`split_clients`: which share of the clients a value falls into."""

from __future__ import annotations

import re
from dataclasses import dataclass

from simkit.policy.maps import Entry
from simkit.policy.patterns import Pattern
from simkit.policy.reader import Directive
from simkit.policy.source import Source
from simkit.policy.syntax import bad
from simkit.policy.uri import ascii_lower
from simkit.policy.values import Template

_PERCENT = re.compile(r"([0-9]{1,3})(?:\.([0-9]{0,2}))?%")
_ALL = 10_000  # hundredths of a percent
_LARGEST = 0xFFFF_FFFF
_FACTOR = 0x5BD1_E995

__all__ = ["SplitTable", "murmur_hash2", "parse_split"]


def murmur_hash2(data: bytes) -> int:
    """Austin Appleby's MurmurHash2 with seed 0: 32 bits, words in little-endian order."""
    found = len(data)
    whole = len(data) - len(data) % 4
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at : at + 4], "little") * _FACTOR & _LARGEST
        word = (word ^ word >> 24) * _FACTOR & _LARGEST
        found = found * _FACTOR & _LARGEST ^ word
    if whole < len(data):
        found = (found ^ int.from_bytes(data[whole:], "little")) * _FACTOR & _LARGEST
    found = (found ^ found >> 13) * _FACTOR & _LARGEST
    return found ^ found >> 15


@dataclass(frozen=True, slots=True)
class SplitTable:
    """A `split_clients` block; ``ends[i]`` is where the share of ``entries[i + 1]`` ends.

    The last end is None where the rest is given away (``*``). ``entries[0]`` is empty.
    """

    name: str
    subject: Template
    entries: tuple[Entry, ...]
    ends: tuple[int | None, ...]
    source: Source
    volatile: bool = False

    def find(self, value: bytes) -> int:
        """The number of the entry for a value."""
        found = murmur_hash2(value)
        for number, end in enumerate(self.ends, 1):
            if end is None or found < end:
                return number
        return 0

    def pattern(self, number: int) -> Pattern | None:  # noqa: ARG002 (as a map answers it)
        """No entry has a regular expression."""
        return None


def parse_split(block: Directive) -> SplitTable:
    """Read a `split_clients` block. Raises InputError with the line that is wrong."""
    subject, name = block.args
    if not name.startswith("$"):
        raise bad(block.source, f'invalid variable name "{name}"', "it must begin with $")
    entries = [Entry(Template((), block.source), block.source)]
    ends: list[int | None] = []
    total = end = 0
    for line in block.block or ():
        if len(line.args) != 1:
            raise bad(line.source, "invalid number of the parameters", "percentage and value")
        share = 0 if line.name == "*" else _share(line)
        total = total + share if share else _ALL
        if total > _ALL:
            raise bad(line.source, "percent total is greater than 100%")
        end += share * _LARGEST // _ALL
        ends.append(end if share else None)
        entries.append(Entry(Template.plain(line.args[0], line.source), line.source))
    template = Template.parse(subject, block.source)
    return SplitTable(ascii_lower(name[1:]), template, tuple(entries), tuple(ends), block.source)


def _share(line: Directive) -> int:
    """Hundredths of a percent."""
    found = _PERCENT.fullmatch(line.name)
    share = 0 if found is None else int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))
    if share == 0:
        raise bad(line.source, f'invalid percent value "{line.name}"', "such as 0.5% or *")
    return share
