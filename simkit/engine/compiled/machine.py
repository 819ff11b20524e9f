"""One run in memory: the pools of the compiled engine, and the loop that grows them.

The compiled code never allocates. It comes back when a pool is nearly full, when it needs the
plan of a request that it has not met before, or when some millions of events have gone by; here
the matter is seen to, and it goes on where it was.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from simkit.engine.assembly import Setup
from simkit.engine.compiled import layout, loop
from simkit.engine.compiled.clients import SIGHTS, UNDECIDED
from simkit.engine.compiled.crowd import Crowd, Request
from simkit.engine.compiled.growing import Growing
from simkit.engine.compiled.layout import Ending, Lane
from simkit.engine.compiled.server import SERVICES
from simkit.engine.compiled.tables import Tables
from simkit.engine.run import CLIENTS, Columns, marks_ns
from simkit.engine.sums import summed_answers
from simkit.host import NEVER, Cause, Clock, Costs, worker_count
from simkit.policy import limits
from simkit.traffic.machine import UpstreamSpec
from simkit.traffic.part import NS_PER_MS, NS_PER_S

__all__ = ["Machine"]

_MOST_EVENTS = 20_000_000  # between two looks at whether somebody has pressed Ctrl-C
_SLOTS = ("connections", "attempts", "wishes", "tasks")
_LINKS = {"attempts": "next_job"}
_FEW = 1024
_MANY = 256
_SHORT = 64  # events that a lane has room for at first; a power of two


class Machine:
    """The state of one run."""

    def __init__(
        self,
        crowd: Crowd,
        tables: Tables,
        setup: Setup,
        costs: Costs,
    ) -> None:
        self._setup, self._stage = setup, setup.stage
        self._crowd, self._tables = crowd, tables
        self._worlds = np.zeros(1, layout.WORLD)
        self.world: Any = self._worlds[0]
        self.seen: list[dict[str, int]] = []
        """The cells of `simkit.engine.run.SERIES`, mark by mark."""
        self._pools: dict[str, Growing] = {name: Growing(t) for name, t in layout.POOLS.items()}
        self._pools |= {
            name: getattr(crowd, name) for name in ("cohorts", "pages", "asks", "resources", "bind")
        } | {
            name: getattr(tables, name)
            for name in (
                "nodes", "uses", "bounds", "bound_entries", "decisions", "sights", "actions",
                "delays",
            )
        }  # fmt: skip
        self.world["records"] = setup.has_rows
        self.world["cohort_count"] = len(crowd.cohorts)
        self.world["margin"] = 2 * crowd.most_at_once + 16
        self._put_clients(setup)
        self._put_host(setup.clock, costs)
        self._put_lanes(len(crowd.cohorts) * len(Lane))
        self._put_answers()
        for name in _SLOTS:
            self._widen(name, _FEW + int(self.world["margin"]))
        self._make_room()

    # Before the run

    def _put_clients(self, setup: Setup) -> None:
        self._crowd.forget_absent()
        clients, scratch = self._crowd.clients(setup.seed, setup.replication)
        self._pools["clients"].extend(clients)
        self._pools["totals"].extend(np.zeros(len(clients), layout.CLIENT_TOTALS))
        self._pools["scratch"].reserve(scratch)
        self.world["client_count"] = len(clients)
        self._widen("tasks", len(clients) + _FEW)
        self._pools["events"].reserve(len(clients) + _FEW)  # all set out before any room is made

    def _put_host(self, clock: Clock, costs: Costs) -> None:
        w, stage = self.world, self._stage
        spec, policy = stage.scenario.host, stage.planner.policy
        w["clock_offset_ns"] = clock.offset_ns
        w["backlog"] = spec.backlog
        for name in ("accept", "read", "delay"):
            w[f"{name}_ns"] = getattr(costs, name)
        for name in ("wake_up", "handshake", "refused_handshake"):
            w[name] = self._pools["cooling"].extend(getattr(costs, name).cells)
        self._put_workers(worker_count(policy, spec), policy.worker_connections)
        self._put_upstream(spec.upstream)
        self._pools["ports"].reserve(self._crowd.port_count)
        self._pools["cpu_ns"].reserve(layout.CAUSES)
        zones = limits.new_zones([zone.rate or 0 for zone in policy.http.zones])
        self._pools["zones"].extend(np.array(zones, "i8"))
        self._put_entries()

    def _put_workers(self, count: int, slots: int) -> None:
        workers = np.zeros(count, layout.WORKER)
        workers["finish_ns"] = NEVER
        workers["asleep_since_ns"] = workers["shook_hands_ns"] = -NEVER
        workers["free"] = slots
        workers["reuse_at"] = slots // 16
        for unset in ("first", "last", "oldest", "newest"):
            workers[unset] = -1
        self._pools["workers"].extend(workers)
        self.world["worker_count"] = count

    def _put_upstream(self, spec: UpstreamSpec) -> None:
        w = self.world
        mean_ns = spec.mean_ms * NS_PER_MS
        w["service"] = SERVICES.index(spec.service)
        w["mean_ns"] = mean_ns
        w["median_ns"] = mean_ns * spec.median_share
        w["sigma"] = spec.sigma
        w["upstream_timeout_ns"] = int(spec.timeout_s * NS_PER_S)
        w["upstream_count"] = spec.servers
        self._pools["upstream_ns"].extend(np.zeros(spec.servers, "i8"))

    def _put_lanes(self, wanted: int) -> None:
        count = 1 << (wanted - 1).bit_length()
        lanes = np.zeros(count, layout.LANE)
        lanes["time_ns"] = NEVER
        lanes["key"] = np.arange(count)  # of empty lanes too one is first
        lanes["mask"] = _SHORT - 1
        lanes["first"] = np.arange(count) * _SHORT
        self._pools["lanes"].extend(lanes)
        self._pools["rings"].extend(np.zeros(count * _SHORT, layout.EVENT))
        winners = np.zeros(2 * count, "i4")
        for place in range(2 * count - 1, 0, -1):
            winners[place] = place - count if place >= count else winners[2 * place]
        self._pools["winners"].extend(winners)
        self.world["lane_count"] = count
        self.world["full_lane"] = -1

    # The run

    def run(self) -> None:
        """Let the window pass."""
        self._place()
        loop.set_out_all(self.world)
        for mark_ns in marks_ns(self._stage.scenario.window_ns):
            self._run_until(mark_ns)
            self.seen.append({"time_ns": mark_ns, **self.counters()})
            self._setup.tell(len(self.seen))
        self._cut()

    def _run_until(self, time_ns: int) -> None:
        self.world["stop_ns"] = time_ns
        while (ending := loop.run(self.world, _MOST_EVENTS)) != Ending.MARK:
            if ending == Ending.ROOM:
                self._make_room()
            elif ending == Ending.BOUND:
                self._bind(self._pools["attempts"].records[int(self.world["wanted"])])
            self._place()

    def _cut(self) -> None:
        attempts, wishes = self._pools["attempts"], self._pools["wishes"]
        found = attempts.records
        for attempt in found[(found["place"] != -1) & (found["recorded"] == 0)]:
            if attempt["bound"] == -1 and self._pools["bind"].records[attempt["bind"]] == -1:
                self._bind(attempt)
        bind = self._pools["bind"].records
        unbound = found["bound"] == -1
        found["bound"][unbound] = bind[found["bind"][unbound]]
        self._make_room(attempts.room + wishes.room)
        self._place()
        loop.cut(self.world, attempts.room, wishes.room)

    # What the compiled code comes back for

    def _bind(self, attempt: np.void) -> None:
        """Plan a request that is met for the first time; where many clients make it, for all."""
        request = self._crowd.request(int(attempt["bind"]))
        bind = self._pools["bind"].records
        shape = self._shape(request, int(self.cells("clients")[attempt["client"]]["key"]))
        planner = self._stage.planner
        if self._crowd.who_ask_alike(request) < _MANY:
            address = self._crowd.address(request)
            found = self._stage.bounds(address).get(shape) or self._stage.bind(shape, address)
            bind[attempt["bind"]] = self._tables.bind([found], shape)
        else:
            cells, addresses = self._crowd.alike(request)
            bounds = planner.bind_all(self._stage.shapes.known[shape], addresses)
            first = self._tables.bind(bounds, shape)
            bind[cells] = np.arange(first, first + len(cells))
        self._put_entries()
        self._put_answers()

    def _shape(self, request: Request, key: int) -> int:
        wanted = self._crowd.asks_of[request.position][request.ask]
        target = f"/{key:016x}" if wanted.target is None else wanted.target
        dialect = self._stage.dialect(request.position, request.agent)
        return dialect.number(wanted.method, target, wanted.body_bytes, request.flawed)

    def _put_answers(self) -> None:
        """Make room for the sums of the decisions that are known by now."""
        cells = (len(self._tables.decisions) + len(UNDECIDED)) * len(self._crowd.cohorts) * SIGHTS
        self._pools["answers"].reserve(cells)

    def _put_entries(self) -> None:
        """Make room for the keys of limits that the planner has seen since."""
        entries = self._pools["entries"]
        first = entries.count // limits.ENTRY
        rooms = self._stage.planner.rooms(first)
        if rooms:
            cells = np.zeros((len(rooms), limits.ENTRY), "i8")
            cells[:, limits.ROOM] = rooms
            entries.extend(cells.ravel())

    def _make_room(self, rows: int = 0) -> None:
        w = self.world
        margin = int(w["margin"])
        if w["full_lane"] >= 0:
            self._widen_lane(self._pools["lanes"].records[int(w["full_lane"])])
            w["full_lane"] = -1
        for name in _SLOTS:
            if w[f"{name}_spare"] < margin:
                self._widen(name, self._pools[name].room)
        tables = {"event": "events", "request": "request_rows", "wish": "wish_rows"}
        for name, pool in tables.items():
            wanted = int(w[f"{name}_count"]) + max(margin, rows)
            if name == "event" or w["records"]:
                self._pools[pool].reserve(wanted)
                w[f"{name}_room"] = self._pools[pool].room
            else:
                w[f"{name}_room"] = NEVER

    def _widen(self, name: str, more: int) -> None:
        """Put further free slots into a pool."""
        pool, w = self._pools[name], self.world
        first = pool.count
        pool.reserve(first + more)
        pool.count = room = pool.room
        link = _LINKS.get(name, "next")
        free = pool.records[first:room]
        if "place" in free.dtype.names:
            free["place"] = -1
        free[link] = np.arange(first + 1, room + 1)
        free[link][-1] = w[f"{name}_free"] if w[f"{name}_spare"] else -1
        w[f"{name}_free"] = first
        w[f"{name}_spare"] += room - first

    def _widen_lane(self, lane: np.void) -> None:
        """Give a lane a ring twice as long at the end of all rings."""
        rings, size = self._pools["rings"], int(lane["mask"]) + 1
        turns = np.arange(int(lane["head"]), int(lane["tail"]))
        events = rings.records[int(lane["first"]) + turns % size]
        first = rings.extend(np.zeros(2 * size, layout.EVENT))
        rings.records[first + turns % (2 * size)] = events
        lane["first"], lane["mask"] = first, 2 * size - 1

    def _place(self) -> None:
        """Tell the compiled code where everything is."""
        for name, pool in self._pools.items():
            self.world[name] = pool.address

    # After the run

    def counters(self) -> dict[str, int]:
        """What `simkit.host.Server.counters` gives."""
        w = self.world
        same = ("slots", "accepts", "handshakes", "bytes_out", "upstream_requests")
        return {
            **{name: int(w[name]) for name in (*same, "refused_connections")},
            "cpu_ns": int(self.cpu_ns().sum()),
            "connections": int(w["connections_open"]),
            "zone_evictions": int(self.cells("zones")[limits.FORCED :: limits.ZONE].sum()),
        }

    def cpu_ns(self) -> npt.NDArray[np.int64]:
        """CPU time by cause."""
        spent = self.cells("cpu_ns")[: layout.CAUSES].copy()
        workers = self.cells("workers")[: int(self.world["worker_count"])]
        spent[Cause.WAKE_UP] = int(workers["waking_ns"].sum())
        return spent

    def wake_ups(self) -> int:
        """How often workers were woken."""
        workers = self.cells("workers")[: int(self.world["worker_count"])]
        return int(workers["wake_ups"].sum())

    def client_sums(self) -> Columns:
        """`simkit.engine.run.CLIENTS`, where there are no rows."""
        count = int(self.world["client_count"])
        clients, totals = self.cells("clients")[:count], self.cells("totals")[:count]
        named = {"cohort": clients["cohort"], "address": clients["address"]}
        found = named | {name: totals[name] for name in CLIENTS if name not in named}
        return {name: found[name].astype(kind) for name, kind in CLIENTS.items()}

    def answer_sums(self) -> Columns:
        """`simkit.engine.run.ANSWERS`, where there are no rows."""
        totals = self.cells("answers")
        which = np.flatnonzero(totals["requests"])
        rest, sight = np.divmod(which, SIGHTS)
        place, cohort = np.divmod(rest, int(self.world["cohort_count"]))
        decided = place >= len(UNDECIDED)
        decisions = self.cells("decisions")[np.where(decided, place - len(UNDECIDED), 0)]
        undecided = np.array(UNDECIDED)[np.minimum(place, len(UNDECIDED) - 1)]
        columns: Columns = {
            "cohort": cohort,
            "sight": sight,
            "rule": np.where(decided, decisions["rule"], -1),
            "status": np.where(decided, decisions["status"], undecided),
            "refused": decided & (decisions["refused"] != 0),
        }
        columns |= {name: totals[name][which] for name in layout.ANSWER_TOTALS.names or ()}
        return summed_answers(columns)

    def rows(self, name: str) -> np.ndarray:
        """The rows of ``request_rows`` or ``wish_rows``, in any order."""
        count = int(self.world["request_count" if name == "request_rows" else "wish_count"])
        return self._pools[name].records[: count if self.world["records"] else 0]

    def cells(self, name: str) -> np.ndarray:
        """A pool as it is."""
        return self._pools[name].records
