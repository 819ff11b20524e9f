"""What keeps nginx from starting, or cannot be simulated: one error, with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from simkit.errors import InputError
from simkit.live import check
from simkit.policy import load_policy
from tests.policy.making import load_http, status

IN_HTTP = [
    ("limit_req_zone $uri zone=a rate=1r/s;", "zone=name:size"),
    ("limit_req_zone $uri zone=a:1m rate=0r/s;", 'invalid rate "0r/s"'),
    ("limit_req_zone $uri zone=a:1m rate=1r/h;", 'invalid rate "1r/h"'),
    ("limit_req_zone $uri zone=a:1k rate=1r/s;", "too small"),
    ("limit_req_zone $nope zone=a:1m rate=1r/s;", 'unknown "nope" variable'),
    ("client_header_timeout 5x;", 'invalid time "5x"'),
    ("client_header_timeout 99999999999999y;", "invalid time"),
    ("client_max_body_size 1t;", 'invalid size "1t"'),
    ("client_max_body_size 3; client_max_body_size 4;", "is duplicate"),
    ("server_tokens on; server_tokens off;", "is duplicate"),
    ("merge_slashes maybe;", 'invalid value "maybe"'),
    ("map $uri x { }", 'invalid variable name "x"'),
    ("map $uri $x { a; }", "invalid number of the map parameters"),
    ("map $uri $x { default 1; default 2; }", "duplicate default"),
    ("map $uri $x { a 1; A 2; }", 'conflicting parameter "a"'),
    ("map $host $x { hostnames; .a.b 1; *.a.b 2; }", 'conflicting parameter "*.a.b"'),
    ("map $uri $x { ~( 1; }", "missing closing parenthesis"),
    ("map $uri $host { }", 'the duplicate "host" variable'),
    ("geo $x { 300.0.0.1 1; }", 'invalid network "300.0.0.1"'),
    ("geo $x { ranges; 10.0.0.1 1; }", 'invalid range "10.0.0.1"'),
    ('server { server_name "a*b"; }', 'invalid server name or wildcard "a*b"'),
    ("split_clients $uri $x { 60% a; 41% b; }", "percent total is greater than 100%"),
    ("split_clients $uri $x { 0.001% a; }", 'invalid percent value "0.001%"'),
    ("split_clients $uri x { }", 'invalid variable name "x"'),
    ("set_real_ip_from nowhere;", 'invalid network "nowhere"'),
]
IN_SERVER = [
    ("listen 99999;", "invalid port"),
    ("listen [::;", "invalid IPv6 address"),
    ("listen 10.0.0.300:80;", "invalid host"),
    ("listen 80 quickly;", "quickly"),
    ("listen 80; listen 80;", "duplicate listen"),
    ("listen 443 ssl;", 'no "ssl_certificate" is defined'),
    ('server_name "*a.example";', "*a.example"),
    ("server_name ~;", "empty regex"),
    ("server_name ~(;", "missing closing parenthesis"),
    ("location ! /x { }", 'invalid location modifier "!"'),
    ("location ~ ( { }", "missing closing parenthesis"),
    ("location /x { } location /x { }", 'duplicate location "/x"'),
    ("location = /x { location /x/y { } }", "cannot be inside"),
    ("location /x { location /y { } }", "is outside location"),
    ("location /x { location @y { } }", "on the server level only"),
    ("return 1000;", 'invalid return code "1000"'),
    ("return nowhere;", 'invalid return code "nowhere"'),
    ('return 200 "$";', "invalid variable name"),
    ('return 200 "$0";', 'unknown "0" variable'),
    ('return 200 "${x";', "the closing bracket"),
    ('return 200 "$nope";', 'unknown "nope" variable'),
    ('rewrite ^ "";', "empty replacement"),
    ("rewrite ^ /x never;", 'invalid parameter "never"'),
    ("rewrite ( /x;", "missing closing parenthesis"),
    ("set x 1;", 'invalid variable name "x"'),
    ("set $host 1;", 'the duplicate "host" variable'),
    ("if (x) { }", 'invalid condition "x"'),
    ("if ($1) { }", 'unknown "1" variable'),
    ("if ($uri > 1) { }", 'unexpected ">" in condition'),
    ("if ($uri ~ ( ) { }", "missing closing parenthesis"),
    ("limit_req zone=nowhere;", '"nowhere"'),
    ("limit_conn nowhere 1;", '"nowhere"'),
    ("limit_req_status 200;", "between 400 and 599"),
    ("error_page 200 /x;", 'invalid value "200"'),
    ("error_page 499 /x;", 'invalid value "499"'),
    ("error_page 404 =x /y;", '"x"'),
    ("deny nobody;", 'invalid network "nobody"'),
    ("add_header A b sometimes;", 'invalid parameter "sometimes"'),
    ('add_header A "$nope";', 'unknown "nope" variable'),
    ("proxy_set_header A $nope;", 'unknown "nope" variable'),
    ("location / { try_files $uri =x; }", 'invalid code "=x"'),
    ("valid_referers none blocked;", "without any valid referer"),
    ("valid_referers a*b;", 'invalid hostname or wildcard "a*b"'),
    ("satisfy some;", 'invalid value "some"'),
    ("expires soon;", 'invalid time "soon"'),
    ("keepalive_disable opera;", 'invalid value "opera"'),
    ("server_tokens maybe;", 'invalid value "maybe"'),
    ('index "";', 'index "" in "index" directive is invalid'),
    ("location / { limit_except FETCH { } }", 'invalid method "FETCH"'),
]
NOT_SIMULATED = [
    ('return 200 "$msec";', '"$msec" is not simulated'),
    ("auth_request /a;", "auth_request"),
    ("content_by_lua_block { }", "content_by_lua_block"),
    ("ssl_verify_client on;", "ssl_verify_client"),
    ("chunked_transfer_encoding off;", "chunked_transfer_encoding"),
    ("disable_symlinks on;", "disable_symlinks"),
    ("lingering_close off;", "lingering_close"),
    ("autoindex on;", "autoindex"),
    ("auth_delay 1s;", "auth_delay"),
    ("msie_refresh on;", "msie_refresh"),
    ("stub_status;", "stub_status"),
    ("location / { try_files $uri =200; }", "no answer at all"),
    ('set $a "$connection_requests";', '"$connection_requests" is not simulated'),
    ("listen 443 quic;", "not simulated"),
    ("listen unix:/x;", "unix sockets"),
]
CASES = [
    *((3, text, words) for text, words in IN_HTTP),
    *((4, text, words) for text, words in IN_SERVER),
]


def written(folder: Path, line: int, text: str) -> Path:
    """A configuration in which the text stands on that line: 3 in http, 4 in a server."""
    http, server = (text, "") if line == 3 else ("", text)
    path = folder / "bad.conf"
    path.write_text(f"events {{}}\nhttp {{\n{http} server {{\n{server} }}\n}}\n")
    return path


@pytest.mark.parametrize(("line", "text", "words"), CASES, ids=[text for _, text, _ in CASES])
def test_nginx_does_not_start_with_it_either(
    tmp_path: Path, line: int, text: str, words: str
) -> None:
    path = written(tmp_path, line, text)
    with pytest.raises(InputError) as caught:
        load_policy(path)
    assert words in str(caught.value)
    assert (caught.value.file, caught.value.line) == (str(path), line)
    (tmp_path / "logs").mkdir()
    said = check(path, tmp_path)
    assert not said.accepted, said.said


@pytest.mark.parametrize(("text", "words"), NOT_SIMULATED, ids=[text for text, _ in NOT_SIMULATED])
def test_what_is_not_simulated_is_said(tmp_path: Path, text: str, words: str) -> None:
    path = written(tmp_path, 4, text)
    with pytest.raises(InputError) as caught:
        load_policy(path)
    assert words in str(caught.value)
    assert caught.value.line == 4


def test_it_can_be_allowed_and_then_stands_among_the_warnings(tmp_path: Path) -> None:
    text = 'server {\nauth_request /a;\nif ($msec) { return 403; }\nadd_header X "$request_id"; }'
    with pytest.raises(InputError, match="auth_request"):
        load_http(tmp_path, text)
    policy = load_http(tmp_path, text, allow_unsupported=True)
    assert status(policy) == 200  # a variable that is not simulated is empty
    file = tmp_path / "made.conf"
    assert [warning.partition(": ")[0] for warning in policy.warnings] == [
        f"{file}:4",
        f"{file}:5",
        f"{file}:6",
    ]


def test_a_header_that_only_shows_such_a_variable_is_a_warning(tmp_path: Path) -> None:
    policy = load_http(tmp_path, 'server { add_header X-Request-Id "$request_id"; }')
    assert len(policy.warnings) == 1
    assert '"$request_id" is not simulated' in policy.warnings[0]


def test_maps_that_need_each_other(tmp_path: Path) -> None:
    text = "map $b $a { default $c; }\nmap $uri $b { x $a; }\nmap $a $c { }\nserver { }"
    with pytest.raises(InputError, match="cycle while evaluating"):
        load_http(tmp_path, text)


def test_an_include_is_named_with_its_own_lines(tmp_path: Path) -> None:
    (tmp_path / "inner.conf").write_text("\nreturn 200 $nope;\n")
    with pytest.raises(InputError) as caught:
        load_http(tmp_path, "server { include inner.conf; }")
    assert (caught.value.file, caught.value.line) == (str(tmp_path / "inner.conf"), 2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is no http block"),
        ("events {}", "there is no http block"),
        ("http { }", "there is no server block"),
        ("http { server { }", 'expecting "}"'),
        ("http { server { } } }", 'unexpected "}"'),
        ("http { server { return 200 } }", 'unexpected "}"'),
        ("http { server { } }\nhttp { server { } }", '"http" directive is duplicate'),
        ("http { include missing.conf; }", "missing.conf"),
        ("http { server { limit_req_zone $uri zone=a:1m rate=1r/s; } }", "is not allowed here"),
    ],
)
def test_configurations_that_are_none(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "none.conf"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_policy(path)
    assert words in str(caught.value)
    assert caught.value.file is not None


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_policy(tmp_path / "absent.conf")
    with pytest.raises(InputError, match="not a file"):
        load_policy(tmp_path)
