"""Passing a request on: `proxy_pass` over HTTP/1.x, with `upstream` groups in turn.

What is passed on and in which words follows ngx_http_proxy_module: HTTP/1.0 and a closed connection
unless configured otherwise, the client's headers except those between two neighbours.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from time import monotonic

from simkit.live.serve.deciding import Turn
from simkit.live.serve.reading import Framing
from simkit.live.serve.record import Record, text
from simkit.live.serve.walking import Ending
from simkit.live.serve.wiring import Wiring
from simkit.policy import syntax
from simkit.policy.reader import Directive
from simkit.policy.scope import Scope
from simkit.policy.uri import escaped_path
from simkit.policy.values import Template

__all__ = ["Answer", "Proxy", "UpstreamError", "in_turn", "servers_of"]

Headers = tuple[tuple[str, str], ...]

_URL = re.compile(r"(https?)://(\[[^\]]*\]|[^/:]+)(?::([0-9]{1,5}))?(.*)", re.DOTALL)
_STATUS = re.compile(rb"HTTP/[0-9.]+ ([0-9]{3})(?: ([^\r\n]*))?")
_BETWEEN = frozenset("connection keep-alive transfer-encoding te expect upgrade host".split())
_HIDDEN = frozenset(
    """date server x-pad x-accel-expires x-accel-redirect x-accel-limit-rate x-accel-buffering
    x-accel-charset connection keep-alive transfer-encoding content-length content-type""".split()
)
_MOST_HEADERS_BYTES = 1 << 16
_PIECE = 1 << 16
_BAD_GATEWAY, _TIME_OUT = 502, 504


class UpstreamError(Exception):
    """Nothing behind nginx gave a usable answer; ``status`` is 502 or 504."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(what)
        self.status = status
        self.what = what
        self.seen: dict[str, str] = {}


@dataclass(eq=False, slots=True)
class _Server:
    """A server of an upstream group, with its share of the turns."""

    host: str
    port: int
    weight: int = 1
    backup: bool = False
    current: int = 0
    failed_s: float = -1e9

    @property
    def name(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(eq=False, slots=True)
class Answer:
    """What came back: status and reason, headers as they are passed on, and the body to be read."""

    status: int
    reason: str
    headers: Headers
    content_type: str
    length: int | None
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    chunked: bool
    bare: bool
    timeout_s: float
    chunk_left: int = 0
    seen: dict[str, str] = field(default_factory=dict)

    async def body(self) -> AsyncIterator[bytes]:
        """The body in pieces. UpstreamError where it breaks off."""
        left = 0 if self.bare else self.length
        while left is None or left > 0:
            try:
                async with asyncio.timeout(self.timeout_s):
                    piece = await self._piece(left)
            except (TimeoutError, OSError, ValueError, asyncio.IncompleteReadError) as error:
                raise UpstreamError(_TIME_OUT, "the answer broke off") from error
            if not piece:
                if left:
                    raise UpstreamError(_BAD_GATEWAY, "upstream prematurely closed connection")
                return
            left = None if left is None else left - len(piece)
            yield piece

    async def _piece(self, left: int | None) -> bytes:
        if not self.chunked:
            return await self.reader.read(min(_PIECE, left or _PIECE))
        if not self.chunk_left:
            self.chunk_left = int((await self.reader.readline()).split(b";")[0], 16)
        if self.chunk_left <= 0:
            return b""
        data = await self.reader.readexactly(min(_PIECE, self.chunk_left))
        self.chunk_left -= len(data)
        if not self.chunk_left:
            await self.reader.readexactly(2)
        return data

    def close(self) -> None:
        """Let go of the upstream."""
        self.writer.close()


class Proxy:
    """The upstreams of one configuration."""

    def __init__(self, wiring: Wiring) -> None:
        blocks = wiring.http_scope.here("upstream")
        self._groups = {d.args[0]: list(servers_of(d)) for d in blocks}

    async def pass_on(
        self, directive: Directive, turn: Turn, record: Record, body: bytes
    ) -> Answer:
        """Ask the upstream of a `proxy_pass`. Raises UpstreamError where none answers."""
        ending = turn.ending
        assert ending is not None
        url = text(_template(directive, 0), record)
        found = _URL.fullmatch(url)
        if directive.name != "proxy_pass" or found is None:
            raise UpstreamError(_BAD_GATEWAY, f"{directive.source.text} is not served")
        scheme, host, port = found[1], found[2], found[3]
        default = 443 if scheme == "https" else 80
        group = self._groups.get(host) if port is None else None
        servers = group or [_Server(host.strip("[]"), int(port or default))]
        named = host if port is None else f"{host}:{port}"
        words = _Words(directive, turn, record, ending, named, found[4])
        return await self._ask(servers, words, body, secure=scheme == "https")

    async def _ask(
        self, servers: list[_Server], words: _Words, body: bytes, *, secure: bool
    ) -> Answer:
        seen: dict[str, str] = {}
        error = UpstreamError(_BAD_GATEWAY, "no live upstreams while connecting to upstream")
        for server in in_turn(servers):
            started = monotonic()
            _note(seen, "upstream_addr", server.name)
            try:
                answer = await _exchange(server, words, body, secure=secure)
            except UpstreamError as failure:
                error = failure
                server.failed_s = monotonic()
                _note(seen, "upstream_status", str(failure.status))
                _note(seen, "upstream_response_time", f"{monotonic() - started:.3f}")
                continue
            _note(seen, "upstream_status", str(answer.status))
            _note(seen, "upstream_response_time", f"{monotonic() - started:.3f}")
            answer.seen = seen
            return answer
        error.seen = seen
        raise error


def _note(seen: dict[str, str], name: str, value: str) -> None:
    seen[name] = f"{seen[name]}, {value}" if name in seen else value


def servers_of(block: Directive) -> Iterator[_Server]:
    """The servers of an `upstream` block that are not down."""
    for line in block.named("server"):
        where, *words = line.args
        if "down" in words or where.startswith("unix:"):
            continue
        host, _, port = where.rpartition(":") if _has_port(where) else (where, "", "80")
        weight = next((int(w[7:]) for w in words if w.startswith("weight=")), 1)
        yield _Server(host.strip("[]"), int(port), weight, "backup" in words)


def _has_port(where: str) -> bool:
    return re.fullmatch(r"(?:\[[^\]]*\]|[^:]*):[0-9]{1,5}", where) is not None


def in_turn(servers: list[_Server]) -> Iterator[_Server]:
    """Each server once, beginning with the one whose turn it is (smooth weighted round robin).

    One that failed within ten seconds is passed over, unless it is the only one.
    """
    left = [s for s in servers if not s.backup]
    spare = [s for s in servers if s.backup]
    while left or spare:
        if not left:
            left, spare = spare, []
        live = [s for s in left if monotonic() - s.failed_s > 10 or len(servers) == 1]
        if not live:
            left = []
            continue
        for server in live:
            server.current += server.weight
        best = max(live, key=lambda s: s.current)
        best.current -= sum(s.weight for s in live)
        left = [s for s in left if s is not best]
        yield best


@dataclass(eq=False, slots=True)
class _Words:
    """What is said to an upstream about one request."""

    directive: Directive
    turn: Turn
    record: Record
    ending: Ending
    host: str
    uri: str

    @property
    def scope(self) -> Scope:
        return self.ending.location.scope

    def head(self, size: int) -> bytes:
        """The request line and headers."""
        version = self.scope.scalar("proxy_http_version", "1.0", lambda text, _: text)
        lines = [f"{self.ending.method} {self._target()} HTTP/{version}"]
        lines += [f"{name}: {value}" for name, value in self._headers(size)]
        return "\r\n".join((*lines, "", "")).encode("utf-8", "surrogateescape")

    def _headers(self, size: int) -> list[tuple[str, str]]:
        said = self.scope.nearest("proxy_set_header")
        own = {"Host": self.host, "Connection": "close"}
        named = {d.args[0].lower(): d for d in said}
        lines = [(n, v) for n, v in own.items() if n.lower() not in named]
        lines += [(d.args[0], text(_template(d, 1), self.record)) for d in named.values()]
        taken = {name.lower() for name in named} | _BETWEEN | {"content-length"}
        if size or self.record.request.framing is not Framing.NONE:
            lines.append(("Content-Length", str(size)))
        lines += [(n, v) for n, v in self.turn.shape.headers if n.lower() not in taken]
        return [(n, v) for n, v in lines if v]

    def _target(self) -> str:
        """The path that the upstream is asked for."""
        query = f"?{self.ending.query}" if self.ending.query else ""
        if "$" in self.directive.args[0] and self.uri:
            return self.uri
        if self.uri:
            rest = self.ending.path[len(self.ending.location.path) :]
            return self.uri + escaped_path(rest) + query
        if not self.ending.path_changed:
            return _without_origin(self.turn.shape.target)
        return escaped_path(self.ending.path) + query

    def redirected(self, url: str) -> str:
        """A Location of the upstream as the client is to see it (``proxy_redirect default``)."""
        said = self.scope.last("proxy_redirect")
        if (said is not None and said.args[0] != "default") or "$" in self.directive.args[0]:
            return url
        base = self.directive.args[0] + ("" if self.uri else "/")
        where = self.ending.location.path if self.uri else "/"
        return where + url[len(base) :] if url.startswith(base) else url

    def timeout_s(self, name: str) -> float:
        """One of the timeouts in force."""
        return self.scope.time_ns(name, 60) / syntax.NS_PER_S


def _without_origin(target: str) -> str:
    path = target.partition("://")[2].partition("/") if not target.startswith("/") else None
    return target if path is None else "/" + path[2]


def _template(directive: Directive, number: int) -> Template:
    return Template.parse(directive.args[number], directive.source)


def _trusting() -> ssl.SSLContext:
    """TLS to an upstream; like nginx by default, it does not check the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _exchange(server: _Server, words: _Words, body: bytes, *, secure: bool) -> Answer:
    context = _trusting() if secure else None
    try:
        async with asyncio.timeout(words.timeout_s("proxy_connect_timeout")):
            reader, writer = await asyncio.open_connection(
                server.host, server.port, ssl=context, limit=_MOST_HEADERS_BYTES
            )
    except TimeoutError:
        raise UpstreamError(_TIME_OUT, "upstream timed out while connecting") from None
    except OSError as error:
        why = f"{error.errno}: {os.strerror(error.errno)}" if error.errno else str(error)
        what = f"connect() failed ({why}) while connecting to upstream"
        raise UpstreamError(_BAD_GATEWAY, what) from None
    timeout_s = words.timeout_s("proxy_read_timeout")
    try:
        async with asyncio.timeout(timeout_s):
            writer.write(words.head(len(body)) + body)
            await writer.drain()
            return await _read_head(reader, writer, words, timeout_s)
    except TimeoutError:
        writer.close()
        raise UpstreamError(_TIME_OUT, "upstream timed out while reading response") from None
    except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        writer.close()
        raise UpstreamError(_BAD_GATEWAY, "upstream sent no valid header") from None
    except BaseException:
        with contextlib.suppress(OSError):
            writer.close()
        raise


async def _read_head(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, words: _Words, timeout_s: float
) -> Answer:
    while True:
        top = await reader.readuntil(b"\r\n\r\n")
        first, *lines = top[:-4].split(b"\r\n")
        found = _STATUS.fullmatch(first)
        if found is None:
            raise ValueError("no status line")
        if not found[1].startswith(b"1"):
            break
    pairs = [line.decode("utf-8", "surrogateescape").partition(":") for line in lines]
    headers = [(name, value.strip()) for name, _, value in pairs]
    lowered = {name.lower(): value for name, value in headers}
    chunked = lowered.get("transfer-encoding", "").lower() == "chunked"
    status = int(found[1])
    bare = words.turn.shape.method == "HEAD" or status in (204, 304)
    given = lowered.get("content-length", "")
    length = int(given) if given.isdecimal() and not chunked else None
    return Answer(
        status=status,
        reason=f"{status} {(found[2] or b'').decode('latin-1')}",
        headers=tuple(_passed(headers, words)),
        content_type=lowered.get("content-type", ""),
        length=length,
        reader=reader,
        writer=writer,
        chunked=chunked,
        bare=bare,
        timeout_s=timeout_s,
    )


def _passed(headers: list[tuple[str, str]], words: _Words) -> Iterator[tuple[str, str]]:
    hidden = _HIDDEN | {d.args[0].lower() for d in words.scope.nearest("proxy_hide_header")}
    shown = {d.args[0].lower() for d in words.scope.nearest("proxy_pass_header")}
    for name, value in headers:
        lowered = name.lower()
        if lowered == "location":
            yield name, words.redirected(value)
        elif lowered not in hidden or lowered in shown:
            yield name, value
