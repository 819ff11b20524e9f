"""Logs of a live nginx: what was sent is what is read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from simkit.accesslog import Trace, escaped, read_log
from simkit.wire import Fault
from tests.accesslog.live import OWN, OWN_JSON, lines, nginx, send

AGENTS = [
    b"Mozilla/5.0 (X11; Linux)",
    b'quotes " and \\ backslashes \\x22',
    b"caf\xc3\xa9 in UTF-8",
    b"caf\xe9 in Latin-1, \xff\xfe",
    b"tab\there, \x7f and \x1b[31m",
    b'-- [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1',
    b'{"json": true}',
    b"",
]
LINES = [
    b"GET / HTTP/1.1",
    b"GET  /two  HTTP/1.1 ",
    b"GET /a?b=c HTTP/1.0",
    b"HEAD /%20x HTTP/1.1",
    b"GET /caf\xe9 HTTP/1.1",
    b"GET http://other.example/x HTTP/1.1",
    b"PROPFIND /x HTTP/1.1",
    b"GET / HTTP/1.7",
    b"GET / with space HTTP/1.1",
    b"GET /a\x01b HTTP/1.1",
    b"get / HTTP/1.1",
    b"OPTIONS * HTTP/1.1",
    b"GET / HTTP/9.1",
    b"GET / FTP/1.1",
    b"GET",
    b"hello",
    b"\x16\x03\x01\x02\x00",
    b"\x03\x00\x00/*\xe0\x00\x00\x00\x00\x00Cookie: mstshash=Administr",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of an nginx that was sent every agent, then every request line."""
    path = tmp_path_factory.mktemp("nginx")
    requests = [
        b"GET /agent HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: %s\r\n"
        b"Referer: %s\r\nConnection: close\r\n\r\n" % (agent, agent)
        for agent in AGENTS
    ]
    requests += [line + b"\r\nHost: shop.example\r\nConnection: close\r\n\r\n" for line in LINES]
    with nginx(path) as port:
        send(port, requests)
        for name in ("combined", "own", "json"):
            lines(path / f"{name}.log", len(requests))
        yield path


def trace_of(folder: Path, name: str) -> Trace:
    log_format = {"combined": "combined", "own": OWN, "json": OWN_JSON}[name]
    return read_log(folder / f"{name}.log", log_format)


@pytest.mark.parametrize("name", ["combined", "own", "json"])
def test_every_line_of_nginx_is_read(folder: Path, name: str) -> None:
    trace = trace_of(folder, name)
    assert len(trace.rejected) == 0, list(trace.rejected)
    assert len(trace) == len(AGENTS) + len(LINES)
    assert {client.text for client in trace.client.values} == {"127.0.0.1"}


@pytest.mark.parametrize("name", ["combined", "own", "json"])
def test_agents_come_back_byte_for_byte(folder: Path, name: str) -> None:
    trace = trace_of(folder, name)
    assert trace.agent is not None
    got = [trace.agent[row] for row in range(len(AGENTS))]
    # escape=json writes an empty value and a missing one alike.
    wanted = [
        a.decode("utf-8", "surrogateescape") or (None if name == "json" else "") for a in AGENTS
    ]
    assert got == wanted
    assert trace.agent[len(AGENTS)] is None


def test_nginx_escapes_as_we_do(folder: Path) -> None:
    written = (folder / "combined.log").read_text("ascii").split("\n")
    for line, agent in zip(written, AGENTS, strict=False):
        shown = escaped(agent.decode("utf-8", "surrogateescape"))
        assert line.endswith(f'"{shown}" "{shown}"')


def test_request_lines_are_judged_as_nginx_judged_them(folder: Path) -> None:
    trace = trace_of(folder, "own")
    for row in range(len(AGENTS), len(trace)):
        fault = trace.request[row].fault
        status = int(trace.status[row])
        wanted = 505 if fault is Fault.UNKNOWN_VERSION else 400 if fault is not Fault.NONE else 204
        assert status == wanted, trace.request[row]


def test_milliseconds_host_and_port(folder: Path) -> None:
    trace = trace_of(folder, "own")
    assert trace.resolution_ms == 1
    assert trace.duration_ms is not None
    assert (trace.duration_ms >= 0).all()
    assert trace.host is not None
    assert trace.host[0] == "shop.example"
    assert trace.port is not None
    assert trace.port[0] not in (None, 80)
