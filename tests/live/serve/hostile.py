"""Requests that try a parser: pieces that each mean something, put together at random."""

from __future__ import annotations

from random import Random

from hypothesis import strategies as st

LINES = [
    b"GET / HTTP/1.1", b"GET / HTTP/1.0", b"GET /", b"POST /a HTTP/1.1", b"HEAD / HTTP/1.1",
    b"get / HTTP/1.1", b"GET  /  HTTP/1.1 ", b"GET /a b HTTP/1.1", b"POST /",
    b"GET http://h.example/x?y HTTP/1.1", b"GET http://h.example HTTP/1.1",
    b"GET http://h.example?q HTTP/1.1", b"GET http://h_x.example/ HTTP/1.1",
    b"GET http://[::1]:80/ HTTP/1.1", b"GET http:///x HTTP/1.1", b"GET h+t.1-x://a/ HTTP/1.1",
    b"GET http://a..b/ HTTP/1.1", b"GET http://a:8x/ HTTP/1.1", b"GET * HTTP/1.1",
    b"OPTIONS * HTTP/1.1", b"CONNECT a:443 HTTP/1.1", b"CONNECT / HTTP/1.1", b"TRACE / HTTP/1.1",
    b"GET / HTTP/2.0", b"GET / HTTP/1.2", b"GET / HTTP/1.999", b"GET / HTTP/1.0000",
    b"GET / HTTP/1.1000", b"GET / HTTP/1.00001", b"GET / HTTP/0.9", b"GET / HTTP/10.1",
    b"GET / HTTP/12", b"GET / HTP/1.1", b"GET / http/1.1", b"GET / HTTP/1.1 x", b"GET / HTTP/1.",
    b"GET /\x01 HTTP/1.1", b"GET /\x7f HTTP/1.1", b"GET /\xff HTTP/1.1", b"GET /%zz HTTP/1.1",
    b"GET /%00 HTTP/1.1", b"GET /.. HTTP/1.1", b"GET /../ HTTP/1.1", b"GET /a/../b HTTP/1.1",
    b"GET //../b HTTP/1.1", b"GET /a#b HTTP/1.1", b"GET /a?b#c HTTP/1.1", b"GET /HTTP/1.1",
    b"G-T_ / HTTP/1.1", b"G:T / HTTP/1.1", b" GET / HTTP/1.1", b"PRI * HTTP/2.0",
    b"GET /%2e%2e/ HTTP/1.1", b"GET /a%2fb HTTP/1.1", b"\x16\x03\x01", b"\x80\x00",
]  # fmt: skip
HEADERS = [
    b"Host: site.example", b"Host: other:80", b"Host:", b"Host", b"host : a", b"Host: a/b",
    b"Host: a b", b"Host: a..b", b"Host: .", b"Host: [::1]", b"Host: [::1", b"Host: A.b.",
    b"Host: a\tb", b"Host: :80", b"X: 1", b"X: 2", b"X:", b"X", b"X-Y: v", b"X_Y: v", b"_X: v",
    b"X Y: v", b"X\t: v", b"X@: v", b"X\xff: v", b": v", b" X: fold", b"\tX: fold", b"X:\tv",
    b"X: v\t", b"X: a  b  ", b"X: a\rb", b"X: v\r", b"X: \0", b"X:\0", b"Content-Length: 5",
    b"Content-Length: 05", b"Content-Length: -1", b"Content-Length: 5x", b"Content-Length:",
    b"Content-Length: 9223372036854775807", b"Content-Length: 9223372036854775808",
    b"Content-Length: 00000000000000000000000005", b"Content-Length: +5",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: Chunked", b"Transfer-Encoding: gzip",
    b"Transfer-Encoding: chunked ", b"Transfer-Encoding:", b"Transfer-Encoding: gzip, chunked",
    b"Connection: close", b"Connection: keep-alive", b"Connection: x-close-y", b"User-Agent: a",
    b"User-Agent: b", b"Cookie: a=1", b"Cookie: b=2", b"If-Range: a", b"Expect: 100-continue",
    b"Expect: x", b"Authorization: a", b"Referer: a", b"Range: a", b"Content-Type: a",
    b"Upgrade: a", b"If-None-Match: a", b"If-Modified-Since: a", b"Keep-Alive: 1", b"TE: a",
    b"Via: a", b"X-Forwarded-For: a", b"Date: a", b"Accept: a", b"Content-Range: a",
]  # fmt: skip
LONG_LINES = [b"GET /" + b"a" * n + b" HTTP/1.1" for n in (8170, 8174, 8175, 8176, 8177, 8178)]
LONG_HEADERS = [b"X: " + b"a" * n for n in (900, 8000, 8185, 8186, 8187, 8188)]
ENDS = [b"\r\n"] * 20 + [b"\n", b"\r", b"\r\r\n", b"\n\r"]
BEFORE = [b""] * 12 + [b"\r\n", b"\n\n", b"\r"]


def make(rng: Random, *, long: bool = False) -> bytes:
    """A request made of pieces, often almost right, sometimes with one byte changed."""
    lines = LINES[:6] if rng.random() < 0.5 else LINES + (LONG_LINES if long else [])
    headers = HEADERS + (LONG_HEADERS if long else [])
    parts = [rng.choice(lines), *(rng.choice(headers) for _ in range(rng.choice((0, 1, 1, 2, 4))))]
    if rng.random() < 0.8:
        parts.insert(rng.randrange(1, len(parts) + 1), b"Host: site.example")
    ends = ENDS if rng.random() < 0.3 else ENDS[:1]
    data = rng.choice(BEFORE) + b"".join(part + rng.choice(ends) for part in (*parts, b""))
    if rng.random() < 0.15:
        at = rng.randrange(len(data))
        data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
    return data


def requests(*, long: bool = False) -> st.SearchStrategy[bytes]:
    """Requests that `make` makes."""
    return st.integers(0, 1 << 40).map(lambda seed: make(Random(seed), long=long))
