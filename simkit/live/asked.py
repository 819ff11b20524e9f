"""A request as a user writes it, on the command line or byte for byte in a file, as a `Shape`.

However it is written, it becomes bytes, and those are read as nginx reads them: what is malformed
in them is a fault of the shape, not an error here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from simkit.errors import InputError
from simkit.live.serve.reading import Limits, RequestReader
from simkit.policy.policy import Policy
from simkit.policy.servers import Group
from simkit.wire import Address, Fault, Shape, Version, address

BROWSER = (
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
    ("Accept", "text/html,*/*;q=0.8"),
    ("Accept-Language", "en"),
    ("Accept-Encoding", "gzip, deflate, br"),
)
"""What an ordinary browser sends besides Host."""

_CLIENT4, _CLIENT6 = address("192.0.2.1"), address("2001:db8::1")
_STANDARD = {False: 80, True: 443}
_MOST_BYTES = 1 << 20
_PORTS = range(1, 65536)

__all__ = ["BROWSER", "Wanted", "shape_of", "who_asks"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request as given. Whatever is None is chosen as an ordinary browser would.

    ``request`` is a request line, a path, a URL, or ``@FILE`` with raw bytes; ``headers`` are
    ``Name: value`` as for curl (``Name:`` takes a header away, ``Name;`` sends it empty).
    """

    request: str | None = None
    headers: tuple[str, ...] = ()
    agent: str | None = None
    port: int | None = None
    tls: bool | None = None
    http2: bool = False
    sni: str | None = None


def shape_of(policy: Policy, wanted: Wanted) -> Shape:
    """The request as the policy's server reads it. Raises InputError for what is no request."""
    line, host = _line(wanted.request or "/")
    wanted = _of_url(wanted)
    port, tls = _where(policy, wanted)
    group = policy.groups.get((port, False)) or policy.groups.get((port, True))
    host = host or _host(policy.site_name, port, tls=tls)
    raw = _raw(wanted) if line is None else _compose(line, _headers(wanted, host))
    name = wanted.sni if wanted.sni is not None else _name(raw, host)
    shape = _read(
        raw, policy, group, Shape(port=port, tls=tls, sni=(name or None) if tls else None)
    )
    if tls and group is not None and not group.listen.tls:
        return replace(shape, tls=False, fault=Fault.TLS_ON_PLAIN)
    if wanted.http2 and group is not None and group.listen.http2:
        return replace(shape, version=Version.HTTP_2)
    return shape


def who_asks(policy: Policy, port: int, text: str | None) -> Address:
    """The client's address: as given, or one for examples. Raises InputError for no address."""
    if text is None:
        return _CLIENT4 if (port, False) in policy.groups else _CLIENT6
    try:
        return address(text)
    except ValueError:
        raise InputError(
            f'"{text}" is no address', hint="--from 192.0.2.1 or 2001:db8::1"
        ) from None


def _line(request: str) -> tuple[str | None, str | None]:
    """The request line (None: the bytes are in a file), and the host where it is a URL."""
    if request.startswith("@"):
        return None, None
    words = request.split(" ")
    if len(words) == 1 and "://" in request:
        url = urlsplit(request)
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        return f"GET {target} HTTP/1.1", url.netloc
    if len(words) == 1 and request.startswith("/"):
        return f"GET {request} HTTP/1.1", None
    if len(words) == 2 and words[1].startswith(("/", "http")):
        return f"{request} HTTP/1.1", None
    return request, None


def _of_url(wanted: Wanted) -> Wanted:
    """What a URL says about port and TLS, where nothing else says it."""
    request = wanted.request or ""
    if "://" not in request or " " in request:
        return wanted
    url = urlsplit(request)
    if url.scheme not in ("http", "https"):
        raise InputError(f'"{request}" is no URL of a site', hint="http://… or https://…")
    tls = url.scheme == "https" if wanted.tls is None else wanted.tls
    try:
        port = url.port or _STANDARD[tls]
    except ValueError:
        raise InputError(f'"{request}" names no port', hint="1 to 65535") from None
    return replace(wanted, tls=tls, port=wanted.port or port)


def _where(policy: Policy, wanted: Wanted) -> tuple[int, bool]:
    port, tls = wanted.port, wanted.tls or wanted.http2
    if port is not None:
        if port not in _PORTS:
            raise InputError(f"there is no port {port}", hint="1 to 65535")
        return port, tls
    if not tls and wanted.tls is None:
        return policy.site_port
    ports = [p for (p, _), group in policy.groups.items() if group.listen.tls == tls]
    return min(ports, key=lambda p: p != _STANDARD[tls], default=_STANDARD[tls]), tls


def _host(name: str, port: int, *, tls: bool) -> str:
    return name if port == _STANDARD[tls] else f"{name}:{port}"


def _headers(wanted: Wanted, host: str) -> list[tuple[str, str]]:
    """The headers to send: the usual ones, unless given, taken away or replaced."""
    given = [_header(text) for text in wanted.headers]
    usual = [("Host", host), *BROWSER]
    if wanted.agent is not None:
        usual = [(n, wanted.agent if n == "User-Agent" else v) for n, v in usual]
        usual = [(n, v) for n, v in usual if v or n != "User-Agent"]
    named = {name.lower() for name, _ in given}
    kept = [(n, v) for n, v in usual if n.lower() not in named]
    hosts = [(n, v) for n, v in given if v is not None and n.lower() == "host"]
    others = [(n, v) for n, v in given if v is not None and n.lower() != "host"]
    return hosts + kept + others


def _header(text: str) -> tuple[str, str | None]:
    if text.endswith(";") and ":" not in text:
        return text[:-1], ""
    name, colon, value = text.partition(":")
    if not colon or not name:
        raise InputError(f'"{text}" is no header', hint='-H "Name: value"')
    return name, value.strip() or None


def _compose(line: str, headers: Sequence[tuple[str, str]]) -> bytes:
    lines = [line, *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")


def _raw(wanted: Wanted) -> bytes:
    assert wanted.request is not None
    file = Path(wanted.request[1:])
    if wanted.headers or wanted.agent is not None:
        raise InputError("headers cannot be added to raw bytes", file=file, hint="write them there")
    with file.open("rb") as opened:
        raw = opened.read(_MOST_BYTES)
    if not raw:
        raise InputError("the file is empty", file=file, hint="a client that sends nothing")
    return raw


def _name(raw: bytes, host: str) -> str:
    """The name that a client asks for in its handshake: the Host, unless it is an address."""
    found = re.search(rb"\r?\nhost:[ \t]*([^\r\n]*)", raw, re.IGNORECASE)
    name = found[1].decode("utf-8", "surrogateescape") if found else host
    bare = name.removeprefix("[").partition("]")[0] if name.startswith("[") else name
    bare = bare if name.startswith("[") else bare.partition(":")[0]
    try:
        address(bare)
    except ValueError:
        return bare
    return ""


def _read(raw: bytes, policy: Policy, group: Group | None, origin: Shape) -> Shape:
    def limits(host: str | None) -> Limits:
        if group is None:
            return Limits()
        return Limits.of(group.servers[0 if host is None else group.find(host).position])

    reader = RequestReader(limits, port=origin.port, tls=origin.tls, sni=origin.sni)
    reader.feed(raw)
    found = reader.next()
    if found is None:
        seconds = (
            policy.settings_for(origin.port).client_header_timeout_ns // 10**9 if group else 60
        )
        raise InputError(
            "the request does not end: an empty line ends the header",
            hint=f"nginx would wait {seconds} s for more, log 408 and close without a word",
        )
    return found.shape
