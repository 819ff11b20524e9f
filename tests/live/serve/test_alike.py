"""`simkit serve` beside nginx: the same configuration, the same bytes in, the same bytes out.

For each exchange are compared every byte of the answers, whether FIN or RST ended the connection or
it stayed, and the lines in the access log with most of nginx's variables in them.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from random import Random

import pytest

from tests.live.serve.hostile import make
from tests.live.serve.running import Seen, Side, both

LINE, CLOSE = b"GET / HTTP/1.1", b"Connection: close\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
TEXT = b"GET /text HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Side, Side]]:
    with both("site.conf", tmp_path_factory.mktemp("both")) as found:
        yield found


def request(
    target: str,
    method: str = "GET",
    *,
    version: str = "HTTP/1.1",
    host: str = "site.example",
    headers: bytes = CLOSE,
    body: bytes = b"",
) -> bytes:
    top = f"{method} {target} {version}\r\nHost: {host}\r\n".encode()
    return top + headers + b"\r\n" + body


def length(size: int) -> bytes:
    return b"Content-Length: %d\r\n" % size


def alike(
    sides: tuple[Side, Side],
    *pieces: bytes,
    port: int = 8001,
    lines: int = 1,
    fields: int | None = None,
    finish: bool = False,
) -> Seen:
    """Ask both and compare; ``fields`` of each line in the log, all of them if not said."""
    nginx, simkit = sides
    expected = nginx.ask(port, *pieces, finish=finish)
    assert simkit.ask(port, *pieces, finish=finish) == expected
    logs = [[line.split(b"|")[:fields] for line in side.log(lines)] for side in sides]
    assert logs[1] == logs[0]
    assert len(logs[0]) == lines
    return expected


TARGETS = """
/ /a.css /drop /reset /text /page.html /nothing /teapot /teapot-text /kept-out /gone /there /away
/busy /headers?two=2 /headers /no-tokens /secret /rewritten /old/x?y=z /alias/ /alias/o.txt /alias
/leaky /leaky/o.txt /tried/dir /tried/dir/ /fallback/x /errors/x /errors/denied /errors/gone
/indexed/ /indexed /b.png /c.png /charset/ /charset/a.css /put/a.css /put/ /proxied/x?q=1
/mapped/x%20y?q=1 /named-host/z /broken/x /rescued/x /intercepted/missing /proxied/missing
/proxied/moved /mapped/moved /proxied/chunked /named-host/chunked /proxied/endless
/named-host/endless /sub /sub?x=y /empty /empty/ /none /none/ /a.css/ /a.css/x /a%20b.html
/sub/../a.css //a.css /%61.css /. /index.html?a=b /big.bin
""".split()


@pytest.mark.parametrize("target", [*TARGETS, "/" + "n" * 300, "/" + "/".join(["d" * 200] * 25)])
def test_a_get(sides: tuple[Side, Side], target: str) -> None:
    alike(sides, request(target))


MIXED = (
    "/ /a.css /text /drop /kept-out /there /proxied/x?q=1 /none /nothing /sub /rewritten /teapot"
)


@pytest.mark.parametrize("target", MIXED.split())
@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE"])
def test_other_methods(sides: tuple[Side, Side], method: str, target: str) -> None:
    alike(sides, request(target, method))


@pytest.mark.parametrize("target", MIXED.split())
def test_http_1_0_closes_unless_asked_to_keep(sides: tuple[Side, Side], target: str) -> None:
    kept = request(target, version="HTTP/1.0", headers=b"Connection: keep-alive\r\n")
    alike(sides, request(target, version="HTTP/1.0", headers=b""))
    alike(sides, kept + TEXT, lines=1 if target == "/drop" else 2)


@pytest.mark.parametrize("target", MIXED.split())
def test_http_0_9_gets_bare_bytes(sides: tuple[Side, Side], target: str) -> None:
    alike(sides, f"GET {target}\r\n".encode(), fields=8)


@pytest.mark.parametrize("target", MIXED.split())
def test_pipelined_requests_are_answered_in_turn(sides: tuple[Side, Side], target: str) -> None:
    first = request(target, headers=b"")
    lines = 1 if target == "/drop" else 2
    alike(sides, first + TEXT, lines=lines)
    alike(sides, first[:10], first[10:] + TEXT[:40], TEXT[40:], lines=lines)


BODIES = {
    "of known length": (length(5), b"hello"),
    "in chunks": (CHUNKED, b"5\r\nhello\r\n0\r\n\r\n"),
    "in wrong chunks": (CHUNKED, b"zz\r\nhello\r\n0\r\n\r\n"),
    "too large": (length(1001), b"h" * 1001),
    "too large in chunks": (CHUNKED, b"7d0\r\n" + b"h" * 2000 + b"\r\n0\r\n\r\n"),
    "expected": (length(5) + b"Expect: 100-continue\r\n", b"hello"),
}


@pytest.mark.parametrize("target", MIXED.split())
@pytest.mark.parametrize("kind", BODIES)
def test_a_request_with_a_body(sides: tuple[Side, Side], kind: str, target: str) -> None:
    headers, body = BODIES[kind]
    alike(sides, request(target, "POST", headers=headers + CLOSE, body=body))


@pytest.mark.parametrize("kind", ["of known length", "in chunks"])
@pytest.mark.parametrize("target", ["/", "/text", "/drop", "/kept-out", "/proxied/x"])
def test_what_follows_a_body_is_the_next_request(
    sides: tuple[Side, Side], kind: str, target: str
) -> None:
    headers, body = BODIES[kind]
    sent = request(target, "POST", headers=headers, body=body) + TEXT
    cut = sent.index(b"\r\n\r\n") + 6
    lines = 1 if target == "/drop" else 2
    alike(sides, sent, lines=lines)
    if target != "/drop":
        # nginx's $request_length forgets the header where chunks come late
        alike(sides, sent[:cut], sent[cut:], lines=lines, fields=4)


CONDITIONS = [
    "If-None-Match: *", 'If-None-Match: "6553f100-4"', 'If-None-Match: W/"6553f100-4", "x"',
    'If-None-Match: "x"', "If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT",
    "If-Modified-Since: Tue, 14 Nov 2023 22:13:21 GMT", "If-Modified-Since: x", 'If-Match: "x"',
    "If-Match: *", "If-Unmodified-Since: Tue, 14 Nov 2023 22:13:20 GMT",
    "If-Unmodified-Since: Tue, 14 Nov 2023 22:13:19 GMT", "Range: bytes=0-1", "Range: bytes=1-",
    "Range: bytes=-2", "Range: bytes=9-", "Range: bytes=0-99", "Range: bytes=2-1",
    "Range: bytes=x", "Range: lines=1", 'Range: bytes=0-0\r\nIf-Range: "6553f100-4"',
    'Range: bytes=0-0\r\nIf-Range: "x"',
    "Range: bytes=0-0\r\nIf-Range: Tue, 14 Nov 2023 22:13:20 GMT",
]  # fmt: skip


@pytest.mark.parametrize("condition", CONDITIONS)
def test_conditions_and_ranges(sides: tuple[Side, Side], condition: str) -> None:
    headers = condition.encode() + b"\r\n" + CLOSE
    alike(sides, request("/a.css", headers=headers))
    alike(sides, request("/a.css", "HEAD", headers=headers))
    alike(sides, request("/text", headers=headers))


GIVEN = """
plain:word plain:other apache:word apache:wore six:word six:wore nobody:word : plain
""".split()


@pytest.mark.parametrize("given", ["", *GIVEN])
def test_passwords(sides: tuple[Side, Side], given: str) -> None:
    said = b"Authorization: Basic " + b64encode(given.encode()) + b"\r\n" if given else b""
    right = given in ("plain:word", "apache:word", "six:word")
    assert alike(sides, request("/guarded", headers=said + CLOSE)).data[9:12] == (
        b"200" if right else b"401"
    )
    alike(sides, request("/lost", headers=said + CLOSE))


def test_limits(sides: tuple[Side, Side]) -> None:
    statuses = [alike(sides, request("/limited")).data[9:12] for _ in range(3)]
    assert statuses == [b"200", b"429", b"429"]


def test_the_log_escapes_what_is_hostile(sides: tuple[Side, Side]) -> None:
    headers = b'Referer: "\\\x01\xff\r\nX-Trial: a\tb\r\nUser-Agent: GoogleBot\r\n' + CLOSE
    alike(sides, request("/text", headers=headers))


def test_a_condition_keeps_a_request_out_of_the_log(sides: tuple[Side, Side]) -> None:
    for side in sides:
        side.ask(8001, request("/unlogged"))
        side.ask(8001, request("/sometimes"))
        side.ask(8001, request("/text"))
        assert [line.split(b"|")[5] for line in side.log(1)] == [b"GET /text HTTP/1.1"]


def test_other_servers_of_the_port(sides: tuple[Side, Side]) -> None:
    alike(sides, request("http://short.example/x", headers=CLOSE))
    alike(sides, request("/", host="SHORT.example:99", headers=b"") * 2 + TEXT, lines=3)


BROKEN = {
    "no Host": LINE + b"\r\n" + CLOSE + b"\r\n",
    "a word for a version": b"GET / NONSENSE\r\n\r\n",
    "small letters": b"get / HTTP/1.1\r\n\r\n",
    "two Hosts": LINE + b"\r\nHost: a\r\nHost: b\r\n\r\n",
    "a bad Host": LINE + b"\r\nHost: a/b\r\n\r\n",
    "TRACE": request("/", "TRACE"),
    "CONNECT": request("/", "CONNECT"),
    "another version": b"GET / HTTP/3.0\r\nHost: a\r\n\r\n",
    "a long line": request("/" + "x" * 9000),
    "a long header": request("/", headers=b"X: " + b"x" * 9000 + b"\r\n"),
    "many headers": request(
        "/", headers=b"".join(b"X: " + b"y" * 1000 + b"\r\n" for _ in range(40))
    ),
    "an unknown encoding": request("/", headers=b"Transfer-Encoding: gzip\r\n"),
    "two lengths": request("/", headers=length(1) + length(2)),
    "no length": request("/", headers=b"Content-Length: x\r\n" + CLOSE),
    "TLS": bytes.fromhex("16030100c8010000c40303") + bytes(194),
    "a folded line": LINE + b"\r\nHost: a\r\n folded\r\n\r\n",
}


@pytest.mark.parametrize("port", [8001, 8002])
@pytest.mark.parametrize("payload", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_malformed_ends_alike(sides: tuple[Side, Side], payload: bytes, port: int) -> None:
    alike(sides, payload, port=port, fields=5)


@pytest.mark.parametrize("payload", [b"GET / HT", LINE + b"\r\nHost: a\r\n", b"\r\n"])
def test_a_client_that_leaves_in_its_header_is_logged(
    sides: tuple[Side, Side], payload: bytes
) -> None:
    assert alike(sides, payload, finish=True, fields=6).data == b""


def test_a_header_or_body_that_does_not_come_ends_in_silence(sides: tuple[Side, Side]) -> None:
    assert alike(sides, LINE + b"\r\nHost: site.example\r\n", fields=6) == Seen(b"", "FIN")
    late = request("/proxied/x", "POST", headers=length(9), body=b"some")
    assert alike(sides, late, fields=4) == Seen(b"", "FIN")


def test_an_idle_connection_is_closed_in_order(sides: tuple[Side, Side]) -> None:
    assert alike(sides, request("/text", headers=b"")).ending == "FIN"


def test_generated_requests_end_alike(sides: tuple[Side, Side]) -> None:
    """The status alone, for what is pipelined by chance depends on when its bytes come."""
    rng = Random(7)
    for _ in range(150):
        payload = make(rng, long=True)
        seen = [side.ask(8001, payload, finish=True) for side in sides]
        assert [s.data[:12] for s in seen][1] == seen[0].data[:12], payload
