"""The catalogue put to a policy: one row for each probe, and what surprises people.

`Report.to_json` is a plain dict: ``policy``, ``rows`` and ``findings``. A row has ``probe``,
``tells``, ``how``, ``asked`` (false, with ``remark``, where the policy has no such port or limit)
and, where it was asked, ``logged``, ``wire``, ``curl``, ``browser`` and ``decided_by``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from simkit.errors import printable
from simkit.policy.gate import Gate
from simkit.policy.plan import Decision, Handler, Phase, Rule
from simkit.policy.planner import Planner
from simkit.policy.policy import Policy
from simkit.policy.site import Page
from simkit.policy.source import Source
from simkit.policy.watch import branches, follow
from simkit.study.blocks import Blocks
from simkit.study.explain import Json, rule_json, source_json
from simkit.study.findings import Finding, findings
from simkit.study.probes import CATALOGUE, Manner, Probe, Target
from simkit.study.sayings import browser_says, browser_sends, curl_says
from simkit.study.telling import blocked_addresses, forbidden_path
from simkit.study.wire_words import error_page_of, is_of_site, wire_lines
from simkit.wire import Address, Shape, Sight, SightKind, address

CLIENT4, CLIENT6 = address("192.0.2.1"), address("2001:db8::1")
ABSENT = "/simkit-nothing-here"
_MOST_AT_ONCE = 20_000
_TIMED_OUT = 408

__all__ = ["ABSENT", "Report", "Row", "Shop", "probe", "target_of"]


class Shop:
    """A site that has every page but one."""

    def find(self, path: str) -> Page | None:
        """The page, or None for the one that is not there."""
        return None if path.startswith(ABSENT) else Page()


@dataclass(frozen=True, slots=True)
class Row:
    """What became of a probe; ``decision`` is None where it could not be asked.

    ``count`` is how many requests were made at once, the last of which the row is about;
    ``wait_s`` is how long the server waits for the rest of a header. ``through`` is the
    `error_page` that the request went through, if any.
    """

    probe: Probe
    shape: Shape | None = None
    address: Address = CLIENT4
    decision: Decision | None = None
    remark: str = ""
    count: int = 1
    wait_s: float = 0.0
    through: Source | None = None

    def to_json(self) -> Json:
        """As plain data."""
        shown: Json = {
            "probe": self.probe.name,
            "tells": self.probe.tells,
            "how": self.probe.how,
            "asked": self.decision is not None,
            "remark": printable(self.remark) or None,
        }
        if self.decision is None or self.shape is None:
            return shown
        through = None if self.through is None else source_json(self.through)
        more: Json = {"requests": self.count, "error_page": through}
        return shown | more | _answer(self.decision, self.shape)


def _answer(decision: Decision, shape: Shape) -> Json:
    sight, of_site = decision.sight, is_of_site(decision)
    curl = curl_says(sight, shape)
    sends = browser_sends(shape)
    return {
        "logged": {"status": decision.status, "body_bytes": None if of_site else sight.body_bytes},
        "wire": {
            "kind": sight.symbol,
            "lines": [printable(line) for line in wire_lines(decision, shape)],
            "kept": sight.kept,
        },
        "curl": {"exit": curl.exit, "message": printable(curl.message)},
        "browser": printable(browser_says(sight, shape)) if sends else None,
        "refused": decision.refused,
        "decided_by": rule_json(decision.rule),
    }


@dataclass(frozen=True, slots=True)
class Report:
    """The matrix and the findings."""

    policy: Policy
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...] = field(default=())

    def to_json(self) -> Json:
        """As plain data."""
        return {
            "policy": str(self.policy.path),
            "rows": [row.to_json() for row in self.rows],
            "findings": [finding.to_json() for finding in self.findings],
            "warnings": [printable(warning) for warning in self.policy.warnings],
        }


def probe(policy: Policy) -> Report:
    """Put the whole catalogue to a policy, and look for what surprises people."""
    prober = _Prober(policy)
    return Report(policy, tuple(prober.rows()), findings(policy))


def target_of(policy: Policy) -> Target:
    """What the probes are made for: the site of a policy, and where it listens."""
    groups = sorted(policy.groups.items())
    four = {port: group.listen for (port, ipv6), group in groups if not ipv6}
    six = {port: group.listen for (port, ipv6), group in groups if ipv6}
    ports = four or six
    plain = [port for port, listen in ports.items() if not listen.tls]
    tls = [port for port, listen in ports.items() if listen.tls]
    http2 = [port for port in tls if ports[port].http2]
    home, is_tls = policy.site_port
    return Target(
        policy.site_name,
        plain=home if home in plain and not is_tls else _first(plain),
        tls=home if home in tls and is_tls else _first(tls, 443),
        http2=_first(http2, 443),
        ipv6=_first(list(six), home),
        forbidden=forbidden_path(policy) or "/admin/",
        absent=ABSENT,
        line_bytes=max(s.buffers.large_bytes for s in policy.http.servers),
    )


def _first(ports: list[int], wanted: int | None = None) -> int | None:
    return wanted if wanted in ports else next(iter(ports), None)


class _Prober:
    """Puts probes to one policy."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._site = Shop()
        self._target = target_of(policy)

    @cached_property
    def _blocks(self) -> Blocks:
        return Blocks(self._policy)

    def rows(self) -> Iterator[Row]:
        """Every row of the matrix."""
        for one in CATALOGUE:
            yield self._row(one)
        for name, who in blocked_addresses(self._policy):
            yield self._from(name, who)

    def _row(self, one: Probe) -> Row:
        shape = one.make(self._target)
        if shape is None:
            return Row(one, remark="there is no such port")
        six = one.ipv6 or (shape.port, False) not in self._policy.groups
        who = CLIENT6 if six else CLIENT4
        if one.manner is Manner.HALF:
            return self._half(one, shape, who)
        if one.manner is Manner.BURST:
            return self._burst(one, shape, who)
        return self._asked(one, shape, who)

    def _asked(self, one: Probe, shape: Shape, who: Address) -> Row:
        way = follow(self._policy, shape, who, site=self._site)
        words = self._certificate(shape, way.decision)
        return Row(one, shape, who, way.decision, words, through=error_page_of(way))

    def _from(self, name: str, who: Address) -> Row:
        one = Probe(
            f"from {name}",
            "what those get whose addresses a rule singles out",
            "curl http://SITE/ from there",
            lambda target: target.shape(),
            from_there=True,
        )
        shape = one.make(self._target)
        port = self._target.ipv6 if who.version == 6 else self._target.plain or self._target.tls
        if shape is None or port is None:
            return Row(one, remark="there is no such port")
        tls = self._policy.groups[port, who.version == 6].listen.tls
        shape = replace(shape, port=port, tls=tls, sni=self._target.site if tls else None)
        return self._asked(one, shape, who)

    def _certificate(self, shape: Shape, decision: Decision) -> str:
        """The certificate that the handshake shows, as configured."""
        if not shape.tls or decision.sight.kind is SightKind.TLS_ALERT:
            return ""
        groups = self._policy.groups
        group = groups.get((shape.port, False)) or groups[shape.port, True]
        server = group.servers[group.find_indicated(shape.sni).position]
        said = self._blocks.nearest(server.source, "ssl_certificate")
        return f"certificate {said.args[0]}" if said else ""

    def _half(self, one: Probe, shape: Shape, who: Address) -> Row:
        settings = self._policy.settings_for(shape.port)
        reset = settings.reset_timedout_connection
        sight = Sight(SightKind.RESET if reset else SightKind.EMPTY)
        default = self._policy.groups[shape.port, who.version == 6].servers[0]
        said = self._blocks.nearest(default.source, "client_header_timeout")
        source = said.source if said else Source(
            default.source.file, default.source.line, "client_header_timeout 60s, nginx's default"
        )  # fmt: skip
        rule = Rule(source, "client_header_timeout", Phase.PARSE)
        decision = Decision(_TIMED_OUT, sight, Handler.SILENT, 0, rule, refused=True)
        wait_s = settings.client_header_timeout_ns / 1e9
        return Row(one, shape, who, decision, f"after {wait_s:g} s", wait_s=wait_s)

    def _burst(self, one: Probe, shape: Shape, who: Address) -> Row:
        """The first of many requests at one instant that a limit turns away."""
        planner = Planner(self._policy, self._site)
        gate, bound = Gate(planner), planner.bind(shape, who)
        if not any(way.rejected_by for way in branches(self._policy, shape, who)):
            return Row(one, remark="no limit is consulted")
        for count in range(1, _MOST_AT_ONCE + 1):
            step = gate.admit(bound, 0)
            by = step.decision.rule if step.decision is not None else None
            if by is not None and by.directive in ("limit_req", "limit_conn"):
                words = f"request {count:,} at once"
                return Row(one, shape, who, step.decision, words, count)
        return Row(one, remark=f"{_MOST_AT_ONCE:,} at once are let pass")
