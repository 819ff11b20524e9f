"""How targets, hosts and headers are read, beside a live nginx that shows its variables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simkit.live import Connection, LiveNginx, encode
from simkit.policy import load_policy
from simkit.policy.facts import Facts, Reading, raw_value
from simkit.policy.parse import parse_error
from simkit.policy.patterns import from_bytes, to_bytes
from simkit.wire import Shape, address

NAMES = (
    "uri args is_args host request_uri arg_a arg_b cookie_c http_x_y http_x_forwarded_for "
    "http_cookie request_method content_type remote_user remote_addr http_host"
).split()
CONFIG = """
events {{}}
http {{
    server {{
        listen 80;
        server_name first.example;
        real_ip_header X-Forwarded-For;
        set_real_ip_from 127.0.0.0/8;
        set_real_ip_from 10.0.0.0/8;
        real_ip_recursive on;
        return 200 "{shown}";
    }}
    server {{ listen 81; merge_slashes off; return 200 "{shown}"; }}
}}
"""
HERE = address("127.0.0.1")

PIECES = st.sampled_from(
    ["a", "/", "/", "//", ".", "..", "/.", "/..", "/../", "%", "%2", "%2f", "%2e", "%2E%2e", "%00",
     "%25", "%3f", "%23", "%c3%a9", "%zz", "?", "?a=1", "&a=2&b", "&b=x%20y", "=", "#", "#x?y", "+",
     ";", "\x7f", "é", "~", ":", "*", "\\"]
)  # fmt: skip
TARGETS = st.builds(
    "".join,
    st.tuples(st.sampled_from(["/", "/", "/", "", "http://"]), st.lists(PIECES).map("".join)),
)
HOSTS = st.lists(
    st.sampled_from(["a", "A", ".", "..", ":", "80", "[", "]", "::1", "_", "-", "/", " ", "é"]),
    max_size=6,
).map("".join)
COOKIES = st.lists(
    st.sampled_from(["c", "C", "cc", "=", " ", ";", "; ", ",", "x"]), max_size=8
).map("".join)
HOPS = st.lists(
    st.sampled_from(["10.0.0.1", "192.0.2.7", "192.0.2.7:80", "[2001:db8::1]:9", "2001:db8::1",
                     "[::1]", ",", ", ", " ", "nonsense"]),
    max_size=5,
).map("".join)  # fmt: skip
OTHERS = st.sampled_from(
    [("X-Y", "1"), ("X_Y", "2"), ("x-y", " 3 "), ("Content-Type", "a/b"),
     ("Authorization", "Basic YTpi"), ("Authorization", "basic  YTpi"),
     ("Authorization", "Basic !"), ("Authorization", "Bearer x"), ("Bad Name", "1")]
)  # fmt: skip
SHAPES = st.builds(
    lambda target, host, cookies, hops, others, port: Shape(
        target=target,
        port=port,
        headers=(
            ("Host", host),
            *(("Cookie", cookie) for cookie in cookies),
            *(("X-Forwarded-For", hop) for hop in hops),
            *dict(others).items(),
        ),
    ),
    TARGETS,
    HOSTS | st.just("a.example"),
    st.lists(COOKIES, max_size=2),
    st.lists(HOPS, max_size=2),
    st.lists(OTHERS, max_size=2),
    st.sampled_from([80, 80, 80, 81]),
)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reading") / "reading.conf"
    path.write_text(CONFIG.format(shown="|".join(f"${name}" for name in NAMES)))
    return path


@pytest.fixture(scope="module")
def nginx(config: Path) -> Iterator[LiveNginx]:
    with LiveNginx(config) as running:
        yield running


def live(nginx: LiveNginx, shape: Shape) -> str:
    with Connection(nginx.endpoint(shape.port)) as connection:
        connection.send(encode(shape))
        answer = connection.answer()
    assert answer is not None
    return from_bytes(answer.body) if answer.status == 200 else f"status {answer.status}"


def read(config: Path, shape: Shape) -> str:
    policy = load_policy(config)
    group = policy.groups[shape.port, False]
    error = parse_error(Reading(shape), group, 0)
    if error is not None:
        return f"status {400 if error.code == 494 else error.code}"
    facts = Facts(Reading(shape), HERE, group.servers[0].view)
    return "|".join(raw_value(name, facts) for name in NAMES)


@settings(max_examples=400)
@given(SHAPES)
def test_requests_are_read_as_nginx_reads_them(
    nginx: LiveNginx, config: Path, shape: Shape
) -> None:
    sent = to_bytes(shape.target)
    if b" " not in sent and not any(b < 0x20 for b in sent):
        assert read(config, shape) == live(nginx, shape)
