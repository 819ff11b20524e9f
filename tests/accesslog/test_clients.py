from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit.accesslog import PSEUDO_IPV4, PSEUDO_IPV6, ClientBook, clients, pseudo_address


@given(st.ip_addresses())
def test_addresses_are_themselves(who: object) -> None:
    client = ClientBook().client(str(who))
    assert not client.named
    assert client.address == getattr(who, "ipv4_mapped", None) or client.address == who


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("::ffff:192.0.2.1", "192.0.2.1"), ("fe80::1%eth0", "fe80::1")],
)
def test_addresses_as_servers_write_them(text: str, wanted: str) -> None:
    assert ClientBook().client(text).address == ip_address(wanted)


@given(st.lists(st.from_regex(r"[a-z]+\.[a-z]+", fullmatch=True), unique=True))
@pytest.mark.parametrize("network", [PSEUDO_IPV6, PSEUDO_IPV4])
def test_every_name_has_an_address_of_its_own(network: clients.Network, names: list[str]) -> None:
    book = ClientBook(network)
    found = [book.client(name) for name in names]
    assert all(client.named and client.address in network for client in found)
    assert len({client.address for client in found}) == len(names)


def test_stand_ins_never_change() -> None:
    # Part of the results: another hash would give other zones their evictions.
    assert str(pseudo_address("piweba3y.prodigy.com")) == "3fff:8a7:97cc:295a:c129:c207:da9d:f07f"
    assert pseudo_address("A.example") == pseudo_address("a.EXAMPLE")


def test_a_collision_moves_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def one_bit(name: str, attempt: int = 0, network: clients.Network = PSEUDO_IPV6) -> object:
        return network[(len(name) % 2 + attempt) % 4]

    monkeypatch.setattr(clients, "pseudo_address", one_bit)
    book = ClientBook()
    found = [book.stand_in(name) for name in ("a", "b", "cc", "a", "B")]
    assert [int(a) - int(PSEUDO_IPV6[0]) for a in found] == [1, 2, 0, 1, 2]


@pytest.mark.parametrize("text", ["unix:", "-", "999.1.1.1", "::1::", "in24.inetnebr.com"])
def test_whatever_is_no_address_is_a_name(text: str) -> None:
    assert ClientBook().client(text).named
