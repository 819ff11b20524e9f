"""A scenario and its policies moved to loopback, so that every client has a real address there.

A network a.b.c.d/n becomes 127.k.c.d/n, where k stands for a.b: the same one wherever it is named,
in the crowd and in a policy. So `geo`, `allow` and `deny` meet those whom they are meant for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from simkit.errors import InputError
from simkit.live.certificates import make_certificate
from simkit.live.written import write
from simkit.policy import Policy, load_policy
from simkit.policy.reader import Directive, read
from simkit.traffic import CohortBase, Scenario
from simkit.traffic.machine import Certificate

__all__ = ["Loopback"]

_LOOPBACK = 127
_NAMING = frozenset(("allow", "deny", "set_real_ip_from"))
_CERTIFICATES = ("ssl_certificate", "ssl_certificate_key")
_INPUT_FILES = frozenset(
    """ssl_client_certificate ssl_trusted_certificate ssl_dhparam ssl_password_file ssl_crl
    ssl_session_ticket_key auth_basic_user_file""".split()
)
_SHORTEST = 16
_MOST_PLACES = 255


class Loopback:
    """The places of networks on loopback, given as they are first asked for."""

    def __init__(self) -> None:
        self._places: dict[tuple[int, int], int] = {}
        self.left_out: list[str] = []
        """Cohorts some of whose addresses found no place, for they are of IPv6."""

    def network(self, text: str) -> str:
        """A network as it is called on loopback; what cannot be moved there stays as it is."""
        try:
            found = ip_network(text, strict=False)
        except ValueError:
            return text
        if isinstance(found, IPv6Network) or found.prefixlen < _SHORTEST:
            return text
        return str(self._moved(found)) if "/" in text else str(self._moved(found).network_address)

    def _moved(self, network: IPv4Network) -> IPv4Network:
        a, b, c, d = network.network_address.packed
        if a == _LOOPBACK:
            return network
        place = self._places.setdefault((a, b), len(self._places) + 1)
        if place > _MOST_PLACES:
            what = f"{network}: more than {_MOST_PLACES} networks /16 find no place on loopback"
            raise InputError(what, hint="a policy or a crowd with fewer")
        return IPv4Network((bytes((_LOOPBACK, place, c, d)), network.prefixlen))

    def scenario(self, scenario: Scenario) -> Scenario:
        """The scenario with clients on loopback. Raises InputError for one without IPv4."""
        cohorts = tuple(self._cohort(cohort) for cohort in scenario.cohorts)
        return scenario.model_copy(update={"cohorts": cohorts})

    def _cohort(self, cohort: CohortBase) -> CohortBase:
        networks = [n for n in cohort.networks() if n.version == 4]
        if not networks:
            raise InputError(
                f"cohort {cohort.name} has no IPv4 address, and loopback has one of IPv6 alone"
            )
        if len(networks) < len(cohort.addresses):
            self.left_out.append(cohort.name)
        moved = tuple(self.network(str(network)) for network in networks)
        return cohort.model_copy(update={"addresses": moved})

    def policy(self, policy: Policy, folder: Path, certificate: Certificate) -> Policy:
        """The policy with its networks on loopback, as a file of its name in the folder.

        Whatever certificate it shows is made there, of that kind. Raises InputError.
        """
        folder.mkdir(parents=True, exist_ok=True)
        tree = tuple(self._directive(d, policy.path.resolve().parent) for d in read(policy.path))
        names: dict[str, str] = {}
        for number, (shown, key) in enumerate(sorted(_pairs(tree))):
            made = names.setdefault(shown, f"{number}.crt"), names.setdefault(key, f"{number}.key")
            make_certificate(folder / made[0], folder / made[1], ("localhost",), certificate)
        tree = tuple(_shown(item, names) for item in tree)
        file = folder / f"{policy.name}.conf"
        file.write_text(write(tree).text, encoding="utf-8", errors="surrogateescape")
        return load_policy(file, policy.allow_unsupported)

    def _directive(self, item: Directive, home: Path, *, in_geo: bool = False) -> Directive:
        args = item.args
        name = self.network(item.name) if in_geo else item.name
        if item.name in _NAMING:
            args = tuple(self.network(word) for word in args)
        elif item.name in _INPUT_FILES and args:
            args = (str(home / args[0]), *args[1:])
        block = item.block
        if block is not None:
            geo = item.name == "geo"
            block = tuple(self._directive(inner, home, in_geo=geo) for inner in block)
        return replace(item, name=name, args=args, block=block)


def _shown(item: Directive, names: Mapping[str, str]) -> Directive:
    """The same with the certificates that were made for it."""
    args = item.args
    if item.name in _CERTIFICATES and args:
        args = (names.get(args[0], args[0]), *args[1:])
    block = None if item.block is None else tuple(_shown(inner, names) for inner in item.block)
    return replace(item, args=args, block=block)


def _pairs(tree: Iterable[Directive]) -> set[tuple[str, str]]:
    """The certificates of a configuration with their keys, each once, where names are fixed."""
    found: set[tuple[str, str]] = set()
    for item in tree:
        named = {d.name: d.args[0] for d in item.block or () if d.args}
        shown, key = (named.get(name) for name in _CERTIFICATES)
        if shown and key and "$" not in shown + key:
            found.add((shown, key))
        found |= _pairs(item.block or ())
    return found
