"""Written logs: what is read back is what was written, and nginx would have written the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simkit.accesslog import COMBINED, LogFormat, Trace, find_format, parse_request_line, read_log
from simkit.accesslog.writing import Entry, Writer, unwritable, write_log
from simkit.errors import InputError
from simkit.wire import Fault, Shape, Version
from tests.accesslog.live import OWN, OWN_JSON, lines, nginx, send
from tests.accesslog.test_live_nginx import AGENTS

FORMATS = {"combined": COMBINED, "own": find_format(OWN), "json": find_format(OWN_JSON)}
START_MS = 1_767_225_600_000

# What the bytes of a request can hold; a dash alone is what a log has for nothing.
_bytes = st.binary(max_size=30).filter(lambda raw: b"\r" not in raw and b"\n" not in raw)
values = _bytes.map(lambda raw: raw.decode("utf-8", "surrogateescape").strip(" ")).filter(
    "-".__ne__
)
targets = (
    st.binary(max_size=30)
    .filter(lambda raw: not any(byte <= 0x20 or byte == 0x7F for byte in raw))
    .map(lambda raw: "/" + raw.decode("utf-8", "surrogateescape"))
)
headers = st.fixed_dictionaries({}, optional={"User-Agent": values, "Referer": values})
shapes = st.builds(
    Shape,
    method=st.sampled_from(["GET", "POST", "PROPFIND", "X_Y-Z".upper()]),
    target=targets,
    version=st.sampled_from([Version.HTTP_1_0, Version.HTTP_1_1, Version.HTTP_2]),
    headers=headers.map(lambda found: (("Host", "shop.example"), *found.items())),
    port=st.integers(1, 65_535),
)
entries = st.builds(
    Entry,
    shape=shapes,
    address=st.ip_addresses().map(str),
    status=st.integers(100, 599),
    ended_ms=st.integers(START_MS, START_MS + 10**9),
    duration_ms=st.integers(0, 10**6),
    body_bytes=st.integers(0, 10**12),
    limit_req_status=st.sampled_from([None, "PASSED", "REJECTED"]),
)


def read_back(written: Sequence[Entry], log_format: LogFormat) -> Trace:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "access.log"
        assert write_log(written, path, log_format) == len(written)
        assert [file.name for file in Path(folder).iterdir()] == ["access.log"]
        return read_log(path, log_format)


@settings(max_examples=60, deadline=None)
@given(st.lists(entries, min_size=1, max_size=8))
@pytest.mark.parametrize("name", list(FORMATS))
def test_what_was_written_is_read(name: str, written: list[Entry]) -> None:
    log_format = FORMATS[name]
    trace = read_back(written, log_format)
    assert (len(trace), len(trace.rejected)) == (len(written), 0)
    assert trace.start is not None
    assert trace.time_ms is not None
    assert trace.resolution_ms is not None
    for row, entry in enumerate(written):
        request = trace.request[row]
        shape = entry.shape
        assert (request.method, request.target) == (shape.method, shape.target)
        assert (request.version, request.fault) == (shape.version, Fault.NONE)
        assert trace.client[row].text == entry.address
        assert trace.status[row] == entry.status
        at = trace.start + timedelta(milliseconds=int(trace.time_ms[row]))
        assert at.timestamp() == entry.ended_ms // trace.resolution_ms * trace.resolution_ms / 1000
        for header, column in trace.headers.items():
            sent = shape.header(header)
            # escape=json writes an empty value and a missing one alike
            assert column[row] == (sent or None if name == "json" else sent), header
        if name != "json":
            assert trace.bytes[row] == entry.body_bytes
        if name == "own":
            assert trace.duration_ms is not None
            assert trace.duration_ms[row] == entry.duration_ms
            assert trace.port is not None
            assert trace.port[row] == shape.port


@pytest.mark.parametrize(
    "fault",
    [Fault.BAD_REQUEST_LINE, Fault.BAD_METHOD, Fault.TLS_ON_PLAIN, Fault.UNKNOWN_VERSION],
)
def test_a_request_that_cannot_be_read_is_read_as_such(fault: Fault) -> None:
    shape = Shape(fault=fault, headers=(("User-Agent", "never read"),))
    trace = read_back([Entry(shape, "192.0.2.1", 400, START_MS)], COMBINED)
    assert trace.request[0].fault is fault
    assert trace.agent is not None
    assert trace.agent[0] is None


def test_nginx_writes_the_same_bytes(tmp_path: Path) -> None:
    sent = [
        b'GET /a%20b?c="d"&e=\\f HTTP/1.1',
        b"HEAD / HTTP/1.0",
        b"OPTIONS /caf\xc3\xa9\xff HTTP/1.1",
    ]
    own: list[bytes] = []
    shapes: list[Shape] = []
    for number, agent in enumerate(AGENTS):
        line = sent[number % len(sent)]
        own.append(
            b"%s\r\nHost: Shop.example:80\r\nUser-Agent: %s\r\nReferer: %s\r\n"
            b"Authorization: Basic am9lOng6eQ==\r\nUser-Agent: another\r\n"
            b"Connection: close\r\n\r\n" % (line, agent, agent)
        )
        text = agent.decode("utf-8", "surrogateescape")
        request = parse_request_line(line.decode("utf-8", "surrogateescape"))
        named = (
            ("Host", "Shop.example:80"),
            ("User-Agent", text),
            ("Referer", text),
            ("Authorization", "Basic am9lOng6eQ=="),
        )
        shapes.append(Shape(request.method, request.target, request.version, named))
    own.append(b"GET /bare\r\n")
    shapes.append(Shape(target="/bare", version=Version.HTTP_0_9))
    with nginx(tmp_path) as port:
        send(port, own)
        found = {name: lines(tmp_path / f"{name}.log", len(own)) for name in FORMATS}
    exact = read_log(found["own"], OWN)
    assert exact.start is not None
    assert exact.time_ms is not None
    assert exact.duration_ms is not None
    begun_ms = round(exact.start.timestamp() * 1000)
    zone = datetime.now(UTC).astimezone().tzinfo or UTC
    for name, log_format in FORMATS.items():
        writer = Writer(log_format, zone)
        written = found[name].read_bytes().splitlines(keepends=True)
        for row, (shape, line) in enumerate(zip(shapes, written, strict=True)):
            entry = Entry(
                Shape(shape.method, shape.target, shape.version, shape.headers, port=port),
                "127.0.0.1",
                status=204,
                ended_ms=begun_ms + int(exact.time_ms[row]),
                duration_ms=int(exact.duration_ms[row]),
            )
            assert writer.line(entry) == line


def test_times_are_those_of_the_zone() -> None:
    entry = Entry(Shape(), "192.0.2.1", 200, START_MS + 1_999)
    zone = timezone(timedelta(hours=-3, minutes=-30))
    written = Writer(LogFormat("x", "[$time_local] $time_iso8601 $msec"), zone).line(entry)
    local = b"[31/Dec/2025:20:30:01 -0330]"
    assert written == local + b" 2025-12-31T20:30:01-03:30 1767225601.999\n"


def test_repeated_headers_and_missing_ones() -> None:
    shape = Shape(
        headers=(("X-Forwarded-For", "a"), ("x-forwarded-for", "b"), ("X-One", "c"), ("X-One", "d"))
    )
    entry = Entry(shape, "192.0.2.1", 200, START_MS, server_name="fallback")
    text = (
        "$http_x_forwarded_for|$http_x_one|$http_cookie|$host|$remote_user|$limit_req_status|$https"
    )
    # nginx up to 1.22 joins some repeated headers and takes the first of the others
    assert Writer(LogFormat("x", text)).line(entry) == b"a, b|c|-|fallback|-|-|\n"


@pytest.mark.parametrize(
    "coded", ["", "Basic", "Basic %%", "Basic am9l", "Bearer am9lOng=", "Basic Og=="]
)
def test_what_is_no_basic_authentication_names_nobody(coded: str) -> None:
    entry = Entry(Shape(headers=(("Authorization", coded),)), "192.0.2.1", 200, START_MS)
    assert Writer(LogFormat("x", "$remote_user")).line(entry) == b"-\n"


def test_a_format_that_cannot_be_written_says_what_it_has() -> None:
    wanted = LogFormat("x", "$remote_addr $upstream_addr $request $pid $pid")
    assert unwritable(wanted) == ("upstream_addr", "pid")
    with pytest.raises(InputError, match=r"x cannot be written: it has \$upstream_addr, \$pid"):
        Writer(wanted)


def test_a_file_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot write the log"):
        write_log([], tmp_path / "nowhere" / "access.log")


def test_an_interrupted_log_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_text("old\n")

    def interrupted() -> object:
        yield Entry(Shape(), "192.0.2.1", 200, START_MS)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_log(interrupted(), path)  # type: ignore[arg-type]
    assert path.read_text() == "old\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    (tmp_path / "real.log").write_text("old\n")
    link = tmp_path / "access.log"
    link.symlink_to("real.log")
    assert write_log([Entry(Shape(), "192.0.2.1", 200, START_MS)], link) == 1
    assert link.is_symlink()
    assert (tmp_path / "real.log").read_text().startswith("192.0.2.1 - - ")
    assert write_log([], Path("/dev/null")) == 0
    assert not Path("/dev/null").is_file()
