"""Writing one request out of the words of a policy: line, headers, body."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from simkit.live.encode import encode
from simkit.live.verify.cases import Request
from simkit.live.verify.drawing import Draws
from simkit.live.verify.vocabulary import BROWSERS, METHODS, Vocabulary
from simkit.policy.patterns import to_bytes
from simkit.wire import Fault, Shape

_VERSIONS = (
    ("HTTP/1.1", 86),
    ("HTTP/1.0", 9),
    ("HTTP/1.2", 1),
    ("HTTP/2.0", 1),
    ("HTTP/3.0", 1),
    ("NONSENSE", 1),
    ("", 1),
)
_ODD_METHODS = ("TRACE", "CONNECT", "get", "G{T", "M-SEARCH", "PURGE_ALL")
_ODD_TARGETS = ("*", "/%", "/%00", "/..", "/../x", "nothing", "/x y", "http:///", "/\x01", "//")
_ODD_HOSTS = ("", "a/b", "a..b", "[::1]", "192.0.2.10", "unknown.example", "_", "a b", "*", "a:x:1")
_ODD_LINES = ("Bad\x00Name: 1", "No colon", "Bad Name: 1", ": empty", "X: a\x00b", "\x7f: 1",
              "Content-Length: x", "Content-Length: 0", "Transfer-Encoding: gzip", " X: folded",
              "Transfer-Encoding: identity", "Content-Length: 99999999999999999999")  # fmt: skip
_RAW = (b"\x00\x00\x00\n\n", b"GET\n\n", b"SSH-2.0-x\r\n\r\n", b"GET / HTTP/1.1x\r\n\r\n",
        b"get / HTTP/1.0\r\n\r\n")  # fmt: skip
_TLS_BYTES = (b"\x16\x03\x01\x00\x05hello\r\n\r\n", encode(Shape(fault=Fault.TLS_ON_PLAIN)))
_SMALL_BODY, _LARGE_BODY = 20, 20_000
_MOST_BODY = 300_000
_LONG = (900, 1100, 4000, 9000, 33_000)
_WITH_BODY = ("POST", "PUT", "PATCH")
_BY_THEMSELVES = frozenset(
    "host user_agent cookie connection content_length transfer_encoding expect range "
    "if_modified_since if_none_match if_match if_unmodified_since if_range accept_encoding "
    "upgrade".split()
)
"""Headers that are written elsewhere, or that the site answers to, not the policy."""

__all__ = ["Writer"]


class Writer:
    """Writes the requests of one case. In HTTP/2 they are well-formed and without a body.

    ``tls_port``: nginx speaks TLS there, so bytes of TLS are no garbage.
    """

    def __init__(
        self, draws: Draws, words: Vocabulary, *, tls_port: bool = False, http2: bool = False
    ) -> None:
        self._draws = draws
        self._words = words
        self._http2 = http2
        self._tls_port = tls_port
        self._long = _LONG[: 3 if http2 else None]  # all of it goes into one frame of 16 kB

    def name_shown(self) -> str | None:
        """The name in a TLS handshake: that of the first request mostly, another or none."""
        host = self._draws.one("host", self._words.hosts)
        plain = host if _is_name(host) else "site.example"
        return self._draws.weighted("sni", ((plain, 80), ("unknown.example", 8), (None, 12)))

    def request(self, index: int) -> Request:
        """Any request."""
        draws = self._draws
        if not self._http2 and draws.chance("raw", 0.02, index):
            raw = _RAW if self._tls_port else (*_RAW, *_TLS_BYTES)
            return Request(("",), raw=draws.one("bytes", raw, index))
        method = self._method(index)
        version = "HTTP/1.1" if self._http2 else draws.weighted("version", _VERSIONS, index)
        target = self._target(index)
        if not version:
            return Request((f"GET {target}",))
        written = Request((f"{method} {target} {version}", *self._headers(index)))
        if self._http2:
            return _clean(written)
        return self._spoilt(self._with_body(written, index), index)

    def short(self, index: int) -> Request:
        """A small one without a body, of which several fit into a buffer."""
        draws = self._draws
        target = draws.one("path", self._words.paths, index).replace(" ", "%20")[:60]
        method = draws.weighted("method", (("GET", 80), ("HEAD", 20)), index)
        lines = [f"{method} {_quoted(target)} HTTP/1.1", f"Host: {self._host(0)}"[:60]]
        if draws.chance("close", 0.1, index):
            lines.append("Connection: close")
        return Request(tuple(lines))

    def with_body(self) -> Request:
        """One that the server has to wait for, for the sake of its body."""
        target = self._target(0)
        headers = [*self._named_headers(0), f"Content-Length: {_SMALL_BODY}"]
        return Request((f"POST {target} HTTP/1.1", *headers), _SMALL_BODY)

    # -- the line ----------------------------------------------------------------------------------

    def _method(self, index: int) -> str:
        own = self._words.methods or METHODS
        kind = self._draws.weighted(
            "method", (("GET", 60), ("HEAD", 8), ("POST", 10), ("own", 14), ("any", 6), ("odd", 2)),
            index,
        )  # fmt: skip
        choices = {"own": own, "any": METHODS, "odd": METHODS if self._http2 else _ODD_METHODS}
        return self._draws.one("word", choices[kind], index) if kind in choices else kind

    def _target(self, index: int) -> str:
        draws = self._draws
        if not self._http2 and draws.chance("odd target", 0.02, index):
            return draws.one("which odd target", _ODD_TARGETS, index)
        path = _quoted(draws.one("path", self._words.paths, index))
        if draws.chance("changed", 0.25, index):
            path = self._changed(path, index)
        query = self._query(index)
        if draws.chance("long", 0.01, index):
            path += "a" * draws.one("how long", self._long, index)
        if not self._http2 and draws.chance("absolute", 0.03, index):
            return f"http://{self._host(index)}{path}{query}"
        return path + query

    def _changed(self, path: str, index: int) -> str:
        at = self._draws.number("where", len(path), index)
        changed = (
            path + "/",
            path.rstrip("/") or "/",
            path + "x",
            path.upper(),
            path.replace("/", "//", 1),
            f"/.{path}",
            f"/x/..{path}",
            f"{path}/../x",
            f"{path}%2e",
            _with_escape(path, at + 1),
            path + "#x",
        )  # fmt: skip
        return self._draws.one("change", changed, index)

    def _query(self, index: int) -> str:
        draws, pairs = self._draws, list[str]()
        whole = self._words.values.get("args") or self._words.values.get("query_string")
        if whole and draws.chance("whole query", 0.5, index):
            return "?" + _quoted(draws.one("query", whole, index), "?")
        for number, name in enumerate(self._words.of("arg_")):
            if draws.chance("arg", 0.5, 100 * index + number):
                value = draws.one("value", self._words.values[f"arg_{name}"], 100 * index + number)
                pairs.append(f"{name}={_quoted(value, '&')}")
        if draws.chance("another arg", 0.05, index):
            pairs.append("q=1")
        return "?" + "&".join(pairs) if pairs else ""

    # -- headers -----------------------------------------------------------------------------------

    def _headers(self, index: int) -> Iterator[str]:
        yield from self._named_headers(index)
        draws = self._draws
        if draws.chance("connection", 0.08, index):
            word = draws.one("wish", ("close", "keep-alive", "Close, x", "upgrade"), index)
            yield f"Connection: {word}"
        if draws.chance("big", 0.01, index):
            yield "X-Long: " + "b" * draws.one("how big", self._long, index)

    def _named_headers(self, index: int) -> Iterator[str]:
        draws = self._draws
        host = draws.weighted("hosts", ((1, 95), (0, 4), (2, 1)), index)
        yield from (f"Host: {self._host(index)}" for _ in range(host))
        agents = self._words.values.get("http_user_agent", ())
        agent = draws.one("agent", (*BROWSERS, *agents, *agents, "", None), index)
        if agent is not None:
            yield f"User-Agent: {_safe(agent)}"
        for number, name in enumerate(self._words.of("http_")):
            at = 100 * index + number
            if name in _BY_THEMSELVES or not draws.chance("header", 0.45, at):
                continue
            values = self._words.values[f"http_{name}"]
            shown = name if draws.chance("underscore", 0.05, at) else name.replace("_", "-")
            for copy in range(draws.weighted("copies", ((1, 93), (2, 7)), at)):
                yield f"{shown}: {_safe(draws.one('said', values, 1000 * at + copy))}"
        yield from self._cookies(index)

    def _cookies(self, index: int) -> Iterator[str]:
        draws, pairs = self._draws, list[str]()
        for number, name in enumerate(self._words.of("cookie_")):
            at = 100 * index + number
            if draws.chance("cookie", 0.5, at):
                value = draws.one("crumb", self._words.values[f"cookie_{name}"], at)
                pairs.append(f"{name}={_safe(value)}")
        if pairs:
            yield "Cookie: " + draws.one("between", ("; ", ";", ", "), index).join(pairs)

    def _host(self, index: int) -> str:
        draws = self._draws
        if not self._http2 and draws.chance("odd host", 0.06, index):
            return draws.one("which odd host", _ODD_HOSTS, index)
        host = _safe(draws.one("host", self._words.hosts, index))
        kind = draws.weighted(
            "spelling", (("", 84), (":80", 4), (".", 4), ("upper", 4), ("known", 4)), index
        )
        if kind == "upper":
            return host.upper()
        return "unknown.example" if kind == "known" else host + kind

    # -- bodies, and what is wrong ------------------------------------------------------------

    def _with_body(self, written: Request, index: int) -> Request:
        draws = self._draws
        if written.method not in _WITH_BODY or draws.chance("no body", 0.35, index):
            return written
        if draws.chance("chunked", 0.06, index):
            chunked = (*written.lines, "Transfer-Encoding: chunked")
            return replace(written, lines=chunked, body_bytes=5, chunked=True)
        own = tuple(size for size in self._words.body_bytes if size <= _MOST_BODY)
        size = draws.one("body", (5, _SMALL_BODY, _LARGE_BODY, *own), index)
        return replace(written, lines=(*written.lines, f"Content-Length: {size}"), body_bytes=size)

    def _spoilt(self, written: Request, index: int) -> Request:
        draws = self._draws
        if draws.chance("bare line ends", 0.02, index):
            return replace(written, end="\n")
        if not draws.chance("spoilt", 0.03, index):
            return written
        at = 1 + draws.number("at line", len(written.lines), index)
        odd = draws.one("odd line", _ODD_LINES, index)
        return replace(written, lines=(*written.lines[:at], odd, *written.lines[at:]))


def _quoted(text: str, also: str = "") -> str:
    """A text as it may stand in a target: what would end it is escaped."""
    return "".join(c if "!" <= c <= "~" and c not in also else _escape(c) for c in text)


def _escape(character: str) -> str:
    return "".join(f"%{byte:02x}" for byte in to_bytes(character))


def _with_escape(path: str, at: int) -> str:
    """A path with one of its characters escaped that need not be."""
    return path[:at] + "".join(map(_escape, path[at : at + 1])) + path[at + 1 :]


def _safe(text: str) -> str:
    """A text as it may stand in a header."""
    return "".join(c for c in text if c.isprintable()).strip(" ")


def _is_name(host: str) -> bool:
    return host.isascii() and all(c.isalnum() or c in "-." for c in host) and bool(host.strip("."))


def _clean(written: Request) -> Request:
    """Without what HTTP/2 has no room for."""
    lines = [line for line in written.lines[1:] if not line.startswith("Connection:")]
    hosts = [line for line in lines if line.startswith("Host:")][:1]
    others = (line for line in lines if not line.startswith("Host:"))
    return replace(written, lines=(written.first, *hosts, *others))
