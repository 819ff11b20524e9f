"""One run of a scenario against a live nginx: a `Run`, and what it took the worker and us."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from time import process_time

import numpy as np

from simkit import draws
from simkit.engine.assembly import Setup, assemble
from simkit.engine.behaviours import Start
from simkit.engine.client import Client, World
from simkit.engine.recorder import Recorder
from simkit.engine.run import SERIES, Progress, Run, as_columns, marks_ns
from simkit.engine.simpy_engine import no_collecting, recorded, starts_of
from simkit.engine.stage import Stage, stage
from simkit.host import Clock, Upstream, load_costs
from simkit.live.calibrate.worker import (
    Reading,
    Worker,
    coming_first,
    cores_apart,
    needs_linux,
    put_first,
    worker_of,
)
from simkit.live.crowd.agenda import ClockAgenda
from simkit.live.crowd.application import Application
from simkit.live.crowd.log import Joined, join
from simkit.live.crowd.poller import Poller
from simkit.live.crowd.server import Doors, LiveServer
from simkit.live.nginx import LiveNginx, nginx_version
from simkit.policy import Policy
from simkit.strategy import strategy_of
from simkit.traffic import Scenario, members
from simkit.traffic.part import NS_PER_MS, NS_PER_S

__all__ = ["Lived", "live"]

_LOG_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Lived:
    """A run against a live nginx.

    It lasted for ``lasted_s``, the window unless it was cut short. ``worker`` is what nginx's
    worker used within that time, ``driver_cpu_s`` what this process did, ``late_ms`` are the median
    and the 99th percentile of how late clients acted. ``strangers`` are answers that no decision of
    the plan looks like.
    """

    run: Run
    lasted_s: float
    worker: Reading
    driver_cpu_s: float
    late_ms: tuple[float, float]
    strangers: int
    log: Joined

    @property
    def utilisation(self) -> float:
        """The share of the time that the worker ran."""
        return self.worker.cpu_ns / NS_PER_S / self.lasted_s


def live(
    scenario: Scenario,
    policy: Policy,
    *,
    seed: int = 1,
    replication: int = 0,
    program: str | None = None,
    most_s: float | None = None,
    behaviours: Mapping[str, Start] | None = None,
    progress: Progress | None = None,
) -> Lived:
    """Let the crowd of a scenario loose on a live nginx, for as long as the scenario lasts.

    With ``most_s`` it is cut off after so many seconds, and what was under way stands as it is.
    Clients connect from their own addresses, which must be in 127.0.0.0/8. The worker has a core of
    its own where there are two. Raises InputError as `simkit.engine.simulate`, and where nginx is
    missing or refuses the policy.
    """
    needs_linux()
    ground = stage(scenario, strategy_of(policy))
    starts = starts_of(scenario, behaviours or {})
    costs = load_costs(scenario.host.costs)
    # nginx's clock shows itself; the one of a simulation has no part in this.
    clock = Clock(draws.mix(seed, replication))
    setup = Setup(ground, costs, clock, seed, replication, "all", progress)
    with ExitStack() as stack:
        cores = stack.enter_context(cores_apart())
        poller = stack.enter_context(Poller())
        agenda = ClockAgenda(poller)
        upstream = scenario.host.upstream
        application = stack.enter_context(Application(agenda, poller, scenario.site, upstream))
        files = {f"html{path}": b"x" * size for path, size in scenario.site.files.items()}
        nginx = stack.enter_context(
            LiveNginx(
                policy.path,
                site=application.port,
                files=files,
                error_level="error",
                program=program,
            )
        )
        worker = worker_of(nginx.process.pid)
        os.sched_setaffinity(worker.pid, cores.worker)
        put_first(worker.pid)
        crowd = _Crowd(setup, agenda, poller, nginx, worker)
        application.requests = crowd.server.requests
        return crowd.run(starts, application.upstream, most_s)


class _Crowd:
    """Clients, agenda and sockets of one run."""

    def __init__(
        self,
        setup: Setup,
        agenda: ClockAgenda,
        poller: Poller,
        nginx: LiveNginx,
        worker: Worker,
    ) -> None:
        self._setup = setup
        self._agenda = agenda
        self._nginx = nginx
        self._worker = worker
        ground: Stage = setup.stage
        self._crowd = list(members(ground.scenario, setup.seed, setup.replication))
        doors = Doors(ground.planner.policy.settings_for, self._door)
        self.server = LiveServer(agenda, poller, doors, ground.shapes.known, self._source)
        self._world = World(ground, agenda, self.server, Recorder())

    def _door(self, port: int) -> tuple[str, int]:
        end = self._nginx.endpoint(port)
        return end.host, end.port

    def _source(self, number: int) -> str:
        return str(self._setup.stage.address_at(number))

    def run(self, starts: Mapping[str, Start], upstream: Upstream, most_s: float | None) -> Lived:
        """Let the window pass, then see what nginx has logged."""
        agenda, setup = self._agenda, self._setup
        window_ns = setup.stage.scenario.window_ns
        if most_s is not None:
            window_ns = min(window_ns, int(most_s * NS_PER_S))
        clients = [Client(self._world, member) for member in self._crowd]
        for client in clients:
            agenda.process(starts[client.spec.name](client))
        series: list[dict[str, int]] = []
        with ExitStack() as stack:
            stack.enter_context(no_collecting())
            stack.enter_context(coming_first())
            before, cpu_s = self._worker.settled(), process_time()
            agenda.start()
            for mark_ns in marks_ns(window_ns):
                agenda.follow(mark_ns)
                cpu_ns = self._worker.cpu_ns() - before.cpu_ns
                series.append(self._counters(mark_ns, cpu_ns, upstream))
                setup.tell(len(series))
            used, cpu_s = self._worker.now() - before, process_time() - cpu_s
        for client in clients:
            client.cut()
        load = self._load(used, window_ns, upstream)
        engine = f"nginx {nginx_version(self._nginx.program)}"
        found = recorded(
            self._world, clients, setup, as_columns(series, SERIES), load, engine=engine
        )
        self.server.close()
        records = self._nginx.log.take_all(len(self.server.going), timeout_s=_LOG_TIMEOUT_S)
        joined = join(found.requests, self.server.going, records)
        run = assemble(setup, found, setup.stage.planner.policy.name)
        late_ms = np.percentile(np.array(agenda.late_ns) / NS_PER_MS, (50, 99))
        late = float(late_ms[0]), float(late_ms[1])
        lasted_s = window_ns / NS_PER_S
        return Lived(run, lasted_s, used, cpu_s, late, self.server.strangers, joined)

    def _counters(self, time_ns: int, cpu_ns: int, upstream: Upstream) -> dict[str, int]:
        server = self.server
        return {
            "time_ns": time_ns,
            "cpu_ns": cpu_ns,
            "slots": server.open,
            "connections": server.open,
            "accepts": server.opened,
            "handshakes": server.handshakes,
            "bytes_out": server.bytes_in,
            "upstream_requests": upstream.requests,
            "refused_connections": 0,
            "zone_evictions": 0,
        }

    def _load(self, used: Reading, window_ns: int, upstream: Upstream) -> dict[str, float]:
        """What was counted, by the names of `simkit.host.tally`; of CPU only the sum is known."""
        server = self.server
        return {
            "cpu_s": used.cpu_ns / NS_PER_S,
            "utilisation": used.cpu_ns / window_ns,
            "wake_ups": used.sleeps,
            "accepts": server.opened,
            "handshakes": server.handshakes,
            "resumptions": server.resumptions,
            "connection_s": server.open_ns / NS_PER_S,
            "peak_connections": server.peak,
            "bytes_out": server.bytes_in,
            **upstream.vector(),
        }
