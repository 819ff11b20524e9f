"""nginx's small notations: times, sizes, rates, flags, networks.

Each reader takes the text and the `Source` it stands in and raises InputError that names it.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network

from simkit.errors import InputError
from simkit.policy.source import Source

Network = IPv4Network | IPv6Network

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
_LONGEST_NS = 1 << 62
_UNITS_S = {
    "y": 31_536_000,
    "M": 2_592_000,
    "w": 604_800,
    "d": 86_400,
    "h": 3_600,
    "m": 60,
    "s": 1,
    "": 1,
}
_TIME_PART = re.compile(r"([0-9]+)(ms|[yMwdhms]?)[ ]*")
_SIZE = re.compile(r"([0-9]{1,15})([kKmMgG]?)")
_SIZE_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_RATE = re.compile(r"([0-9]{1,12})r/([sm])")


def bad(source: Source, what: str, hint: str | None = None) -> InputError:
    """The error for something wrong at that place of a configuration."""
    return InputError(what, file=source.file, line=source.line, hint=hint)


def time_ns(text: str, source: Source) -> int:
    """Nanoseconds of a time such as ``60``, ``500ms`` or ``1h 30m``."""
    position, total = 0, 0
    while position < len(text):
        part = _TIME_PART.match(text, position)
        if part is None:
            raise bad(source, f'invalid time "{text}"', "a number with ms, s, m, h, d, w, M or y")
        number, unit = int(part[1]), part[2]
        total += number * (NS_PER_MS if unit == "ms" else _UNITS_S[unit] * NS_PER_S)
        position = part.end()
    if not text or total > _LONGEST_NS:
        raise bad(source, f'invalid time "{text}"', "from 0 to some 146 years")
    return total


def size_bytes(text: str, source: Source) -> int:
    """Bytes of a size such as ``8k`` or ``1m``."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise bad(source, f'invalid size "{text}"', "a number with k, m or g")
    return int(found[1]) * _SIZE_UNITS[found[2].lower()]


def rate_milli(text: str, source: Source) -> int:
    """Thousandths of a request per second of a rate such as ``10r/s``; nginx rounds down."""
    found = _RATE.fullmatch(text)
    if found is None or int(found[1]) == 0:
        raise bad(source, f'invalid rate "{text}"', "such as rate=10r/s or rate=30r/m")
    return int(found[1]) * 1000 // (60 if found[2] == "m" else 1)


MOST_WORKERS = 1024
"""Processes that nginx starts at most (NGX_MAX_PROCESSES in src/os/unix/ngx_process.h)."""


def whole(text: str, source: Source, *, least: int = 0, most: int = 1 << 31) -> int:
    """A whole number of at least ``least`` and less than ``most``."""
    if not re.fullmatch(r"[0-9]{1,12}", text) or not least <= int(text) < most:
        raise bad(source, f'invalid number "{text}"', f"a whole number from {least} to {most - 1}")
    return int(text)


def flag(text: str, source: Source) -> bool:
    """``on`` or ``off``."""
    if text.lower() not in ("on", "off"):
        raise bad(source, f'invalid value "{text}"', 'it must be "on" or "off"')
    return text.lower() == "on"


def network(text: str, source: Source) -> Network:
    """An address or a CIDR block; bits beyond the mask are cleared, as nginx does."""
    try:
        return ip_network(text.strip("[]"), strict=False)
    except ValueError:
        raise bad(source, f'invalid network "{text}"', "an address or a CIDR block") from None
