"""Who a client is taken for: its address behind a proxy, its agent, the certificate it sees."""

from __future__ import annotations

from collections.abc import Iterator

from simkit.policy.model import Server
from simkit.policy.source import Source
from simkit.study.findings.case import Case, Finding, limits_of, unique
from simkit.study.telling import catches_all, site_servers

_OF_ADDRESS = ("binary_remote_addr", "remote_addr")
_SAID_BY_CLIENTS = (
    "http_x_forwarded_for",
    "http_x_real_ip",
    "http_cf_connecting_ip",
    "http_true_client_ip",
    "http_x_client_ip",
)

__all__ = [
    "agentless_clients_are_refused",
    "certificate_is_shown",
    "key_chosen_by_clients",
    "limits_behind_a_proxy",
    "real_ip_from_anyone",
]


def certificate_is_shown(case: Case) -> Iterator[Finding]:
    """A default server that turns everybody away, but only after the handshake."""
    found: list[Source] = []
    for group in case.policy.groups.values():
        server = group.servers[0]
        if not group.listen.tls or server.reject_handshake or catches_all(server) is None:
            continue
        said = case.blocks.nearest(server.source, "ssl_certificate")
        found.append(said.source if said else group.listen.source)
    if found:
        yield Finding(
            "certificate-is-shown",
            unique(found),
            "Whoever connects to the bare address on the TLS port sees this certificate and the "
            "names in it: the handshake comes before every rule of this default server.",
            "Put `ssl_reject_handshake on;` into the default server of the TLS port, or give it a "
            "certificate that names nothing.",
        )


def limits_behind_a_proxy(case: Case) -> Iterator[Finding]:
    """Limits by the address of whoever connects, which behind a CDN is the CDN."""
    found = [
        source
        for server, location in case.alive
        if location.realip is None and not server.view.realips and catches_all(server) is None
        for limit in limits_of(location)
        if any(name in _OF_ADDRESS for name in limit.zone.key.names)
        for source in (limit.source, limit.zone.source)
    ]
    if found:
        yield Finding(
            "limit-by-the-proxys-address",
            unique(found),
            "If a CDN or a load balancer stands in front, its addresses are what this limit "
            "counts by: all visitors behind one of them share one limit. Without one it is right.",
            "Behind a proxy add `set_real_ip_from` for each of its networks and "
            "`real_ip_header`, and let nobody else connect.",
        )


def real_ip_from_anyone(case: Case) -> Iterator[Finding]:
    """`set_real_ip_from` for the whole internet."""
    found = [
        realip.source
        for server, location in case.places
        for realip in (*server.view.realips, *filter(None, (location.realip,)))
        if any(net.prefixlen == 0 for net in realip.trusted)
    ]
    if found:
        yield Finding(
            "real-ip-from-anyone",
            unique(found),
            "Anybody may say here what address they have: limits, deny and geo all believe the "
            "header that the client sends.",
            "Name the networks of the proxy only.",
        )


def key_chosen_by_clients(case: Case) -> Iterator[Finding]:
    """A limit keyed by a header with an address, as the client sent it."""
    found = [
        limit.zone.source
        for _, location in case.alive
        for limit in limits_of(location)
        if any(name in _SAID_BY_CLIENTS for name in limit.zone.key.names)
    ]
    if found:
        yield Finding(
            "key-chosen-by-clients",
            unique(found),
            "The key of this limit is a header as it came: without it the key is empty and the "
            "limit is skipped, and a client that varies it has a fresh limit each time.",
            "Key by $binary_remote_addr, with `set_real_ip_from` for the proxy's networks and "
            "`real_ip_header` for the header.",
        )


def agentless_clients_are_refused(case: Case) -> Iterator[Finding]:
    """A rule that turns away whoever sends no agent."""
    found: list[Source] = []
    for server in site_servers(case.policy):
        found += _refuses_agentless(case, server)
    if found:
        yield Finding(
            "no-agent-is-refused",
            unique(found),
            "This turns away everybody who sends no User-Agent, and honest clients are among "
            "them: feed readers, monitors, HAProxy's health checks. In one real log of 10,000 "
            "requests 190 carried none, and only 82 of those came from scanners.",
            "Leave the empty agent out, or put a limit on it instead of a refusal; let the "
            "addresses of your monitors through first.",
        )


def _refuses_agentless(case: Case, server: Server) -> Iterator[Source]:
    with_agent = case.trail(server, case.shape(server)).decision
    without = case.trail(server, case.shape(server, agent=None)).decision
    if without.refused and not with_agent.refused and without.rule is not None:
        yield without.rule.decisive
