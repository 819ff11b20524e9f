"""From what was decided to what is logged and seen: status, wire, bytes, headers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from simkit.policy.answers import header_bytes, page_bytes, product
from simkit.policy.expiry import Lasting
from simkit.policy.facts import Facts, View
from simkit.policy.model import Access, Listen, Location
from simkit.policy.plan import ENDLESS, Decision, Handler, Lease, Rule
from simkit.policy.uri import ascii_lower
from simkit.wire import Address, Sight, SightKind, Version

REDIRECTS = frozenset({301, 302, 303, 307, 308})
CLOSING = frozenset({400, 413, 414, 495, 496, 497, 500, 501})
"""Codes after which nginx does not keep the connection (ngx_http_special_response.c)."""
WITH_HEADERS = frozenset({200, 201, 204, 206, 301, 302, 303, 304, 307, 308})
"""Statuses for which `add_header` works without ``always``."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_FILE_HEADERS = (("Last-Modified", "Thu, 01 Jan 1970 00:00:00 GMT"), ("Accept-Ranges", "bytes"))
_NOT_TOLD = ("Content-Length", "Expires")
_ETAG_BYTES = len('ETag: "00000000-"\r\n')
_OK, _NO_CONTENT, _NOT_MODIFIED = 200, 204, 304
_FIRST_ERROR = 400
_MSIE6 = re.compile(r"MSIE [456]\.")
_READ, _WRITTEN = ("GET", "HEAD"), ("POST",)

__all__ = [
    "CLOSING",
    "REDIRECTS",
    "WITH_HEADERS",
    "Draft",
    "Manner",
    "access",
    "answer",
    "closed",
    "is_unkept",
    "manner",
    "origin",
    "own_page",
    "refused_connection",
    "rejected_handshake",
]


class Manner(NamedTuple):
    """How a client speaks, as far as it shapes the answer.

    ``method`` is GET, HEAD, POST or empty for any other.
    """

    version: Version
    method: str
    keep_alive: bool
    body_unread: bool
    padded: bool

    @property
    def readable(self) -> bool:
        """Whether the method asks for a file."""
        return self.method in _READ


def manner(facts: Facts, listen: Listen) -> Manner:
    """The manner of a request; HTTP/2 where the port does not speak it falls back to 1.1."""
    shape = facts.shape
    version = shape.version
    if version is Version.HTTP_2 and not listen.http2:
        version = Version.HTTP_1_1
    agent = next(iter(facts.headers.all("User-Agent")), "")
    return Manner(
        version,
        method=shape.method if shape.method in (*_READ, *_WRITTEN) else "",
        keep_alive=_keeps_alive(version, facts.headers.all("Connection")),
        body_unread=shape.body_unread,
        padded=_is_padded(agent) and version is not Version.HTTP_0_9,
    )


def is_unkept(agents: frozenset[str], facts: Facts) -> bool:
    """Whether `keepalive_disable` names the agent: MSIE up to 6, or Safari."""
    agent = next(iter(facts.headers.all("User-Agent")), "")
    if "Opera" in agent:
        return False
    if "MSIE " in agent:
        old = _MSIE6.search(agent)
        return "msie6" in agents and old is not None and "SV1;" not in agent[old.end() :]
    other = "Gecko/" in agent or "Chrome/" in agent
    return "safari" in agents and not other and "Safari/" in agent and "Mac OS X" in agent


def _keeps_alive(version: Version, wishes: Sequence[str]) -> bool:
    """Whether the client wants the connection kept; the last header that says so counts."""
    if version is Version.HTTP_2:
        return True
    for wish in map(ascii_lower, reversed(wishes)):
        if "close" in wish:
            return False
        if "keep-alive" in wish:
            return True
    return version is Version.HTTP_1_1


def _is_padded(agent: str) -> bool:
    """Whether nginx takes the agent for MSIE or Chrome (ngx_http_process_user_agent)."""
    if "Opera" in agent:
        return False
    at = agent.find("MSIE ")
    if at >= 0 and at + len("MSIE 7.") < len(agent.encode("utf-8", "surrogateescape")):
        return True
    return "Gecko/" not in agent and "Chrome/" in agent


def origin(view: View, location: Location, listen: Listen) -> Callable[[Facts], str]:
    """The question what absolute redirects begin with.

    The address that a client without Host has connected to is not known: where nginx listens on
    all of them, the loopback address stands for it.
    """
    local = listen.address
    if local in ("*", "::"):
        local = "::1" if listen.ipv6 else "127.0.0.1"  # nginx writes no brackets here

    def ask(facts: Facts) -> str:
        scheme = "https" if facts.shape.tls else "http"
        host = view.server_name if location.server_name_in_redirect else facts.reading.host or local
        port = facts.shape.port
        shown = location.port_in_redirect and port != _DEFAULT_PORTS[scheme]
        return f"{scheme}://{host}" + (f":{port}" if shown else "")

    return ask


def access(rules: Sequence[Access], client: Address) -> Access | None:
    """The first `allow` or `deny` that fits the address."""
    for rule in rules:
        net = rule.network
        if net is None or (net.version == client.version and client in net):
            return rule
    return None


def own_page(location: Location, code: int, how: Manner) -> int:
    """The size of nginx's own page for a code."""
    padded = how.padded and location.pads_pages
    return page_bytes(code, tokens=location.server_tokens, padded=padded)


def refused_connection() -> Decision:
    """Nobody listens on that port."""
    return Decision(0, Sight(SightKind.REFUSED), Handler.TLS, 0)


def rejected_handshake(rule: Rule) -> Decision:
    """`ssl_reject_handshake`: an alert, and nothing in the access log."""
    return Decision(0, Sight(SightKind.TLS_ALERT), Handler.TLS, 0, rule, refused=True)


def closed(status: int, how: Manner, *, reset: bool, rule: Rule | None) -> Decision:
    """The connection (in HTTP/2: the stream) ends without an answer."""
    if how.version is Version.HTTP_2:
        sight = Sight(SightKind.STREAM_RESET, kept=True)
    else:
        lost = reset or how.body_unread
        sight = Sight(SightKind.RESET if lost else SightKind.EMPTY)
    return Decision(status, sight, Handler.SILENT, 0, rule, refused=rule is not None)


class Draft(NamedTuple):
    """An HTTP answer before it is written; ``extra`` are headers besides nginx's own.

    An empty ``content_type`` is not sent; ``is_head`` leaves the body out. ``lasts`` is what
    `expires` adds.
    """

    status: int
    handler: Handler
    body_bytes: int
    content_type: str
    extra: tuple[tuple[str, str], ...] = ()
    is_head: bool = False
    lasts: Lasting | None = None


def answer(
    how: Manner, location: Location, draft: Draft, rule: Rule | None, *, lease: Lease | None
) -> Decision:
    """An HTTP answer with its headers, in nginx's order, and what of them a client can tell.

    Without a ``lease`` the connection is not kept, whatever the client wishes.
    """
    server = product(tokens=location.server_tokens)
    http2 = how.version is Version.HTTP_2
    said = lease is not None and how.keep_alive
    kept = said and location.keepalive_timeout_ns > 0  # where nobody looked before, it is not kept
    headers = _headers(location, draft, connection=None if http2 else said)
    head = header_bytes(how.version, draft.status, server, headers)
    if draft.handler is Handler.STATIC and how.version is not Version.HTTP_0_9:
        head += _file_header_bytes(location, draft)
    sent = 0 if draft.is_head or _is_bare(draft.status) else draft.body_bytes
    telling = [("server", server), *((n.lower(), v) for n, v in headers if n not in _NOT_TOLD)]
    if how.version is Version.HTTP_0_9:
        telling = []
    sight = Sight(SightKind.HTTP, draft.status, tuple(sorted(telling)), sent, kept or http2)
    refused = rule is not None and _is_refusal(draft.status, rule)
    return Decision(
        draft.status, sight, draft.handler, head + sent, rule, refused, lease or ENDLESS
    )


def _file_header_bytes(location: Location, draft: Draft) -> int:
    """The headers that only files have, and some of them only with status 200."""
    etag = _ETAG_BYTES + len(f"{draft.body_bytes:x}") if location.etag else 0
    if draft.status != _OK:
        return etag
    added = _FILE_HEADERS if location.ranges else _FILE_HEADERS[:1]
    return etag + sum(len(name) + len(value) + 4 for name, value in added)


def _headers(location: Location, draft: Draft, *, connection: bool | None) -> list[tuple[str, str]]:
    headers: list[tuple[str, str]] = []
    if draft.status != _NO_CONTENT:
        if draft.content_type:
            headers.append(("Content-Type", draft.content_type))
        headers.append(("Content-Length", str(draft.body_bytes)))
    if draft.lasts is not None:
        headers += draft.lasts.headers(0)
    headers += draft.extra
    if connection is None:
        return headers
    headers.append(("Connection", "keep-alive" if connection else "close"))
    if connection and location.keepalive_header_s:
        headers.append(("Keep-Alive", f"timeout={location.keepalive_header_s}"))
    return headers


def _is_bare(status: int) -> bool:
    return status in (_NO_CONTENT, _NOT_MODIFIED)


def _is_refusal(status: int, rule: Rule) -> bool:
    """A rule's answer turns away unless it is a plain answer or a redirect of `return`."""
    return status >= _FIRST_ERROR or rule.directive not in ("return", "rewrite", "nginx")
