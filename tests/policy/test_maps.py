"""`map` and `geo`, beside a search through their lines."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit.policy.maps import GeoTable, MapTable
from simkit.wire import Address
from tests.policy.making import load_http


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("maps")


def read_geo(folder: Path, lines: list[str]) -> GeoTable:
    return load_http(folder, "geo $x {\n" + "\n".join(lines) + "\n} server { }").http.geos["x"]


def read_map(folder: Path, lines: list[str]) -> MapTable:
    text = "map $uri $x {\n" + "\n".join(lines) + "\n} server { }"
    table = load_http(folder, text).http.maps["x"]
    assert isinstance(table, MapTable)
    return table


def value(table: GeoTable | MapTable, number: int) -> str | None:
    return table.entries[number].value.constant


IPV4 = st.integers(0, 2**32 - 1).map(IPv4Address)
IPV6 = st.integers(0, 2**128 - 1).map(IPv6Address)
NEAR = st.sampled_from(["10.0.0.0", "10.0.0.1", "10.0.255.255", "10.1.0.0", "255.255.255.255"])
ADDRESSES: st.SearchStrategy[Address] = IPV4 | IPV6 | NEAR.map(ip_address)
NETWORKS = st.tuples(NEAR.map(IPv4Address) | IPV4, st.integers(0, 32)) | st.tuples(
    IPV6, st.integers(0, 128)
)


@given(st.lists(NETWORKS, max_size=12), st.lists(ADDRESSES, min_size=1, max_size=20))
def test_the_longest_network_decides(
    folder: Path, networks: list[tuple[Address, int]], asked: list[Address]
) -> None:
    lines = ["default none;", *(f"{a}/{bits} v{i};" for i, (a, bits) in enumerate(networks))]
    table = read_geo(folder, lines)
    for who in (*asked, *(a for a, _ in networks)):
        best, wanted = -1, "none"
        for i, (a, bits) in enumerate(networks):  # of equal networks the later one counts
            if who in ip_network((a, bits), strict=False) and bits >= best:
                best, wanted = bits, f"v{i}"
        assert value(table, table.find(who)) == wanted


RANGES = st.tuples(st.integers(0, 40), st.integers(0, 40)).map(sorted)


@given(st.lists(RANGES, max_size=8), st.integers(0, 45))
def test_of_overlapping_ranges_the_later_one_decides(
    folder: Path, ranges: list[list[int]], asked: int
) -> None:
    lines = [f"{IPv4Address(a)}-{IPv4Address(b)} v{i};" for i, (a, b) in enumerate(ranges)]
    table = read_geo(folder, ["ranges;", "default none;", *lines])
    fits = [f"v{i}" for i, (a, b) in enumerate(ranges) if a <= asked <= b]
    assert value(table, table.find(IPv4Address(asked))) == (["none", *fits])[-1]


def test_what_is_no_address_counts_as_all_ones(tmp_path: Path) -> None:
    table = read_geo(tmp_path, ["default a;", "255.255.255.255 b;", "2001:db8::/32 c;"])
    asked = (None, ip_address("192.0.2.1"), ip_address("2001:db8::1"))
    assert [value(table, table.find(who)) for who in asked] == ["b", "a", "c"]
    ranges = read_geo(tmp_path, ["ranges;", "default a;", "255.255.255.0-255.255.255.255 b;"])
    assert [value(ranges, ranges.find(who)) for who in asked] == ["b", "a", "b"]


def test_delete_takes_a_network_out_again(tmp_path: Path) -> None:
    table = read_geo(tmp_path, ["10.0.0.0/8 a;", "10.1.0.0/16 b;", "delete 10.1.0.0/16;"])
    assert value(table, table.find(ip_address("10.1.2.3"))) == "a"


def test_a_dollar_in_geo_is_a_dollar(tmp_path: Path) -> None:
    table = read_geo(tmp_path, ["default $uri;"])
    assert value(table, 0) == "$uri"


KEYS = st.sampled_from(["a", "B", "ab", "", "a.b", "x.a.b", "a.b.", "K\u212a"])
LINES = st.sampled_from(["a", "b", '""', "*.b", ".a.b", "a.*", "~^a", "~*B$", "~^$", "\\\\~x"])


@given(st.lists(LINES, unique=True, max_size=8), KEYS, st.booleans())
def test_a_map_is_searched_in_order_of_kinds(
    folder: Path, keys: list[str], asked: str, hostnames: bool
) -> None:
    """Equal without case; then names with a wildcard, longest first; then expressions in order."""
    lines = ["hostnames;"] if hostnames else []
    lines += ["default none;", *(f"{key} v{i};" for i, key in enumerate(keys))]
    table = read_map(folder, lines)
    wanted = expected(keys, asked.removesuffix(".") if hostnames else asked, hostnames)
    assert value(table, table.find(asked)) == (f"v{wanted}" if wanted is not None else "none")


def expected(keys: list[str], asked: str, hostnames: bool) -> int | None:
    small = "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in asked)
    plain = [k.strip('"') for k in keys]
    if small in plain:
        return plain.index(small)
    if hostnames and small == "a.b" and ".a.b" in plain:
        return plain.index(".a.b")
    if hostnames:
        for pattern, fits in (
            (".a.b", small.endswith(".a.b") and small != ".a.b"),
            ("*.b", small.endswith(".b") and small != ".b"),
            ("a.*", small.startswith("a.") and small != "a."),
        ):
            if fits and pattern in plain:
                return plain.index(pattern)
    for i, key in enumerate(plain):
        if asked and (
            (key == "~^a" and asked.startswith("a")) or (key == "~*B$" and small.endswith("b"))
        ):
            return i
    return None


def test_an_empty_value_meets_no_expression(tmp_path: Path) -> None:
    table = read_map(tmp_path, ["default none;", "~^$ never;", "~* always;"])
    assert value(table, table.find("")) == "none"
    assert value(table, table.find("x")) == "always"
