"""A range of addresses is planned as its addresses would be one by one."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from simkit.addresses import AddressRange
from simkit.policy import Planner
from simkit.wire import address
from tests.policy.making import ask, load_http

OLD = ["10.0.0.0/28", "10.0.0.8/29", "10.0.0.13", "10.0.0.0/8", "10.0.0.16/30", "10.0.0.21"]
NEW = ["2001:db8::/64", "2001:db8:0:3::/64", "2001:db8::/45", "2001:db8:0:2::1"]
NETWORKS = st.sampled_from([*OLD, *NEW])
LISTS = st.lists(NETWORKS, max_size=4, unique=True)
RULES = st.lists(st.tuples(st.sampled_from(["allow", "deny"]), NETWORKS), max_size=4)
KEYS = [
    "$binary_remote_addr",
    "$remote_addr",
    "$binary_remote_addr$uri",
    "$kind",
    "$limited",
    "$http_user_agent",
    "$first",
]

CONF = """
    geo $kind {{
        {ranges}
        default d;
        {networks}
        {proxies}
    }}
    map $kind $limited {{ default $binary_remote_addr; "c" ""; }}
    map $remote_addr $first {{ default x; "~^10\\.0\\.0\\.1(?<rest>.)" $rest; }}
    limit_req_zone {key} zone=z:1m rate=1r/s;
    limit_conn_zone $binary_remote_addr zone=c:1m;
    {trusted}
    server {{
        listen 80;
        listen [::]:80;
        {rules}
        if ($kind = b) {{ return 444; }}
        location / {{ limit_req zone=z; limit_conn c 2; root html; }}
    }}
"""


@st.composite
def configurations(draw: st.DrawFn) -> str:
    """The text of a policy that looks at addresses in many ways."""
    values = st.sampled_from("abc")
    with_ranges = draw(st.booleans())
    inside = st.sampled_from(["10.0.0.0-10.0.0.9", "10.0.0.5-10.0.0.20", "10.0.0.18-10.0.0.18"])
    networks = draw(st.lists(inside if with_ranges else NETWORKS, max_size=4, unique=True))
    return CONF.format(
        ranges="ranges;" if with_ranges else "",
        networks="\n".join(f"{net} {draw(values)};" for net in networks),
        proxies="\n".join(f"proxy {net};" for net in draw(LISTS)),
        key=draw(st.sampled_from(KEYS)),
        trusted="\n".join(f"set_real_ip_from {net};" for net in draw(LISTS))
        + draw(st.sampled_from(["", "real_ip_header X-Forwarded-For;", "real_ip_recursive on;"])),
        rules="\n".join(f"{verb} {net};" for verb, net in draw(RULES)),
    )


RANGES = st.builds(
    lambda base, step, count: AddressRange(
        base.version, int(base), step if base.version == 4 else step << 64, count
    ),
    st.sampled_from([address("10.0.0.0"), address("10.0.0.7"), address("2001:db8::1")]),
    st.sampled_from([0, 1, 1, 3]),
    st.integers(1, 25),
)
HEADERS = st.sampled_from(
    [{}, {"X-Forwarded-For": "10.0.0.13"}, {"X-Real-IP": "10.0.0.3", "User-Agent": "abcd"}]
)


@given(configurations(), st.lists(st.tuples(RANGES, HEADERS), min_size=1, max_size=4))
def test_a_range_is_planned_as_its_addresses_are(
    text: str, asked: list[tuple[AddressRange, dict[str, str]]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        policy = load_http(Path(folder), text)
    planner = Planner(policy)
    for many, headers in asked:
        shape = ask(headers=headers)
        pieces = list(planner.bind_range(shape, many))
        assert sum(piece.count for piece in pieces) == many.count
        found = [
            (piece.plan, tuple(entries[i] for entries in piece.entries))
            for piece in pieces
            for i in range(piece.count)
        ]
        one_by_one = [planner.bind(shape, who) for who in many]
        assert found == [
            (bound.plan, tuple(e for node in bound.plan.limited for e in bound.entries[node]))
            for bound in one_by_one
        ]


def test_a_million_addresses_make_few_pieces() -> None:
    with tempfile.TemporaryDirectory() as folder:
        policy = load_http(
            Path(folder), CONF.format(
                ranges="", networks="10.1.0.0/16 b;", proxies="", key="$binary_remote_addr",
                trusted="", rules="deny 10.2.0.7;",
            )
        )  # fmt: skip
    planner = Planner(policy)
    crowd = AddressRange(4, int(address("10.0.0.1")), 1, 1_000_000)
    pieces = list(planner.bind_range(ask(), crowd))
    assert [piece.count for piece in pieces] == [65535, 65536, 7, 1, 868921]
    (first, again) = pieces[0], next(iter(planner.bind_range(ask(), crowd.piece(0, 65535))))
    assert [list(e) for e in first.entries] == [list(e) for e in again.entries]
    assert planner.entry_count == 2 * (1_000_000 - 65536)  # a limit comes before deny
