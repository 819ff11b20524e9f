"""`set_real_ip_from`: which address nginx takes a client to have."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Protocol

from simkit.policy.extents import Edges
from simkit.policy.source import Source
from simkit.policy.syntax import Network
from simkit.wire import Address, address

_WITH_PORT = re.compile(r"\[([^\]]*)\]:([0-9]{1,5})|([^:]*):([0-9]{1,5})")
_MAX_PORT = 65535

__all__ = ["RealIp", "plain_address", "read_address"]


class _Headers(Protocol):
    """What `RealIp` wants to know of a request."""

    def all(self, name: str) -> list[str]:
        """The values of every header of that name."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class RealIp:
    """`set_real_ip_from`, `real_ip_header` and `real_ip_recursive` of one server or location."""

    trusted: tuple[Network, ...]
    header: str
    recursive: bool
    source: Source
    edges: Edges = field(init=False)
    """Those of the trusted networks."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "edges", Edges(self.trusted))

    def resolve(self, peer: Address, headers: _Headers) -> Address | None:
        """The address that the header names, or None where the connection's own stays."""
        values = headers.all(self.header)
        if self.header != "X-Forwarded-For":  # only under that very name may it come repeatedly
            values = values[:1]
        found: Address | None = None
        for value in reversed(values if self.recursive else values[-1:]):
            found, goes_on = self._walk(peer if found is None else found, found, value)
            if not goes_on:
                break
        return found

    def _walk(
        self, sender: Address, found: Address | None, hops: str
    ) -> tuple[Address | None, bool]:
        """The address that one header leads to, and whether an earlier one may say more."""
        while self._trusts(sender):
            hop, hops = _last_hop(hops)
            named = read_address(hop)
            if named is None:
                return found, False
            sender = found = named
            if not (self.recursive and hops):
                return found, True
        return found, False

    def _trusts(self, who: Address) -> bool:
        return any(who.version == net.version and who in net for net in self.trusted)


def _last_hop(text: str) -> tuple[str, str]:
    """The last address of a list that is parted by commas and spaces, and what is before it."""
    text = text[:1] + text[1:].rstrip(" ,")
    start = max(text.rfind(" ", 1), text.rfind(",", 1)) + 1
    return text[start:], text[: max(start - 1, 0)]


def plain_address(text: str) -> Address | None:
    """An address, or None."""
    try:
        return None if "%" in text else address(text)
    except ValueError:
        return None


def read_address(text: str) -> Address | None:
    """An address with or without a port (``[…]:port`` for IPv6), or None."""
    plain = plain_address(text)
    found = None if plain is not None else _WITH_PORT.fullmatch(text)
    if found is None or not 1 <= int(found[2] or found[4]) <= _MAX_PORT:
        return plain
    return plain_address(found[1] or found[3])
