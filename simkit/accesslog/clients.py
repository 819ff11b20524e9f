"""Who sent a request: an address, or a stand-in for a name that the log has in its place."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network

from simkit.wire import Address, address

__all__ = ["PSEUDO_IPV4", "PSEUDO_IPV6", "Client", "ClientBook", "Network", "pseudo_address"]

Network = IPv4Network | IPv6Network

PSEUDO_IPV6 = IPv6Network("3fff::/20")
"""Where stand-ins lie: reserved for documentation (RFC 9637), so nobody's address is among them."""

PSEUDO_IPV4 = IPv4Network("240.0.0.0/4")
"""Where they lie for a server without IPv6: reserved and never given out (RFC 1112, section 4)."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client of a log. ``named``: the log has a name, and ``address`` stands in for it."""

    text: str
    address: Address
    named: bool


def pseudo_address(name: str, attempt: int = 0, network: Network = PSEUDO_IPV6) -> Address:
    """The stand-in for a name (case does not matter), the same in every log and process.

    As many bits of a hash of the name as the network leaves; ``attempt`` is the distance to go on
    where another name of the same log is already there.
    """
    digest = hashlib.blake2b(name.lower().encode("utf-8", "surrogateescape"), digest_size=16)
    host = (int.from_bytes(digest.digest(), "big") + attempt) % network.num_addresses
    return network[host]


@dataclass(slots=True)
class ClientBook:
    """The clients of one log; equal texts are one client. Stand-ins lie in ``network``."""

    network: Network = PSEUDO_IPV6
    _taken: dict[Address, str] = field(default_factory=dict)

    def client(self, text: str) -> Client:
        """The client that a log names so."""
        try:
            return Client(text, address(text.partition("%")[0]), named=False)
        except ValueError:
            return Client(text, self.stand_in(text), named=True)

    def stand_in(self, text: str) -> Address:
        """The address that stands in for a name, its own even where hashes collide."""
        name = text.lower()
        attempt = 0
        found = pseudo_address(name, network=self.network)
        while self._taken.setdefault(found, name) != name:
            attempt += 1
            found = pseudo_address(name, attempt, self.network)
        return found
