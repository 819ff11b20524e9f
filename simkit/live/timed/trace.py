"""A timed trace from beginning to end: find what is limited, lay out, send, read back, compare."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from time import monotonic

from simkit.live.nginx import LiveNginx
from simkit.live.timed.callers import Target, client_address, limited_targets
from simkit.live.timed.capture import noted
from simkit.live.timed.clock import clock_offset_ns
from simkit.live.timed.comparing import Taken, compare
from simkit.live.timed.joining import Evidence, joined
from simkit.live.timed.report import TimedReport
from simkit.live.timed.schedule import Pace, calls
from simkit.live.timed.sending import send
from simkit.policy import Page, Planner, load_policy

__all__ = ["timed_trace"]

_LONGEST_WAIT_S = {True: 0.4, False: 2.0}  # by whether others wait meanwhile
_PATIENCE = 1.5  # times that
_WAITING_PER_REQUEST_S = 0.0005
_LOG_TIMEOUT_S = 10.0
_ANY_NGINX = "nginx"


class _NothingThere:
    """A site without pages: files and application give a 404, so only the policy matters."""

    def find(self, path: str) -> Page | None:  # noqa: ARG002
        """Nothing."""
        return None


@dataclass(frozen=True, slots=True)
class _Trace:
    """What is to be sent."""

    policy_path: str | Path
    targets: tuple[Target, ...]
    requests: int
    seed: int
    kept: bool
    pace: Pace


def timed_trace(
    policy_path: str | Path,
    *,
    requests: int,
    seed: int,
    kept: bool,
    rate_from_per_s: float = 50.0,
    rate_to_per_s: float = 500.0,
    program: str = _ANY_NGINX,
) -> TimedReport | None:
    """Send a trace to a live nginx, and compare each answer with the simulation's at that time.

    ``requests`` come at rates that change between ``rate_from_per_s`` and ``rate_to_per_s``, drawn
    from ``seed``, in bursts and pauses, under several keys: on one connection (``kept``, or one
    after the other where the policy closes them) or on many from several loopback addresses. The
    simulation is given nginx's own clock at each request, and the order in which nginx took them
    up. ``program`` is the nginx to run, by default the one on the PATH.

    None where no `limit_req` applies to a request that would be served otherwise. Raises
    InputError for a policy that cannot be read or that nginx refuses, and where nginx is missing.
    Where a `server_name` is a regular expression, its numbered groups are lost to the rules of the
    configuration during the trace.
    """
    policy = load_policy(policy_path)
    planner = Planner(policy, _NothingThere())
    targets = limited_targets(policy, planner)
    targets = _of_one_kind(targets) if kept else targets
    if not targets:
        return None
    began_s = monotonic()
    all_waits_s = requests * _WAITING_PER_REQUEST_S if kept else float("inf")
    pace = Pace(rate_from_per_s, rate_to_per_s, _LONGEST_WAIT_S[kept], kept, all_waits_s)
    evidence = _sent(planner, _Trace(policy_path, targets, requests, seed, kept, pace), program)
    events, doubtful = joined(planner, evidence)
    found = compare(planner, events)
    return TimedReport(
        policy=policy.name,
        seed=seed,
        kept=kept,
        sent=len(evidence.sent),
        requests=found.requests,
        agreed=found.requests - len(found.misses),
        misses=tuple(found.misses),
        outcomes=tuple(sorted(Counter(e.limit for e in events if isinstance(e, Taken)).items())),
        counted=found.counted,
        counted_alike=found.counted_alike,
        doubtful=doubtful,
        connections=len({one.port for one in evidence.sent}),
        duration_s=monotonic() - began_s,
    )


def _sent(planner: Planner, trace: _Trace, program: str) -> Evidence:
    """Start nginx, send the trace, and bring home what there is to know of it."""
    # The usual name is looked for where the paths of plain users do not lead as well.
    given = None if program == _ANY_NGINX else program
    with LiveNginx(trace.policy_path, site=_NothingThere(), timed=True, program=given) as nginx:
        by_header = nginx.trial.by_header
        clients = partial(client_address, by_header=by_header, alone=trace.kept)
        planned = calls(
            planner,
            trace.targets,
            clients,
            requests=trace.requests,
            seed=trace.seed,
            pace=trace.pace,
        )
        ports = {target.shape.port for target in trace.targets}
        ends = {port: nginx.endpoint(port) for port in ports}
        offset_ns = clock_offset_ns()
        sent = send(
            planned,
            ends,
            seed=trace.seed,
            kept=trace.kept,
            by_header=by_header,
            patience_s=_PATIENCE * trace.pace.wait_s,
        )
        records = nginx.log.take_all(len(sent), timeout_s=_LOG_TIMEOUT_S)
        return Evidence(planned, sent, records, noted(nginx.errors()), offset_ns)


def _of_one_kind(targets: tuple[Target, ...]) -> tuple[Target, ...]:
    """Those that can go over one connection: the most that share a port and a name in TLS."""

    def kind(target: Target) -> tuple[int, str]:
        return target.shape.port, target.shape.sni or ""

    groups = [tuple(group) for _, group in groupby(sorted(targets, key=kind), kind)]
    return max(groups, key=lambda group: (not group[0].shape.tls, len(group)), default=())
