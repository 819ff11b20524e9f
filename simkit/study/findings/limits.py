"""Limits that do something else than their words suggest."""

from __future__ import annotations

from collections.abc import Iterator

from simkit.policy.model import Limit, Location, Server, Zone
from simkit.policy.source import Source
from simkit.policy.watch import Trail
from simkit.study.findings.case import Case, Finding, limits_of, unique
from simkit.study.telling import catches_all, site_servers

PARALLEL = 6
"""Requests that a browser makes at once to one host in HTTP/1.1 (Chromium and Firefox)."""
PER_PAGE = 71
"""Requests of the median desktop page (Web Almanac 2024)."""
_UNAVAILABLE, _TOO_MANY = 503, 429
_MILLI = 1000
_OF_ADDRESS = ("binary_remote_addr", "remote_addr")
_PAGE_PARTS = ("/style.css", "/script.js", "/image.png")

__all__ = [
    "PARALLEL",
    "PER_PAGE",
    "burst_below_a_page",
    "default_status_503",
    "no_retry_after",
    "one_ipv6_address_is_one_key",
    "rate_per_minute",
]


def no_retry_after(case: Case) -> Iterator[Finding]:
    """A 429 that does not say when to come back."""
    found = [
        use.source
        for server, location in case.alive
        for way in case.rejections(server, location)
        if (use := way.rejected_by) is not None and _is_silent_about_time(way)
    ]
    found += [
        ended.source
        for server, location in case.places
        if (ended := case.ended_before(server, location)) is not None
        and ended.code == _TOO_MANY
        and not _promises(location)
    ]
    if found:
        yield Finding(
            "429-without-retry-after",
            unique(found),
            "The 429 says nothing about when to come back: nginx sends no Retry-After by itself, "
            "and clients such as urllib3 wait or try again only where it is there.",
            "Add `add_header Retry-After N always;` where the 429 is answered; with a map from "
            "$status to N it stays off other answers. A location with an add_header of its own "
            "inherits none.",
        )


def _is_silent_about_time(way: Trail) -> bool:
    sight = way.decision.sight
    return sight.status == _TOO_MANY and sight.header("retry-after") is None


def _promises(location: Location) -> bool:
    return any(h.name.lower() == "retry-after" and h.always for h in location.add_headers)


def default_status_503(case: Case) -> Iterator[Finding]:
    """A limit without a status of its own: 503."""
    found = [
        use.source
        for server, location in case.alive
        for way in case.rejections(server, location)
        if (use := way.rejected_by) is not None
        and way.decision.sight.status == _UNAVAILABLE
        and case.blocks.nearest(location.source, _status_name(case, use.zone)) is None
    ]
    if found:
        yield Finding(
            "limit-answers-503",
            unique(found),
            "Over this limit nginx answers 503, its default: to monitors, crawlers and clients "
            "that try again it looks like a server that is down.",
            "Say `limit_req_status 429;` (`limit_conn_status 429;`), and give Retry-After.",
        )


def _status_name(case: Case, zone: int) -> str:
    counts = case.policy.http.zones[zone].counts_connections
    return "limit_conn_status" if counts else "limit_req_status"


def burst_below_a_page(case: Case) -> Iterator[Finding]:
    """A burst smaller than what a browser asks for at once."""
    found: dict[Source, Limit] = {}
    for server in site_servers(case.policy):
        for limit in _over_pages(case, server):
            if limit.burst // _MILLI + 1 < PARALLEL:
                found[limit.source] = limit
    for source, limit in found.items():
        at_once = limit.burst // _MILLI + 1
        yield Finding(
            "burst-below-a-page",
            (source,),
            f"{'One request passes' if at_once == 1 else f'{at_once} requests pass'} at once, and "
            f"a browser makes {PARALLEL} for the parts of one page (in HTTP/2 all of them; the "
            f"median page has {PER_PAGE}): ordinary visitors get pages with parts missing.",
            "Give `burst=` at least the parts of a page that come from here, with nodelay; or "
            "limit only the paths that are dear.",
        )


def _over_pages(case: Case, server: Server) -> Iterator[Limit]:
    """The limits that a page and its parts are counted against together."""
    page = _limits_of(case, server, "/")
    parts = [_limits_of(case, server, part) for part in _PAGE_PARTS]
    for source in page:
        if all(source in found for found in parts):
            yield page[source]


def _limits_of(case: Case, server: Server, path: str) -> dict[Source, Limit]:
    trail = case.trail(server, case.shape(server, path))
    consulted = {use.source for asked in trail.asked for use in asked.consulted
                 if not asked.dry_run}  # fmt: skip
    known = {limit.source: limit for s, loc in case.alive if s is server for limit in loc.limits}
    return {source: known[source] for source in consulted if source in known}


def rate_per_minute(case: Case) -> Iterator[Finding]:
    """A rate in requests per minute, which nginx does not count by the minute."""
    for zone, limits in _in_use(case).items():
        if not zone.source.text.endswith("r/m") and "r/m " not in zone.source.text:
            continue
        rate = zone.rate or 1
        most = min(limit.burst // _MILLI + 1 for limit in limits)
        per_minute = rate * 60 // _MILLI
        if most < per_minute:
            yield Finding(
                "rate-is-not-per-minute",
                (zone.source, *unique([limit.source for limit in limits])),
                f"nginx does not count by the minute: this rate is one request every "
                f"{_interval(rate)}. Who comes faster is over the limit after {most} at once, long "
                "before a minute's worth.",
                f"Give `burst=` what may come at once (up to {per_minute - 1} for a whole "
                "minute's worth), with nodelay.",
            )


def _interval(rate: int) -> str:
    ms = 1_000_000 / rate
    return f"{ms / 1000:g} s" if ms >= 1000 else f"{ms:.4g} ms"


def _in_use(case: Case) -> dict[Zone, tuple[Limit, ...]]:
    """The zones of `limit_req` that some request comes to, with the limits that use them."""
    found: dict[Zone, dict[Source, Limit]] = {}
    for _, location in case.alive:
        for limit in location.limits:
            found.setdefault(limit.zone, {})[limit.source] = limit
    return {zone: tuple(limits.values()) for zone, limits in found.items()}


def one_ipv6_address_is_one_key(case: Case) -> Iterator[Finding]:
    """A limit by whole IPv6 addresses, of which one customer has 2^64 and more."""
    found = [
        limit.zone.source
        for server, location in case.alive
        if any(listen.ipv6 for listen in server.listens) and catches_all(server) is None
        for limit in limits_of(location)
        if any(name in _OF_ADDRESS for name in limit.zone.key.names)
    ]
    if found:
        yield Finding(
            "ipv6-address-is-one-key",
            unique(found),
            "Over IPv6 this key is one address of 128 bits, and a single customer holds a /64: "
            "2^64 keys, each with a limit of its own.",
            "Key by the network: `map $remote_addr $per_net { default $binary_remote_addr; "
            '"~^(?<net64>[^:]+:[^:]+(:[^:]+){0,2}):" $net64; }` and the zone by $per_net.',
        )
