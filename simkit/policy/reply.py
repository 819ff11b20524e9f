"""From what was decided to what is logged and seen: status, wire, bytes, headers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from simkit.policy.answers import header_bytes, page_bytes, product
from simkit.policy.facts import Facts, View
from simkit.policy.model import Access, Listen, Location
from simkit.policy.plan import Decision, Handler, Rule
from simkit.wire import Address, Sight, SightKind, Version

REDIRECTS = frozenset({301, 302, 303, 307, 308})
CLOSING = frozenset({400, 413, 414, 494, 495, 496, 497, 500, 501})
"""Codes after which nginx does not keep the connection (ngx_http_special_response.c)."""
WITH_HEADERS = frozenset({200, 201, 204, 206, 301, 302, 303, 304, 307, 308})
"""Statuses for which `add_header` works without ``always``."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_FILE_HEADERS = (("Last-Modified", "Thu, 01 Jan 1970 00:00:00 GMT"), ("Accept-Ranges", "bytes"))
_ETAG_BYTES = len('ETag: "00000000-"\r\n')
_FIRST_ERROR = 400

__all__ = [
    "CLOSING",
    "REDIRECTS",
    "WITH_HEADERS",
    "Manner",
    "access",
    "answer",
    "closed",
    "manner",
    "origin",
    "own_page",
    "refused_connection",
    "rejected_handshake",
]


class Manner(NamedTuple):
    """How a client speaks, as far as it shapes the answer."""

    version: Version
    head: bool
    readable: bool
    method: str
    keep_alive: bool
    body_unread: bool
    padded: bool


def manner(facts: Facts, listen: Listen) -> Manner:
    """The manner of a request; HTTP/2 where the port does not speak it falls back to 1.1."""
    shape = facts.shape
    version = shape.version
    if version is Version.HTTP_2 and not listen.http2:
        version = Version.HTTP_1_1
    method = shape.method if shape.method in ("GET", "HEAD", "POST") else ""
    agent = shape.header("User-Agent") or ""
    return Manner(
        version,
        head=method == "HEAD",
        readable=method in ("GET", "HEAD"),
        method=method,
        keep_alive=shape.keep_alive,
        body_unread=shape.body_unread,
        padded=_is_padded(agent) and version is not Version.HTTP_0_9,
    )


def _is_padded(agent: str) -> bool:
    """Whether nginx takes the agent for MSIE or Chrome (ngx_http_process_user_agent)."""
    if "Opera" in agent:
        return False
    return "MSIE " in agent or ("Gecko/" not in agent and "Chrome/" in agent)


def origin(view: View) -> Callable[[Facts], str]:
    """The question what absolute redirects begin with."""

    def ask(facts: Facts) -> str:
        scheme = "https" if facts.shape.tls else "http"
        host = facts.reading.host or view.server_name
        port = facts.shape.port
        return f"{scheme}://{host}" + ("" if port == _DEFAULT_PORTS[scheme] else f":{port}")

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
    return page_bytes(code, tokens=location.server_tokens, padded=how.padded)


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
    """An HTTP answer before it is written; ``extra`` are headers besides nginx's own."""

    status: int
    handler: Handler
    body_bytes: int
    content_type: str
    extra: tuple[tuple[str, str], ...] = ()


def answer(
    how: Manner, location: Location, draft: Draft, rule: Rule | None, *, keep_alive: bool
) -> Decision:
    """An HTTP answer with its headers, in nginx's order, and what of them a client can tell."""
    server = product(tokens=location.server_tokens)
    http2 = how.version is Version.HTTP_2
    kept = keep_alive and how.keep_alive and location.keepalive_timeout_ns > 0
    size = draft.body_bytes
    headers = [("Content-Type", draft.content_type), ("Content-Length", str(size)), *draft.extra]
    if not http2:
        headers.append(("Connection", "keep-alive" if kept else "close"))
    head = header_bytes(how.version, draft.status, server, headers)
    if draft.handler is Handler.STATIC:
        head += sum(len(n) + len(v) + 4 for n, v in _FILE_HEADERS)
        head += _ETAG_BYTES + len(f"{size:x}")
    sent = 0 if how.head else size
    telling = [("server", server), *((n.lower(), v) for n, v in headers if n != "Content-Length")]
    sight = Sight(SightKind.HTTP, draft.status, tuple(sorted(telling)), sent, kept or http2)
    refused = rule is not None and _is_refusal(draft.status, rule)
    return Decision(draft.status, sight, draft.handler, head + sent, rule, refused)


def _is_refusal(status: int, rule: Rule) -> bool:
    """A rule's answer turns away unless it is a plain answer or a redirect of `return`."""
    return status >= _FIRST_ERROR or rule.directive not in ("return", "rewrite", "nginx")
