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
from simkit.engine.choice import expected_requests
from simkit.engine.compiled import layout, loop
from simkit.engine.compiled.clients import SIGHTS, UNDECIDED
from simkit.engine.compiled.crowd import Crowd, Request
from simkit.engine.compiled.growing import Growing
from simkit.engine.compiled.layout import Ending, Lane, Queue
from simkit.engine.compiled.server import SERVICES
from simkit.engine.compiled.tables import Tables
from simkit.engine.run import CLIENTS, Columns, marks_ns
from simkit.engine.sums import summed_answers
from simkit.host import NEVER, Cause, Clock, Costs, worker_count
from simkit.host.order import SEQUENCE_BITS
from simkit.policy import limits
from simkit.strategy import Firewall
from simkit.traffic.machine import UpstreamSpec, ns_per_byte
from simkit.traffic.part import NS_PER_MS, NS_PER_S

__all__ = ["Machine"]

_MOST_EVENTS = 20_000_000  # between two looks at whether somebody has pressed Ctrl-C
_SUMS = {"requests": "serials"}  # of a client; in the end each has been recorded
_SLOTS = ("connections", "attempts", "wishes", "tasks")
_LINKS = {"attempts": "next_job"}
_FEW = 1024
_LARGE_CROWD = 8192  # clients that do not stay in a processor's nearer caches
_MANY = 256
_PER_BUCKET, _LEAST_BUCKETS, _MOST_BUCKETS = 16, 64, 1 << 18
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
        self._placed: dict[str, int] = {}
        self._pools: dict[str, Growing] = {name: Growing(t) for name, t in layout.POOLS.items()}
        self._pools |= {
            name: getattr(crowd, name)
            for name in ("cohorts", "pages", "asks", "resources", "bind", "places", "stops")
        } | {
            name: getattr(tables, name)
            for name in (
                "nodes", "uses", "bounds", "decisions", "sights", "actions", "delays",
            )
        }  # fmt: skip
        self.world["records"] = setup.has_rows
        self.world["cohort_count"] = len(self._stage.scenario.cohorts)
        self.world["margin"] = 2 * crowd.most_at_once + 16
        self._put_clients(setup)
        self._put_host(setup.clock, costs)
        self._put_fronts()
        self._put_lanes(len(crowd.cohorts) * len(Lane))
        self._put_queues(len(crowd.cohorts) * len(Queue))
        self._put_answers()
        for name in _SLOTS:
            self._widen(name, _FEW + int(self.world["margin"]))
        self._make_room()

    # Before the run

    def _put_clients(self, setup: Setup) -> None:
        self._crowd.forget_absent()
        clients, scratch = self._crowd.clients(setup.seed, setup.replication)
        self._pools["clients"].extend(clients)
        self._pools["clients"].extend(self._crowd.gateways.parties(setup.seed, setup.replication))
        self._pools["scratch"].reserve(scratch)
        self.world["client_count"] = len(clients)
        self.world["looks_ahead"] = len(clients) >= _LARGE_CROWD
        self._widen("tasks", len(clients) + _FEW)
        self._put_buckets(len(clients))

    def _put_host(self, clock: Clock, costs: Costs) -> None:
        w, stage = self.world, self._stage
        spec, policy = stage.scenario.host, stage.planner.policy
        w["clock_offset_ns"] = clock.offset_ns
        w["backlog"] = spec.backlog
        w["uplink_ns_per_byte"] = ns_per_byte(stage.scenario.network.uplink_mbit_per_s)
        for name in ("accept", "read", "delay"):
            w[f"{name}_ns"] = getattr(costs, name)
        for name in ("wake_up", "handshake", "resumed", "refused_handshake"):
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
        w["upstream_fails"] = spec.fails
        w["queue_room"] = -1 if spec.queue is None else spec.queue
        self._pools["begins_ns"].reserve(1 if spec.queue is None else spec.queue + 1)
        self._pools["upstream_ns"].extend(np.zeros(spec.servers, "i8"))

    def _put_fronts(self) -> None:
        w, strategy = self.world, self._stage.strategy
        w["first_gateway"] = w["client_count"]
        w["gateway_ports"] = len(self._crowd.gateways.doors)
        if strategy.cdn is not None:
            spec = strategy.cdn.spec
            w["edge_half_ns"] = int(spec.rtt_ms * NS_PER_MS) // 2
            w["edges_try_again"] = spec.tries_again
            w["edges_keep_ns"] = strategy.cdn.keeps_ns
            self._put_cache()
        if strategy.firewall is not None:
            self._put_firewall(strategy.firewall)

    def _put_cache(self) -> None:
        """Room for the pages that are known by now, in each edge's cache; what is kept stays."""
        cdn, before = self._stage.strategy.cdn, int(self.world["page_count"])
        pages = len(self._tables.pages)
        if cdn is None or (pages <= before and before):
            return
        room = max(2 * before, pages, _FEW)
        for name in ("cached_until_ns", "cached_sights"):
            cells = np.zeros((cdn.spec.edges, room), layout.POOLS[name])
            old = self._pools[name].records[: cdn.spec.edges * before]
            cells[:, :before] = old.reshape(cdn.spec.edges, before)
            self._pools[name] = Growing(layout.POOLS[name])
            self._pools[name].extend(cells.ravel())
        self.world["page_count"] = room

    def _put_firewall(self, firewall: Firewall) -> None:
        w, names = self.world, self._stage.address_names
        w["firewall"] = True
        verdicts = [
            np.full(count, -1 if verdict is None else self._tables.decision(verdict), "i4")
            for many in names.parts
            for count, verdict in firewall.verdicts(many)
        ]
        self._pools["verdicts"].extend(np.concatenate(verdicts))
        if firewall.rate is not None:
            w["rate_gap_ns"], w["rate_ahead_ns"] = firewall.rate.gap_ns, firewall.rate.ahead_ns
            w["rate_over"] = self._tables.decision(firewall.rate.over)
            self._pools["due_ns"].extend(np.zeros(len(names), "i8"))

    def _put_buckets(self, clients: int) -> None:
        w, scenario = self.world, self._stage.scenario
        wanted = min(max(expected_requests(scenario) / _PER_BUCKET, _LEAST_BUCKETS), _MOST_BUCKETS)
        shift = max(0, int(scenario.window_ns / wanted).bit_length() - 1)
        count = (scenario.window_ns >> shift) + 1
        w["bucket_shift"], w["bucket_count"] = shift, count
        self._pools["buckets"].reserve(count + 1)  # and one past the end
        w["chunks_free"] = -1
        self._widen_chunks(clients // layout.CHUNK + min(count, clients) + _FEW)

    def _widen_chunks(self, more: int) -> None:
        links, w = self._pools["chunk_links"], self.world
        first = links.count
        links.reserve(first + more)
        links.count = room = links.room
        self._pools["chunks"].reserve(room * layout.CHUNK)
        links.records[first:room] = np.arange(first + 1, room + 1)
        links.records[room - 1] = w["chunks_free"]
        w["chunks_free"] = first
        w["chunks_spare"] += room - first

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

    def _put_queues(self, count: int) -> None:
        queues = np.zeros(count, layout.QUEUE)
        queues["alarm_ns"] = NEVER
        queues["first"] = queues["last"] = -1
        self._pools["queues"].extend(queues)

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
            if attempt["own"]:
                continue
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
        client = self.cells("clients")[attempt["place"] >> SEQUENCE_BITS]
        shape = self._shape(request, int(client["key"]))
        planner = self._stage.planner
        if self._crowd.who_ask_alike(request) < _MANY:
            cohort = self._stage.scenario.cohorts[request.position]
            address = self._crowd.address(request)
            known = self._stage.bounds(address, cohort).get(shape)
            found = known or self._stage.bind(shape, cohort, address)
            bind[attempt["bind"]] = self._tables.bind(found, shape)
        else:
            for cells, addresses in self._crowd.alike(request):
                pieces = planner.bind_range(self._stage.shapes.known[shape], addresses)
                bind[cells] = self._tables.bind_all(pieces, shape)
        self._put_entries()
        self._put_answers()
        self._put_cache()

    def _shape(self, request: Request, key: int) -> int:
        wanted = self._crowd.asks_of[request.position][request.ask]
        target = f"/{key:016x}" if wanted.target is None else wanted.target
        dialect = self._stage.dialect(request.position, request.agent)
        return dialect.number(wanted.method, target, wanted.body_bytes, request.flawed)

    def _put_answers(self) -> None:
        """Make room for the sums of the decisions that are known by now."""
        cohorts = int(self.world["cohort_count"])
        cells = (len(self._tables.decisions) + len(UNDECIDED)) * cohorts * SIGHTS
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
        if w["chunks_spare"] < margin:
            self._widen_chunks(self._pools["chunk_links"].room)
        tables = {"event": "events", "request": "request_rows", "wish": "wish_rows"}
        for name, pool in tables.items():
            wanted = int(w[f"{name}_count"]) + max(margin, rows)
            if name == "event":
                wanted += int(self._pools["buckets"].records[int(w["opened"])]["count"])
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
        if "place" in pool.fields:
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
            if self._placed.get(name) != pool.address:
                self._placed[name] = self.world[name] = pool.address

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

    @property
    def cohorts(self) -> npt.NDArray[np.int16]:
        """The cohort of each client."""
        found: npt.NDArray[np.int16] = self.cells("clients")["cohort"]
        return found[: int(self.world["client_count"])]

    @property
    def addresses(self) -> npt.NDArray[np.int32]:
        """The number of the address that each client had in the end."""
        clients = self.cells("clients")[: int(self.world["client_count"])]
        cohorts = self.cells("cohorts")[clients["cohort"]]
        who = (clients["binds"] - cohorts["block"]) // (cohorts["width"] * cohorts["agents"])
        found: npt.NDArray[np.int32] = self.cells("places")["address"][cohorts["first_place"] + who]
        return found

    def client_sums(self) -> Columns:
        """`simkit.engine.run.CLIENTS`, where there are no rows."""
        clients = self.cells("clients")[: int(self.world["client_count"])]
        found = {n: clients[_SUMS.get(n, n)] for n in CLIENTS if n not in ("cohort", "address")}
        found |= {"cohort": self.cohorts, "address": self.addresses}
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
