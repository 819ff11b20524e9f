"""One policy on a running nginx and in the simulation: the same requests to both.

Rates are slowed to one request a minute, the least that nginx knows, so no token comes back while
a round of requests lasts: what is compared here does not depend on time. After a round nginx starts
afresh, and the limits with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from time import time

from simkit.live.encode import ADDRESS_HEADER
from simkit.live.listening import Endpoint
from simkit.live.nginx import LiveNginx
from simkit.live.verify.cases import Case, Manner, Request, Sent, sent_bytes, shape_read
from simkit.live.verify.comparing import Difference, Seen, differences, simulated
from simkit.live.verify.site import TrialSite
from simkit.live.verify.visiting import Visit
from simkit.policy.facts import Reading
from simkit.policy.gate import Gate, Step
from simkit.policy.parse import parse_error
from simkit.policy.plan import Decision, Handler
from simkit.policy.planner import Planner
from simkit.policy.policy import Policy
from simkit.wire import Address, Fault, Shape, Version, address

RATE = "1r/m"
_RATE_MILLI = 16  # of a request per second, as nginx rounds one a minute
_LONGEST_WAIT_MS = 400
_HERE = {4: address("127.0.0.1"), 6: address("::1")}
_ANY = ("*", "::", "0.0.0.0")

__all__ = ["RATE", "Result", "Trial", "slowed"]


@dataclass(frozen=True, slots=True)
class Result:
    """One request of a case, as both sides ended it; ``index`` is its place in the case."""

    case: Case
    index: int
    sent: Sent
    client: Address
    expected: Seen
    actual: Seen
    decision: Decision | None
    differences: tuple[Difference, ...]


def slowed(policy: Policy) -> Policy:
    """The policy with every rate of a `limit_req_zone` as slow as nginx allows."""
    zones = (replace(z, rate=None if z.rate is None else _RATE_MILLI) for z in policy.http.zones)
    return replace(policy, http=replace(policy.http, zones=tuple(zones)))


class Trial:
    """A round: an nginx that has just started, and the simulation with empty limits."""

    def __init__(self, policy: Policy, site: TrialSite, nginx: LiveNginx) -> None:
        self._policy = policy
        self._nginx = nginx
        self._planner = Planner(slowed(policy), site)
        self._gate = Gate(self._planner)

    def play(self, case: Case) -> Iterator[Result]:
        """Send a case to both; a result for each request that was answered or should have been."""
        end = self._end(case)
        if case.manner is Manner.HELD:
            yield from self._held(case, end)
        elif case.manner is Manner.APART:
            for index, request in enumerate(case.requests):
                yield from self._together(replace(case, requests=(request,)), end, index)
        else:
            yield from self._together(case, end)

    # -- manners -----------------------------------------------------------------------------------

    def _together(self, case: Case, end: Endpoint, first: int = 0) -> Iterator[Result]:
        """On one connection, until it ends."""
        sents = [self._sent(case, request) for request in case.requests]
        with self._visit(case, end, sents[0]) as visit:
            together = b"".join(sent.payload for sent in sents)
            at_once = case.manner is Manner.PIPELINED and len(together) <= self._first_bytes(case)
            if at_once:
                visit.connection.send(together)
            for index, sent in enumerate(sents):
                step = self._admit(case, sent)
                expected = simulated(step)
                if at_once:
                    more = expected.kept and sent is not sents[-1]
                    actual = visit.hear(sent, expected, more=more)
                else:
                    actual = visit.ask(sent, expected)
                self._gate.release(step)
                found = self._result(case, first + index, sent, expected, actual, step)
                yield found
                if not expected.kept or found.differences:
                    return

    def _held(self, case: Case, end: Endpoint) -> Iterator[Result]:
        """All but the last wait for their bodies, so that they are counted at once."""
        with ExitStack() as stack:
            held: list[tuple[int, Sent, Step, Visit]] = []
            for index, request in enumerate(case.requests):
                sent = self._sent(case, request)
                step = self._admit(case, sent)
                visit = stack.enter_context(self._visit(case, end, sent))
                if not _waits_for_body(step, sent):
                    actual = visit.ask(sent, simulated(step))
                    self._gate.release(step)
                    yield self._result(case, index, sent, simulated(step), actual, step)
                    continue
                head, _, _ = sent.payload.partition(b"\r\n\r\n")
                visit.connection.send(head + b"\r\n\r\n")
                held.append((index, sent, step, visit))
                visit.connection.receive(0.005)
            for index, sent, step, visit in held:
                visit.connection.send(b"x" * sent.shape.body_bytes)
                actual = visit.hear(sent, simulated(step))
                self._gate.release(step)
                yield self._result(case, index, sent, simulated(step), actual, step)

    # -- both sides --------------------------------------------------------------------------------

    def _admit(self, case: Case, sent: Sent) -> Step:
        now_ms = round(1000 * time())
        step = self._gate.admit(self._planner.bind(sent.shape, self._client(case, sent)), now_ms)
        if step.decision is None and step.wait_ms <= _LONGEST_WAIT_MS:
            step = self._gate.resume(step, now_ms + step.wait_ms)
        return step

    def _result(
        self, case: Case, index: int, sent: Sent, expected: Seen, actual: Seen, step: Step
    ) -> Result:
        found = differences(expected, actual, sent.shape.version)
        client = self._client(case, sent)
        return Result(case, index, sent, client, expected, actual, step.decision, found)

    def _visit(self, case: Case, end: Endpoint, sent: Sent) -> Visit:
        source = None if self._nginx.trial.by_header or case.ipv6 else case.address
        return Visit(self._nginx, end, sent.shape, source=source)

    def _client(self, case: Case, sent: Sent) -> Address:
        """Who the request comes from, as nginx knows it."""
        here = _HERE[6 if case.ipv6 else 4]
        if not self._nginx.trial.by_header:
            return case.address or here
        named = sent.shape.header(ADDRESS_HEADER)
        return here if named is None else address(named)

    def _first_bytes(self, case: Case) -> int:
        """What any server of a port reads at once."""
        servers = self._policy.groups[case.port, case.ipv6].servers
        return min(server.buffers.first_bytes for server in servers)

    def _end(self, case: Case) -> Endpoint:
        group = self._policy.groups[case.port, case.ipv6]
        host = "*" if group.listen.address in _ANY else group.listen.address
        return self._nginx.endpoint(case.port, family=6 if case.ipv6 else 4, host=host)

    def _sent(self, case: Case, request: Request) -> Sent:
        """The bytes and how they are read; who is malformed comes from where it connects."""
        named = case.address if self._nginx.trial.by_header else None
        if case.http2:
            return Sent(b"", _http2_shape(case, request, named))
        sent = self._as_read(case, request, named)
        return sent if named is None or self._is_read(case, sent) else self._as_read(case, request)

    def _as_read(self, case: Case, request: Request, named: Address | None = None) -> Sent:
        payload = sent_bytes(request, named)
        return Sent(payload, shape_read(payload, case, self._policy))

    def _is_read(self, case: Case, sent: Sent) -> bool:
        group = self._policy.groups[case.port, case.ipv6]
        position = group.find_indicated(case.sni).position if case.tls else 0
        is_plain = group.listen.tls and not case.tls
        return not is_plain and parse_error(Reading(sent.shape), group, position) is None


def _waits_for_body(step: Step, sent: Sent) -> bool:
    """Whether nginx reads the body before it passes the request on."""
    decision = step.decision
    if decision is None or not sent.shape.body_bytes or sent.shape.fault is not Fault.NONE:
        return False
    return decision.handler is Handler.PROXY and decision.rule is None


def _http2_shape(case: Case, request: Request, named: Address | None) -> Shape:
    pairs = (line.partition(":") for line in request.lines[1:])
    headers = tuple((name, value.strip()) for name, _, value in pairs)
    if named is not None:
        headers = (*headers, (ADDRESS_HEADER, str(named)))
    return Shape(
        request.method,
        request.target,
        Version.HTTP_2,
        headers,
        case.port,
        tls=True,
        sni=case.sni,
    )
