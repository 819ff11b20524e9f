from __future__ import annotations

import polars as pl
import pytest

from simkit.accesslog import COMBINED, COMMON, LogFormat, find_format
from simkit.accesslog.escapes import Escape
from simkit.errors import InputError

SHOP = """
log_format shop '$remote_addr - $remote_user [$time_local] "$request" $status '
                '"$http_user_agent" "$http_host" $msec $request_time';
"""


def groups(log_format: LogFormat, line: str, *, tolerant: bool = False) -> list[str] | None:
    pattern = log_format.pattern(tolerant=tolerant)
    found = pl.Series([line]).str.extract_groups(pattern).struct.unnest().row(0)
    return None if found[0] is None else list(found)


def test_combined_is_what_nginx_has_built_in() -> None:
    # ngx_http_log_module.c: ngx_http_combined_fmt
    assert COMBINED.text == (
        '$remote_addr - $remote_user [$time_local] "$request" '
        '$status $body_bytes_sent "$http_referer" "$http_user_agent"'
    )
    assert COMBINED.text.startswith(COMMON.text)


def test_variables_in_order() -> None:
    assert LogFormat("x", "${scheme}://$host:$server_port $status").variables == (
        "scheme",
        "host",
        "server_port",
        "status",
    )


def test_a_whole_directive_is_understood() -> None:
    found = find_format(SHOP)
    assert found.name == "shop"
    assert found.escape is Escape.DEFAULT
    assert found.text.endswith('$status "$http_user_agent" "$http_host" $msec $request_time')


def test_a_directive_with_escape() -> None:
    found = find_format("""log_format j escape=json '{"a":"$remote_addr","r":"$request"}';""")
    assert (found.name, found.escape) == ("j", Escape.JSON)
    assert found.text == '{"a":"$remote_addr","r":"$request"}'


def test_names_are_known() -> None:
    assert find_format("combined") is COMBINED
    assert find_format("common") is COMMON
    assert find_format(COMMON) is COMMON


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "cannot be read"),
        ("no variable", "cannot be read"),
        ("$a\n$b", "cannot be read"),
        ("log_format x escape=xml '$request';", "escape=xml"),
    ],
)
def test_a_bad_format_is_one_clear_error(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        find_format(text)


def test_a_line_is_written_as_nginx_writes_it() -> None:
    values = {
        "remote_addr": "192.0.2.1",
        "time_local": "01/Aug/1995:00:00:01 -0400",
        "request": "GET / HTTP/1.1",
        "status": "200",
        "body_bytes_sent": "5",
        "http_user_agent": 'a "b"',
    }
    assert COMBINED.line(values) == (
        '192.0.2.1 - - [01/Aug/1995:00:00:01 -0400] "GET / HTTP/1.1" 200 5 "-" "a \\x22b\\x22"'
    )


def test_a_missing_value_is_empty_in_json() -> None:
    log_format = LogFormat("j", '{"a":"$http_referer"}', Escape.JSON)
    assert log_format.line({}) == '{"a":""}'


@pytest.mark.parametrize(
    ("text", "line", "wanted"),
    [
        ("$remote_addr,$status", "2001:db8::1,404", ["2001:db8::1", "404"]),
        ("$remote_addr|$request|$status", "h|GET / HTTP/1.0|200", ["h", "GET / HTTP/1.0", "200"]),
        ("[$time_iso8601] $x", "[2015-05-17T10:05:03+00:00] ", ["2015-05-17T10:05:03+00:00", ""]),
        ("\"$a\" '$b'", "\"1 \\\"x\" 'it\\'s'", ['1 \\"x', "it\\'s"]),
        ("$request_time $msec", "0.001 1469531242.123", ["0.001", "1469531242.123"]),
        ("($status)", "(200)", ["200"]),
    ],
)
def test_patterns(text: str, line: str, wanted: list[str]) -> None:
    assert groups(LogFormat("x", text), line) == wanted


@pytest.mark.parametrize("line", ["h 99", "h 2000", "h abc", "h", "", " 200", "h  200", "\0 200"])
def test_what_does_not_fit(line: str) -> None:
    for tolerant in (False, True):
        assert groups(LogFormat("x", "$remote_addr $status"), line, tolerant=tolerant) is None


def test_a_space_in_a_name_needs_tolerance() -> None:
    log_format = LogFormat("x", "$remote_addr - $remote_user [$time_local]")
    line = "192.0.2.1 - john [x] doe [01/Aug/1995:00:00:01 -0400]"
    assert groups(log_format, line) is None
    assert groups(log_format, line, tolerant=True) == [
        "192.0.2.1",
        "john [x] doe",
        "01/Aug/1995:00:00:01 -0400",
    ]
