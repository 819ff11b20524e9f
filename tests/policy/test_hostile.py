"""Whatever is given as a configuration or a request: one clear error or success, and soon."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simkit.errors import InputError
from simkit.policy import Gate, Planner, Policy, load_policy
from simkit.wire import Fault, Shape, Version, address
from tests.policy.making import load_http, status


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


def loads(folder: Path, content: bytes) -> Policy | InputError:
    path = folder / "hostile.conf"
    path.write_bytes(content)
    try:
        return load_policy(path)
    except InputError as error:
        return error


@given(st.binary(max_size=300))
def test_any_bytes(folder: Path, content: bytes) -> None:
    error = loads(folder, content)
    assert isinstance(error, InputError)
    assert str(error).isprintable()


WORDS = st.sampled_from(
    """events http server listen 80 443 ssl location / = ~ ^~ @x if ( ) $uri $1 ${ } { ; return 403
    444 200 rewrite ^ last set $a map geo default include hostile.conf *.conf limit_req_zone
    zone=a:1m rate=1r/s limit_req zone=a burst=5 nodelay error_page try_files deny all allow ranges
    -f !~* "" '' " ' \\ # $ server_name _ ~^(a) proxy_pass http://a add_header A b always
    """.split()
) | st.text(max_size=6)


@settings(max_examples=300)
@given(st.lists(WORDS, max_size=60).map(" ".join))
def test_words_of_configurations_in_any_order(folder: Path, text: str) -> None:
    loads(folder, text.encode("utf-8", "surrogatepass"))
    whole = f"events {{}} http {{ server {{ {text} }} }}"
    found = loads(folder, whole.encode("utf-8", "surrogatepass"))
    if isinstance(found, Policy):
        answers_anything(found)


def answers_anything(policy: Policy) -> None:
    planner = Planner(policy)
    gate = Gate(planner)
    for shape in (Shape(), Shape(target="/a?b=1", headers=(("Host", "a"),))):
        step = gate.admit(planner.bind(shape, address("192.0.2.1")), 0)
        assert (step.decision is None) == (step.wait_ms > 0)


HTTP = "events {{}}\nhttp {{ {} server {{ {} }} }}"
LARGE: dict[str, Callable[[], str]] = {
    "deep blocks": lambda: "a {" * 10_000 + "}" * 10_000,
    "deep locations": lambda: HTTP.format(
        "", "".join(f"location /{'a' * i} {{ " for i in range(1, 300)) + "}" * 299
    ),
    "itself": lambda: "include hostile.conf;",
    "a long word": lambda: HTTP.format("", f'return 200 "{"x" * 300_000}";'),
    "many words": lambda: HTTP.format("", f"server_name {'a.example ' * 5_000};"),
    "many entries": lambda: HTTP.format(
        "map $uri $x { " + " ".join(f"k{i} v;" for i in range(5_000)) + " }", ""
    ),
    "a work of no end": lambda: HTTP.format("", 'if ($uri ~ "^/(a+)+$") { return 403; }'),
    "doubling": lambda: (
        "# doubling\n" + HTTP.format("", "set $a $uri$uri; " + "set $a $a$a; " * 60)
    ),
    "doubling maps": lambda: (
        "# doubling\n"
        + HTTP.format(
            "".join(f"map $m{i} $m{i + 1} {{ default $m{i}$m{i}; }} " for i in range(60))
            + "map $uri $m0 { default $uri$uri; }",
            "return 200 $m60;",
        )
    ),
}


@pytest.mark.parametrize("name", LARGE)
def test_large_and_winding_ones(folder: Path, name: str) -> None:
    found = loads(folder, LARGE[name]().encode())
    if isinstance(found, Policy):
        answers(found)


def answers(policy: Policy) -> None:
    if "doubling" in policy.about:
        with pytest.raises(InputError, match="grows beyond all bounds"):
            status(policy)
    else:
        assert status(policy, "/" + "a" * 3000 + "!") in (200, 403)


def test_two_files_that_include_each_other(tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_text("include b.conf;")
    (tmp_path / "b.conf").write_text("include a.conf;")
    with pytest.raises(InputError):
        load_policy(tmp_path / "a.conf")


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    text = b'# \xff\nevents {}\nhttp { server { if ($arg_a = "\xff") { return 403; } } }'
    assert isinstance(loads(tmp_path, text.replace(b'"\xff"', b"x")), Policy)
    error = loads(tmp_path, text)
    assert isinstance(error, InputError)
    assert (error.line, error.what) == (3, "this is not UTF-8")


SHAPES = st.builds(
    Shape,
    method=st.sampled_from(["GET", "POST", "get", "", "G T"]) | st.text(max_size=5),
    target=st.text(max_size=20) | st.text(max_size=20).map(lambda t: "/" + t),
    version=st.sampled_from(Version),
    headers=st.lists(
        st.tuples(st.sampled_from(["Host", "Cookie", "X-Forwarded-For", ""]) | st.text(max_size=5),
                  st.text(max_size=20)),
        max_size=4,
    ).map(tuple),
    port=st.sampled_from([80, 443, 1]),
    tls=st.booleans(),
    sni=st.none() | st.text(max_size=8),
    body_bytes=st.integers(0, 10**9),
    body_unread=st.booleans(),
    fault=st.sampled_from(Fault),
)  # fmt: skip


@pytest.fixture(scope="module")
def policy(folder: Path) -> Policy:
    return load_http(
        folder,
        r"""
        map $http_user_agent $bot { default 0; "" 1; ~*(bot) "$1"; }
        map "$host $cookie_a" $mixed { default "$arg_x $1 $bot"; ~^(?<first>.) "$first"; }
        limit_req_zone $mixed zone=a:32k rate=1r/s;
        set_real_ip_from 0.0.0.0/0; real_ip_header X-Forwarded-For; real_ip_recursive on;
        server {
            listen 80; listen 443 ssl; ssl_certificate a; server_name ~^(?<sub>.+)\.example$;
            limit_req zone=a burst=1;
            if ($request_uri ~ "(a)(b)?") { set $x "$1$2$sub$remote_user"; }
            error_page 400 404 405 414 494 =200 /error?x=$x;
            location / { rewrite ^/(.)(.*)$ /$2?q=$1 last; try_files $uri $uri/ @none; }
            location ~* \.(php|cgi)$ { return 301 https://$host$request_uri; }
            location @none { add_header X "$x$mixed" always; return 403 "$uri?$args"; }
        }
        """,
    )


@settings(max_examples=300)
@given(SHAPES)
def test_any_request_is_answered(policy: Policy, shape: Shape) -> None:
    planner = Planner(policy)
    step = Gate(planner).admit(planner.bind(shape, address("192.0.2.1")), 0)
    assert step.decision is not None
    assert step.decision.bytes_sent >= 0
