"""Ranges of addresses, and numbers for them: the same as one by one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simkit.addresses import AddressNames, AddressNumbers, AddressRange
from simkit.wire import address

RANGES = st.builds(
    AddressRange,
    st.sampled_from([4, 6]),
    st.integers(0, 60),
    st.sampled_from([0, 1, 2, 3, 1]),
    st.integers(0, 20),
)


def test_a_range_is_its_addresses() -> None:
    many = AddressRange(4, int(address("198.51.100.250")), 2, 4)
    assert [str(who) for who in many] == [
        "198.51.100.250",
        "198.51.100.252",
        "198.51.100.254",
        "198.51.101.0",
    ]
    assert many.piece(1, 2) == AddressRange(4, many.base + 2, 2, 2)
    assert many.count_until(many.base + 5) == 3
    assert many.count_until(many.base + 5, 1) == 2
    assert (many.index(4, many.last), many.index(4, many.base + 1), many.index(6, many.base)) == (
        3,
        None,
        None,
    )
    shared = AddressRange(6, 7, 0, 1000)
    assert (len(set(shared)), shared.last, shared.count_until(7)) == (1, 7, 1000)


@given(st.lists(RANGES, max_size=12))
def test_numbers_are_those_of_addresses_asked_one_by_one(asked: list[AddressRange]) -> None:
    """Whatever was asked before, an address has one number, and no two have the same."""
    known: list[AddressRange] = []
    room = 0

    def allocate(many: AddressRange) -> int:
        nonlocal room
        known.append(many)
        room += many.count
        return room - many.count

    numbers = AddressNumbers(allocate)
    expected: dict[tuple[int, int], int] = {}
    for many in asked:
        for who, number in zip(many, numbers.numbers(many), strict=True):
            assert expected.setdefault((many.version, int(who)), number) == number
    assert len(set(expected.values())) == len(expected)
    names = AddressNames(known)
    for (version, at), number in expected.items():
        assert numbers.number(version, at) == number
        assert names[number] == str(AddressRange(version, at, 0, 1)[0])
    assert len(names) == room == len(list(names))


def test_names_are_equal_if_they_read_the_same() -> None:
    one = AddressNames([AddressRange(4, 1, 1, 4)])
    other = AddressNames([AddressRange(4, 1, 1, 2), AddressRange(4, 3, 1, 2)])
    assert one == other
    assert hash(one) == hash(other)
    assert one != AddressNames([AddressRange(4, 1, 1, 3)])
    assert one[-1] == "0.0.0.4"
    assert one[1:3] == ["0.0.0.2", "0.0.0.3"]
    assert repr(one) == "<4 addresses: 0.0.0.1, 0.0.0.2, 0.0.0.3, …>"
