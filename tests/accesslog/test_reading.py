from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit.accesslog import COMBINED, COMMON, LogFormat, Trace, read_log
from simkit.accesslog.escapes import Escape
from simkit.accesslog.lines import BLOCK_BYTES, MAX_LINE_BYTES
from simkit.errors import InputError
from simkit.wire import Fault, Version

GOOD = (
    '192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a?b=c HTTP/1.1" 200 123 '
    '"http://example/" "Mozilla/5.0"'
)


def read(
    data: bytes | str, log_format: str | LogFormat | None = None, name: str = "access.log"
) -> Trace:
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return read_log(path, log_format)


def one(line: str, log_format: str | LogFormat = COMBINED) -> Trace:
    trace = read(f"{line}\n", log_format)
    assert len(trace) == 1, list(trace.rejected)
    return trace


# -- what is written can be read back -----------------------------------------------------------

anything = st.binary(max_size=40).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | anything
values = st.none() | texts.filter(lambda t: t != "-")
zones = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
times = st.datetimes(
    datetime(1970, 1, 2),  # noqa: DTZ001 (hypothesis wants these two without a zone)
    datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=zones,
).map(lambda t: t.replace(microsecond=0))
records = st.fixed_dictionaries(
    {
        "remote_addr": st.ip_addresses().map(str),
        "remote_user": values.filter(lambda t: t is None or "[" not in t),
        "time": times,
        "request": texts,
        "status": st.integers(0, 999),
        "body_bytes_sent": st.integers(0, 10**15),
        "http_referer": values,
        "http_user_agent": values,
    }
)


@given(st.lists(records, min_size=1, max_size=8), st.sampled_from([b"\n", b"\r\n"]))
def test_a_record_comes_back_as_it_was(written: list[dict[str, object]], end: bytes) -> None:
    lines = [
        COMBINED.line(
            {name: None if value is None else str(value) for name, value in record.items()}
            | {
                "time_local": record["time"].strftime("%d/%b/%Y:%H:%M:%S %z"),  # type: ignore[attr-defined]
                "status": f"{record['status']:03d}",
            }
        ).encode()
        for record in written
    ]
    trace = read(end.join(lines) + end, "combined")
    assert not len(trace.rejected), list(trace.rejected)
    assert trace.agent is not None
    assert trace.start is not None
    assert trace.time_ms is not None
    for i, record in enumerate(written):
        assert trace.client[i].address == ip_address(record["remote_addr"]) or "::ffff" in str(  # type: ignore[arg-type]
            record["remote_addr"]
        )
        assert trace.request[i].text == record["request"]
        assert trace.agent[i] == record["http_user_agent"]
        assert trace.headers["Referer"][i] == record["http_referer"]
        assert trace.status[i] == record["status"]
        assert trace.bytes[i] == record["body_bytes_sent"]
        assert trace.start + timedelta(milliseconds=int(trace.time_ms[i])) == record["time"]


@given(
    st.lists(st.binary(max_size=60) | st.just(GOOD.encode())), st.sampled_from([COMBINED, COMMON])
)
def test_whatever_bytes_no_line_is_lost_and_nothing_breaks(
    pieces: list[bytes], log_format: LogFormat
) -> None:
    data = b"\n".join(pieces) + b"."
    trace = read(data, log_format)
    assert trace.lines == data.count(b"\n") + 1
    assert trace.lines == len(trace) + len(trace.rejected)
    numbers = np.concatenate([trace.line, trace.rejected.line])
    assert sorted(numbers.tolist()) == list(range(1, trace.lines + 1))
    assert all(r.excerpt.isprintable() for r in trace.rejected)
    assert len(trace.to_frame()) == len(trace)


@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=3))
def test_a_line_with_a_fault_is_read_or_refused_but_never_lost(at: int, wrong: bytes) -> None:
    raw = GOOD.encode()
    data = b"\n".join([raw, raw[:at] + wrong + raw[at + 1 :], raw]) + b"\n"
    trace = read(data, COMBINED)
    assert trace.lines == data.count(b"\n")
    assert {1, trace.lines} <= set(trace.line.tolist())


# -- what each field means ----------------------------------------------------------------------


def test_a_line_in_combined_format() -> None:
    trace = one(GOOD)
    assert trace.start == datetime(2015, 5, 17, 10, 5, 3, tzinfo=UTC)
    assert trace.resolution_ms == 1000
    request = trace.request[0]
    assert (request.method, request.target, request.version) == ("GET", "/a?b=c", Version.HTTP_1_1)
    assert trace.client[0].text == "192.0.2.1"
    assert trace.agent is not None
    assert trace.agent[0] == "Mozilla/5.0"
    assert (trace.host, trace.tls, trace.port, trace.duration_ms) == (None, None, None, None)
    assert (int(trace.status[0]), int(trace.bytes[0])) == (200, 123)


def test_no_agent_an_empty_one_and_an_unknown_one_are_three_things() -> None:
    start = GOOD.removesuffix('"Mozilla/5.0"')
    absent, empty = one(f'{start}"-"').agent, one(f'{start}""').agent
    assert absent is not None
    assert absent[0] is None
    assert empty is not None
    assert empty[0] == ""
    common = GOOD.removesuffix(' "http://example/" "Mozilla/5.0"')
    assert one(common, COMMON).agent is None


def test_garbage_is_a_request_and_not_a_malformed_line() -> None:
    line = GOOD.replace("GET /a?b=c HTTP/1.1", r"\x16\x03\x01\x00\xEE").replace("200", "400")
    request = one(line).request[0]
    assert request.fault is Fault.TLS_ON_PLAIN
    assert request.text.startswith("\x16\x03\x01")


def test_time_zones_count() -> None:
    other = GOOD.replace("10:05:03 +0000", "05:05:04 -0500")
    trace = read(f"{GOOD}\n{other}\n")
    assert trace.time_ms is not None
    assert trace.time_ms.tolist() == [0, 1000]


def test_time_counts_from_the_earliest_line() -> None:
    earlier = GOOD.replace("10:05:03", "10:05:01")
    trace = read(f"{GOOD}\n{earlier}\n")
    assert trace.time_ms is not None
    assert trace.time_ms.tolist() == [2000, 0]


SHOP = (
    '$remote_addr [$time_local] "$request" $status $bytes_sent "$http_host" $msec $request_time '
    '$server_port $scheme "$http_x_forwarded_for" "$upstream_addr" $ssl_server_name'
)


def test_a_format_of_ones_own() -> None:
    line = (
        '2001:db8::7 [22/Dec/2016:22:32:31 +0300] "POST /x HTTP/2.0" 403 303 "shop.example" '
        '1482435151.250 0.100 8443 https "192.0.2.9" "127.0.0.1:80" shop.example'
    )
    trace = read(f"{line}\n{line.replace('151.250 0.100', '151.375 -')}\n", SHOP)
    assert trace.resolution_ms == 1
    assert trace.time_ms is not None
    assert trace.duration_ms is not None
    assert trace.time_ms.tolist() == [0, 125]
    assert trace.duration_ms.tolist() == [100, -1]
    assert trace.start == datetime(2016, 12, 22, 19, 32, 31, 250_000, tzinfo=UTC)
    assert trace.host is not None
    assert trace.host[0] == "shop.example"
    assert trace.headers["X-Forwarded-For"][0] == "192.0.2.9"
    assert trace.port is not None
    assert trace.port[0] == 8443
    assert trace.tls is not None
    assert trace.tls[0] is True
    assert trace.sni is not None
    assert trace.sni[0] == "shop.example"
    assert trace.counts_headers
    assert int(trace.bytes[0]) == 303
    assert trace.agent is None


def test_a_request_in_parts_and_json() -> None:
    text = (
        '{"a":"$remote_addr","m":"$request_method","u":"$request_uri","p":"$server_protocol",'
        '"agent":"$http_user_agent","t":"$time_iso8601","s":$status,"tls":"$ssl_protocol"}'
    )
    log_format = LogFormat("j", text, Escape.JSON)
    line = (
        r'{"a":"192.0.2.1","m":"GET","u":"/\"x\"","p":"HTTP/1.0","agent":"",'
        r'"t":"2015-05-17T10:05:03+02:00","s":404,"tls":"TLSv1.3"}'
    )
    trace = one(line, log_format)
    request = trace.request[0]
    assert (request.method, request.target, request.version) == ("GET", '/"x"', Version.HTTP_1_0)
    assert trace.agent is not None
    assert trace.agent[0] is None
    assert trace.tls is not None
    assert trace.tls[0] is True
    assert trace.start == datetime(2015, 5, 17, 8, 5, 3, tzinfo=UTC)


def test_a_format_without_status_size_and_time() -> None:
    trace = one('192.0.2.1 "GET / HTTP/1.1"', '$remote_addr "$request"')
    assert (trace.time_ms, trace.start, trace.resolution_ms) == (None, None, None)
    assert (int(trace.status[0]), int(trace.bytes[0])) == (0, -1)


def test_the_server_name_stands_for_the_host_unless_it_is_none() -> None:
    log_format = '$remote_addr $server_name "$request"'
    trace = read('1.2.3.4 a.example "GET / HTTP/1.1"\n1.2.3.4 _ "GET / HTTP/1.1"\n', log_format)
    assert trace.host is not None
    assert [trace.host[0], trace.host[1]] == ["a.example", None]


# -- malformed lines ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "the line is empty"),
        (GOOD[:-1], "the line ends in $http_user_agent"),
        (GOOD[:-14], "the line ends after $http_referer"),
        (GOOD[:-15], "the line ends in $http_referer"),
        (GOOD[:-13], "the line ends after $http_referer"),
        (GOOD[:-12], "the line ends in $http_user_agent"),
        (GOOD[:60], "the line ends in $request"),
        (GOOD[:9], "the line ends in $remote_addr"),
        (GOOD + " more", 'the line goes on after "'),
        (GOOD.replace(" 200 ", " OK "), "$status does not fit"),
        (GOOD.replace(" 123 ", " many "), "$body_bytes_sent does not fit"),
        (GOOD.replace("17/May", "xx/May"), "$time_local does not fit"),
        (GOOD.replace("17/May", "31/Feb"), "$time_local is a time that does not exist"),
        (GOOD.replace("10:05:03", "25:05:03"), "$time_local is a time that does not exist"),
        ("\0" * 50 + GOOD, "$remote_addr does not fit"),
        (GOOD.replace("Mozilla", "M" * MAX_LINE_BYTES), "the line is longer than 262144 bytes"),
    ],
)
def test_a_malformed_line_has_its_number_and_reason(line: str, reason: str) -> None:
    trace = read(f"{GOOD}\n{line}\n{GOOD}\n", COMBINED)
    (rejection,) = trace.rejected
    assert (rejection.line, rejection.reason) == (2, reason)
    assert rejection.excerpt.isprintable()
    assert len(rejection.excerpt) <= 500
    assert trace.line.tolist() == [1, 3]
    assert trace.rejected.by_reason() == {reason: 1}


def test_a_last_line_that_was_cut_is_malformed() -> None:
    trace = read(f"{GOOD}\n{GOOD[:50]}")
    assert [r.line for r in trace.rejected] == [2]


def test_a_last_line_without_its_end_is_a_line() -> None:
    assert len(read(f"{GOOD}\n{GOOD}")) == 2
    assert read(f"{GOOD}\n{GOOD}").notes == ()


def test_a_cut_that_cannot_be_seen_is_noted() -> None:
    common = GOOD.removesuffix(' "http://example/" "Mozilla/5.0"')
    trace = read(f"{common}\n{common[:-1]}")
    assert trace.bytes.tolist() == [123, 12]
    assert "$body_bytes_sent" in trace.notes[0]
    assert read(f"{common}\n").notes == ()


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    raw = GOOD.encode().replace(b"Mozilla", b"caf\xe9 \\x22")
    trace = read(raw + b"\n")
    assert trace.agent is not None
    assert trace.agent[0] == 'caf\udce9 "/5.0'
    assert trace.to_frame()["User-Agent"][0] == 'caf\\xE9 "/5.0'


# -- files -------------------------------------------------------------------------------------


def test_blocks_make_no_difference() -> None:
    count = 3 * BLOCK_BYTES // len(GOOD)
    lines = [GOOD.replace("/a?b=c", f"/{i % 1000}") for i in range(count)]
    lines[count // 2] = "wrong"
    trace = read(gzip.compress("\n".join(lines).encode(), 1))
    assert (trace.lines, len(trace)) == (count, count - 1)
    assert [r.line for r in trace.rejected] == [count // 2 + 1]
    assert len(trace.request.values) == 1000
    wanted = [i for i in range(count) if i != count // 2]
    assert trace.line.tolist() == [i + 1 for i in wanted]
    assert [trace.request[r].target for r in (0, -1)] == ["/0", f"/{(count - 1) % 1000}"]


def test_a_damaged_file_is_read_as_far_as_it_goes() -> None:
    packed = gzip.compress(f"{GOOD}\n".encode() * 1000)
    trace = read(packed[:-20])
    assert 0 < len(trace) <= 1000
    assert trace.damage == "the gzip data is cut off: its end is missing"


def test_common_format_is_found_out() -> None:
    common = GOOD.removesuffix(' "http://example/" "Mozilla/5.0"')
    assert read(f"{common}\n{GOOD}\n{common}\n").log_format is COMMON
    assert read(f"{common}\n{GOOD}\n").log_format is COMBINED


@pytest.mark.parametrize(
    ("data", "log_format", "says"),
    [
        (b"", None, "the log is empty"),
        (b"hello\nworld\n", None, "no line fits combined or common format"),
        (b"x\n", '"$request"', r"has no \$remote_addr"),
        (b"x\n", "$remote_addr $status", r"has no \$request"),
    ],
)
def test_what_cannot_be_read_is_one_error(data: bytes, log_format: str | None, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read(data, log_format)


def test_a_million_refusals_are_counted_but_not_kept() -> None:
    trace = read(b"?\n" * 20_000 + GOOD.encode(), COMBINED)
    assert len(trace.rejected) == 20_000
    assert [r.line for r in trace.rejected] == list(range(1, 20_001))
    assert sum(bool(r.excerpt) for r in trace.rejected) == 1000
    assert len(trace) == 1


def test_the_frame_has_a_row_for_each_request() -> None:
    frame = read(f"{GOOD}\nwrong\n{GOOD}\n").to_frame()
    assert frame["line"].tolist() == [1, 3]
    assert frame["User-Agent"].tolist() == ["Mozilla/5.0"] * 2
    assert str(frame["time"][0]) == "2015-05-17 10:05:03+00:00"
    assert frame["address"].tolist() == ["192.0.2.1"] * 2
