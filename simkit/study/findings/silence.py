"""Silence that is none, and silence that is answered with more requests."""

from __future__ import annotations

from collections.abc import Iterator

from simkit.policy.model import Access, Location, Server
from simkit.policy.servers import Group
from simkit.policy.source import Source
from simkit.study.findings.case import AGENT, CLIENTS, Case, Finding, unique
from simkit.study.telling import always_returns, catches_all, denied_address, path_into
from simkit.wire import Fault, Shape, SightKind

_SILENT = 444
_NEVER_PARSED = {
    400: Fault.BAD_REQUEST_LINE,
    414: Fault.URI_TOO_LONG,
    505: Fault.UNKNOWN_VERSION,
}
_PARSE_CODES = "400 405 414 494 495 496 497 501 505"
_WITHOUT_A_BYTE = (SightKind.EMPTY, SightKind.RESET, SightKind.STREAM_RESET)

__all__ = [
    "deny_is_not_silent",
    "named_location_for_parse_errors",
    "parse_errors_get_a_page",
    "silence_is_retried",
]


def deny_is_not_silent(case: Case) -> Iterator[Finding]:
    """`deny` answers with a page."""
    found = unique(
        [r.source for s, loc in case.alive for r in loc.access if _shows(case, s, loc, r)]
    )
    if found:
        yield Finding(
            "deny-is-not-silent",
            found,
            "`deny` answers with a 403 page that names the server (303 bytes with nginx's usual "
            "headers): it is a refusal that everybody sees.",
            "If a 403 is what you want, leave it. For silence use geo and "
            "`if ($blocked) { return 444; }`, or `error_page 403 =444 /drop;` with "
            "`location = /drop { internal; return 444; }`.",
        )


def _shows(case: Case, server: Server, location: Location, rule: Access) -> bool:
    if rule.allow:
        return False
    family = case.port_of(server)[2]
    if rule.network is not None:
        family = rule.network.version
    who, path = denied_address(location, rule.network, family), path_into(server, location)
    if who is None:
        return False
    if path is None:
        return not any(403 in page.codes for page in location.error_pages)
    decision = case.trail(server, case.shape(server, path), who).decision
    denied = decision.rule is not None and decision.rule.source == rule.source
    return denied and decision.sight.kind is SightKind.HTTP


def parse_errors_get_a_page(case: Case) -> Iterator[Finding]:
    """A catch-all 444 that malformed requests never come to."""
    found: list[Source] = []
    for (port, ipv6), group in case.policy.groups.items():
        ended = catches_all(group.servers[0])
        tls = group.listen.tls
        unreachable = tls and group.servers[0].reject_handshake
        if ended is None or ended.code != _SILENT or unreachable:
            continue
        shape = Shape(headers=(("User-Agent", AGENT),), port=port, tls=tls)
        trail = case.trail(group.servers[0], shape, CLIENTS[6 if ipv6 else 4])
        if trail.decision.sight.kind is SightKind.HTTP:
            found.append(ended.source)
    if found:
        yield Finding(
            "parse-errors-get-a-page",
            unique(found),
            "This 444 does not cover what is malformed: HTTP/1.1 without Host, two Hosts, garbage "
            "or TLS bytes on a plain port get nginx's own error page with the Server header, for "
            "errors of parsing come before every rule.",
            f"Add `error_page {_PARSE_CODES} =444 /drop;` to the server (and "
            "`location = /drop { internal; return 444; }` where it has no return of its own). "
            "Not a named location.",
        )


def named_location_for_parse_errors(case: Case) -> Iterator[Finding]:
    """An `error_page` that sends what was never parsed to a named location."""
    for port, ipv6 in case.policy.groups:
        group = case.policy.groups[port, ipv6]
        for page in group.servers[0].base.error_pages:
            target = page.target.constant or ""
            codes = [code for code in _NEVER_PARSED if code in page.codes]
            if target.startswith("@") and codes and _fails(case, group, ipv6, codes[0]):
                yield Finding(
                    "named-location-for-parse-errors",
                    (page.source,),
                    f"A request that could not be parsed has no URI, and so cannot go to {target}: "
                    "it gets a 500 page instead.",
                    "Use a location of its own: `error_page … =444 /drop;` and "
                    "`location = /drop { internal; return 444; }`.",
                )


def _fails(case: Case, group: Group, ipv6: bool, code: int) -> bool:
    shape = Shape(port=group.listen.port, tls=group.listen.tls, fault=_NEVER_PARSED[code])
    decision = case.trail(group.servers[0], shape, CLIENTS[6 if ipv6 else 4]).decision
    return decision.sight.status == 500


def silence_is_retried(case: Case) -> Iterator[Finding]:
    """444 for requests that a browser makes, which then makes more of them."""
    found = [source for server, location in case.places for source in _met(case, server, location)]
    if found:
        yield Finding(
            "silence-is-retried",
            unique(found),
            "A browser can meet this 444, and takes it for a fault of the network: Chromium sends "
            "the request again and then loads the page again after 1 s, 5 s, 30 s and so on (10 to "
            "15 requests in 96 s for one tab; over HTTP/2 4 in 42 s).",
            "Where ordinary visitors can come to it answer with a code: 429 over a limit (with "
            "Retry-After), 403 or 404 for a path. Keep 444 for what no browser sends.",
        )


def _met(case: Case, server: Server, location: Location) -> Iterator[Source]:
    if catches_all(server) is not None or location.internal:
        return
    ended = case.ended_before(server, location)
    if ended is not None:
        if ended.code == _SILENT and always_returns(server.script) is None:
            yield ended.source
        return
    for way in case.rejections(server, location):
        if way.decision.sight.kind in _WITHOUT_A_BYTE and way.rejected_by is not None:
            names = ("limit_req_status", "limit_conn_status")
            said = case.blocks.nearest(location.source, *names)
            yield said.source if said else way.rejected_by.source
