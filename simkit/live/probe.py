"""The catalogue of probes sent to a real server, beside what the simulation says.

The simulation sees the same requests in the same order, from the same address and at the same
times, so limits that one probe has used up are used up for the next. What only the site can say
(the pages that it has) is not compared.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import ip_address
from time import monotonic

from simkit.errors import InputError, printable
from simkit.live.connection import Connection, Ending, Exchange, Tls, exchange
from simkit.live.encode import ADDRESS_HEADER, encode
from simkit.live.http2 import Http2
from simkit.live.listening import Endpoint, Listen
from simkit.policy.gate import Gate, Step
from simkit.policy.plan import Decision, Handler
from simkit.policy.planner import Planner
from simkit.policy.policy import Policy
from simkit.policy.site import Page
from simkit.policy.watch import follow
from simkit.study.explain import Json
from simkit.study.probe import Report, Row, Shop
from simkit.study.probes import Manner
from simkit.wire import Address, Shape, Sight, SightKind, Version, address

PATIENCE_S = 15.0
"""A server that lets a slow client be for longer is not tried that way."""
_TIMEOUT_S, _SETTLE_S, _GRACE_S = 5.0, 0.05, 2.0
_MOST_AT_ONCE = 200
_SPARE = 3
_STRANGER = {4: address("192.0.2.1"), 6: address("2001:db8::1")}

_NGINX = re.compile(r"nginx/([0-9.]+)")

__all__ = ["PATIENCE_S", "Compared", "Where", "find_server", "probe_live", "server_version"]


@dataclass(frozen=True, slots=True)
class Where:
    """Where the server is: its address, and which ports stand for those of the policy."""

    host: str
    ports: Mapping[int, int]

    @property
    def is_ipv6(self) -> bool:
        """Whether it is reached over IPv6."""
        return ip_address(self.host).version == 6

    @property
    def source(self) -> Address:
        """The address that the server sees: a stranger's, unless both are one machine."""
        here = ip_address(self.host)
        return here if here.is_loopback else _STRANGER[here.version]

    def endpoint(self, port: int) -> Endpoint:
        """Where to connect for a port of the policy."""
        family = 6 if self.is_ipv6 else 4
        return Endpoint(self.host, self.ports.get(port, port), Listen(family, "*", port))


def find_server(text: str, ports: Mapping[int, int], *, mine: bool) -> Where:
    """The server at an address or a name. Raises InputError unless it is on loopback or ``mine``.

    Probes are what scanners send: whoever sends them has to have the right to.
    """
    try:
        found = socket.getaddrinfo(text.strip("[]"), None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise InputError(f"no server at {text}: {error.strerror or error}") from None
    hosts = [str(entry[4][0]) for entry in found]
    if not mine and not all(ip_address(host).is_loopback for host in hosts):
        raise InputError(
            f"{text} is not on this machine, and probes look like an attack",
            hint="say --mine if the server is yours",
        )
    return Where(hosts[0], ports)


@dataclass(frozen=True, slots=True)
class Compared:
    """One probe: what the simulation expects, what was seen, and where the two differ.

    ``seen`` is None where it was not sent, and ``remark`` says why.
    """

    row: Row
    expected: Decision | None = None
    seen: Sight | None = None
    differences: tuple[str, ...] = ()
    remark: str = ""

    def to_json(self) -> Json:
        """As plain data."""
        expected = None if self.expected is None else self.expected.sight
        return {
            "probe": self.row.probe.name,
            "sent": self.seen is not None,
            "simulated": _sight_json(expected),
            "seen": _sight_json(self.seen),
            "differences": [printable(difference) for difference in self.differences],
            "remark": printable(self.remark) or None,
        }


def _sight_json(sight: Sight | None) -> Json | None:
    if sight is None:
        return None
    headers = {name: printable(value) for name, value in sight.headers}
    return {"kind": sight.symbol, "kept": sight.kept, "body_bytes": sight.body_bytes,
            "headers": headers}  # fmt: skip


def probe_live(
    report: Report,
    where: Where,
    *,
    patience_s: float = PATIENCE_S,
    by_header: bool = False,
) -> Iterator[Compared]:
    """Send every probe of a report, the one over the limit last.

    ``by_header``: the server believes `ADDRESS_HEADER`, so clients can stand for addresses. Raises
    InputError where no answer is to be had at all.
    """
    prober = _Prober(report.policy, where, patience_s, by_header=by_header)
    for row in sorted(report.rows, key=lambda row: row.probe.manner is Manner.BURST):
        yield prober.compared(row)


def server_version(found: Iterable[Compared]) -> str | None:
    """The version of nginx that the answers name; None where none does."""
    for one in found:
        named = _NGINX.match((one.seen and one.seen.header("server")) or "")
        if named is not None:
            return named[1]
    return None


class _Nothing:
    """A site without a page."""

    def find(self, path: str) -> Page | None:  # noqa: ARG002
        """Never a page."""
        return None


class _Prober:
    def __init__(self, policy: Policy, where: Where, patience_s: float, *, by_header: bool) -> None:
        self._where = where
        self._patience_s = patience_s
        self._by_header = by_header
        self._planner = Planner(policy, Shop())
        self._gate = Gate(self._planner)

    def compared(self, row: Row) -> Compared:
        """Send one probe and compare."""
        if row.decision is None or row.shape is None:
            return Compared(row, remark=row.remark)
        why_not = self._why_not(row, row.decision)
        if why_not:
            return Compared(row, remark=f"not sent: {why_not}")
        try:
            return self._sent(row, row.shape, row.decision)
        except ConnectionRefusedError:
            seen = Sight(SightKind.REFUSED)
            return Compared(row, row.decision, seen, _differences(row.decision, seen))
        except OSError as error:
            where = (
                f"{self._where.host}, port {self._where.ports.get(row.shape.port, row.shape.port)}"
            )
            raise InputError(f"cannot connect to {where}: {error.strerror or error}") from None

    def _why_not(self, row: Row, decision: Decision) -> str:
        if row.probe.from_there and not self._by_header:
            return f"it would have to come from {row.address}"
        if (row.address.version == 6) is not self._where.is_ipv6 and not row.probe.from_there:
            return f"it goes over IPv{row.address.version}"
        if row.probe.manner is Manner.HALF and row.wait_s > self._patience_s:
            return f"the server would wait {row.wait_s:g} s"
        if row.probe.manner is Manner.BURST and row.count > _MOST_AT_ONCE:
            return f"it takes {row.count:,} connections"
        return "" if decision.sight.kind is not SightKind.NO_ANSWER else "nothing would come back"

    def _sent(self, row: Row, shape: Shape, decision: Decision) -> Compared:
        end = self._where.endpoint(shape.port)
        who = row.address if self._by_header else self._where.source
        if row.probe.manner is Manner.HALF:
            seen = _half(end, shape, row.wait_s + _GRACE_S)
            return Compared(row, decision, seen, _differences(decision, seen))
        if row.probe.manner is Manner.BURST:
            seen = _burst(end, shape, row.count + _SPARE, decision)
            return Compared(row, decision, seen, _differences(decision, seen))
        expected = self._expected(shape, who)
        named = who if self._by_header else None
        if shape.version is Version.HTTP_2:
            seen = _stream(end, shape, named)
        else:
            seen = _once(end, shape, encode(shape, named))
        differences = _differences(expected, seen)
        if differences and expected.rule is None:
            # Perhaps the site does not have what the simulation takes it to have.
            without = follow(self._planner.policy, shape, who, site=_Nothing()).decision
            if not _differences(without, seen):
                return Compared(row, without, seen, remark="the site has no such page")
        return Compared(row, expected, seen, differences)

    def _expected(self, shape: Shape, who: Address) -> Decision:
        """What the simulation says now, with the limits as earlier probes have left them."""
        now_ms = int(monotonic() * 1000)
        step: Step = self._gate.admit(self._planner.bind(shape, who), now_ms)
        while step.decision is None:
            now_ms += step.wait_ms
            step = self._gate.resume(step, now_ms)
        self._gate.release(step)
        return step.decision


def _tls(shape: Shape) -> Tls | None:
    protocols = ("h2",) if shape.version is Version.HTTP_2 else ()
    return Tls(shape.sni, protocols) if shape.tls else None


def _once(end: Endpoint, shape: Shape, payload: bytes) -> Sight:
    heads = (shape.method == "HEAD",)
    found: Exchange = exchange(end, payload, heads=heads, tls=_tls(shape), timeout_s=_TIMEOUT_S,
                               settle_s=_SETTLE_S)  # fmt: skip
    return found.sight


def _stream(end: Endpoint, shape: Shape, who: Address | None) -> Sight:
    with Connection(end, tls=_tls(shape), timeout_s=_TIMEOUT_S) as connection:
        if connection.alert is not None:
            return Sight(SightKind.TLS_ALERT)
        if connection.protocol != "h2":
            return Sight(SightKind.NO_ANSWER)
        headers = [(n.lower(), v) for n, v in shape.headers if n.lower() != "host"]
        headers += [] if who is None else [(ADDRESS_HEADER.lower(), str(who))]
        host = shape.header("Host") or ""
        ended = Http2(connection).request(host, shape.target, method=shape.method, headers=headers)
        if ended.reset is not None:
            return Sight(SightKind.STREAM_RESET, kept=True)
        if not ended.status:
            return Sight(SightKind.EMPTY if connection.ending is Ending.FIN else SightKind.RESET)
        return Sight(SightKind.HTTP, ended.status, (), ended.body_bytes, kept=True)


def _half(end: Endpoint, shape: Shape, timeout_s: float) -> Sight:
    payload = f"GET / HTTP/1.1\r\nHost: {shape.header('Host')}\r\n".encode()
    return exchange(end, payload, tls=_tls(shape), timeout_s=timeout_s).sight


def _burst(end: Endpoint, shape: Shape, count: int, decision: Decision) -> Sight:
    """Requests on as many connections; the one among the last that was refused as expected."""
    payload, last = encode(shape), Sight(SightKind.NO_ANSWER)
    with ExitStack() as stack:
        connections = [
            stack.enter_context(Connection(end, tls=_tls(shape), timeout_s=_TIMEOUT_S))
            for _ in range(count)
        ]
        for connection in connections:
            connection.send(payload)
        for connection in reversed(connections):
            seen = _seen(connection)
            if not _differences(decision, seen):
                return seen
            last = last if last.kind is not SightKind.NO_ANSWER else seen
    return last


def _seen(connection: Connection) -> Sight:
    answer = connection.answer()
    answers = () if answer is None else (answer,)
    keeps = answer is not None and answer.keeps
    ending = connection.watch(_SETTLE_S if keeps else _TIMEOUT_S)
    found = Exchange(connection.port, connection.received, answers, ending, connection.alert)
    return found.sight


def _differences(expected: Decision, seen: Sight) -> tuple[str, ...]:
    """Where an answer differs from the simulated one, as far as the policy decides it."""
    wanted = expected.sight
    if wanted.kind is not seen.kind:
        return (f"{wanted.symbol} expected, {seen.symbol} seen",)
    if wanted.kind is not SightKind.HTTP or expected.rule is None:
        return ()
    found = []
    if wanted.status != seen.status:
        found.append(f"status {wanted.status} expected, {seen.status} seen")
    if not seen.headers:  # HTTP/2, of which only the status is read
        return tuple(found)
    for name in ("retry-after", "www-authenticate"):
        if wanted.header(name) != seen.header(name):
            words = wanted.header(name) or "none", seen.header(name) or "none"
            found.append(f"{name}: {words[0]} expected, {words[1]} seen")
    if wanted.kept is not seen.kept:
        found.append("kept expected, closed seen" if wanted.kept else "closed expected, kept seen")
    same_server = wanted.header("server") == seen.header("server")
    of_nginx = same_server and expected.handler is Handler.PAGE and wanted.status == seen.status
    if of_nginx and wanted.body_bytes != seen.body_bytes:
        found.append(f"{wanted.body_bytes} bytes of body expected, {seen.body_bytes} seen")
    return tuple(found)
