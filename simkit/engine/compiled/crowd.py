"""The crowd as records: cohorts, what they ask for, and clients."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simkit import draws
from simkit.addresses import AddressRange
from simkit.draws import Purpose
from simkit.engine.compiled import layout
from simkit.engine.compiled.behaviours import ABSENT
from simkit.engine.compiled.clients import KINDS_OF_STOPS, ROTATIONS
from simkit.engine.compiled.crowds import choices, streams
from simkit.engine.compiled.gateways import Gateways
from simkit.engine.compiled.growing import Growing
from simkit.engine.compiled.layout import Program
from simkit.engine.compiled.starts import KINDS
from simkit.engine.stage import Stage
from simkit.errors import InputError
from simkit.host import Hold
from simkit.policy import ConnectionSettings
from simkit.traffic import (
    Call,
    Caller,
    CohortBase,
    Flood,
    Probe,
    Scanner,
    SiteSpec,
    Slow,
    Stop,
    Visitor,
)
from simkit.traffic.arrivals import Pulses
from simkit.traffic.machine import ns_per_byte
from simkit.traffic.part import NS_PER_S
from simkit.traffic.reactions import method_class
from simkit.wire import Address

__all__ = ["PROGRAMS", "Ask", "Crowd", "Request"]

Ints = npt.NDArray[np.int64]

PROGRAMS: dict[type[CohortBase], Program] = {
    Visitor: Program.VISITOR,
    Caller: Program.CALLER,
    Probe: Program.PROBE,
    Scanner: Program.SCANNER,
    Flood: Program.FLOOD,
    Slow: Program.SLOW,
}
"""The program of each kind of cohort; a kind that is not here needs the SimPy engine."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request that a cohort makes. Without a target it is for what cannot exist: see scanners."""

    method: str = "GET"
    target: str | None = None
    body_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """What a cell of ``bind`` stands for: one of its cohort's asks, from an address."""

    position: int
    place: int  # of the address among those of the cohort
    agent: int  # of those of the cohort
    ask: int
    flawed: bool


class Crowd:
    """What the runs of a stage have in common: cohorts, their asks, the rows of ``bind``."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        site = stage.scenario.site
        self.asks_of = tuple(_asks(cohort, site) for cohort in stage.scenario.cohorts)
        self.asks = Growing(np.dtype("i4"))
        self.pages = Growing(layout.PAGE)
        self.resources = Growing(np.dtype("i4"))
        self.cohorts = Growing(layout.COHORT)
        self.bind = Growing(np.dtype("i4"))
        self.places = Growing(layout.PLACE)
        self.stops = Growing(layout.STOP)
        self._ports: dict[int, int] = {}
        self._blocks: list[int] = []  # where the cells of each cohort begin in ``bind``
        for position, cohort in enumerate(stage.scenario.cohorts):
            self._add_cohort(position, cohort)
        self.gateways = Gateways(stage, self)

    @property
    def port_count(self) -> int:
        """How many ports are in use."""
        return len(self._ports)

    @property
    def most_at_once(self) -> int:
        """The most that one client does side by side."""
        records = self.cohorts.kept
        return int(max(records["lanes"].max(), records["resources"].max()))

    # Cohorts

    def _add_cohort(self, position: int, cohort: CohortBase) -> None:
        asks = self.asks_of[position]
        record = np.zeros(1, layout.COHORT)[0]
        record["program"] = PROGRAMS[type(cohort)]
        record["asks"] = self.asks.extend([method_class(ask.method) for ask in asks])
        record["ask_count"] = len(asks)
        record["reach"] = cohort.goes_as_far_as
        record["heeds"] = True
        record["patience_ns"] = int(cohort.patience_s * NS_PER_S)
        record["half_rtt_ns"] = self._stage.half_rtt_ns(cohort)
        self.add_wire(record, cohort.wire_port, cohort.tls)
        self._add_manner(record, cohort)
        self._add_starts(record, cohort)
        self._add_identities(record, position, cohort)
        if isinstance(cohort, Visitor):
            self._add_visitor(record, cohort, asks)
        elif isinstance(cohort, Caller):
            record["in_turn"] = cohort.order == "in turn"
        elif isinstance(cohort, Scanner):
            record["lanes"], record["examines"] = cohort.threads, cohort.examines
            record["gap_ns"] = 0 if cohort.rate_per_s is None else int(NS_PER_S / cohort.rate_per_s)
        elif isinstance(cohort, Slow):
            record["lanes"], record["heeds"] = cohort.connections, cohort.heeds
            record["hold"] = Hold.HEADER if cohort.what == "header" else Hold.BODY
            record["gap_ns"] = int(NS_PER_S / cohort.open_per_s)
            record["line_every_ns"] = int(cohort.line_every_s * NS_PER_S)
        self._add_stops(record, cohort)
        self.cohorts.append(record)

    def add_wire(self, record: np.void, port: int, tls: bool) -> None:
        """What holds for connections to a port of the server."""
        settings = self._settings(port)
        record["port"] = self._ports.setdefault(port, len(self._ports))
        record["asks_tls"] = tls
        if settings is None:
            return
        record["listens"] = True
        record["tls"] = tls and settings.tls
        record["header_timeout_ns"] = settings.client_header_timeout_ns
        record["body_timeout_ns"] = settings.client_body_timeout_ns
        record["linger_timeout_ns"] = settings.lingering_timeout_ns
        record["linger_time_ns"] = settings.lingering_time_ns
        record["keepalive_timeout_ns"] = settings.keepalive_timeout_ns
        record["resumption_ns"] = settings.resumption_ns
        record["most_age_ns"] = settings.lease.age_ns
        record["most_requests"] = settings.lease.requests
        record["resets"] = settings.reset_timedout_connection

    def _add_manner(self, record: np.void, cohort: CohortBase) -> None:
        record["keeps"] = cohort.keeps_connections
        record["resumes"] = cohort.resumes
        record["ns_per_byte"] = ns_per_byte(cohort.downlink_mbit_per_s)
        record["http2"] = self._stage.speaks_http2(cohort)
        record["flawed"] = cohort.flaw is not None
        record["flaw_share"] = 0.0 if cohort.flaw is None else cohort.flaw.share
        record["has_edge"] = self._stage.has_edge(cohort)
        if record["has_edge"]:
            record["gateway"] = self._stage.doors_of_edges.index((cohort.wire_port, cohort.tls))

    def _add_stops(self, record: np.void, cohort: CohortBase) -> None:
        record["stop_count"] = len(cohort.stops)
        record["first_stop"] = self.stops.extend([_stop(rule) for rule in cohort.stops])
        if isinstance(cohort, Visitor):
            words = (int(record["ask_count"]) + 31) // 32
            record["stop_room"] = int(record["resources"]) + words

    def _add_identities(self, record: np.void, position: int, cohort: CohortBase) -> None:
        """Its addresses, and a cell of ``bind`` for each address, agent, ask, and flaw or none."""
        stage = self._stage
        record["identities"], record["agents"] = cohort.identities, self._agents(position)
        record["width"] = self._width(position)
        record["rotates"] = ROTATIONS.index(cohort.rotates)
        places = np.zeros(cohort.count * cohort.identities, layout.PLACE)
        ranges = stage.address_ranges[position]
        for which, addresses in enumerate(ranges):
            places["address"][which :: len(ranges)] = stage.addresses.numbers(addresses)
            if stage.has_edge(cohort) and stage.strategy.cdn is not None:
                edges = [stage.strategy.cdn.edge_of(who) for who in addresses]
                places["edge"][which :: len(ranges)] = edges
        record["first_place"] = self.places.extend(places)
        if self.bind.count + self._cells(position) > np.iinfo(np.int32).max:
            raise InputError(
                f"cohort {cohort.name}: clients × identities × agents × requests are too many for "
                "the compiled engine",
                hint="fewer of one of them",
            )
        record["block"] = self.bind.extend(np.full(self._cells(position), -1, "i4"))
        self._blocks.append(int(record["block"]))

    def _settings(self, port: int) -> ConnectionSettings | None:
        try:
            return self._stage.planner.policy.settings_for(port)
        except KeyError:
            return None

    def _add_starts(self, record: np.void, cohort: CohortBase) -> None:
        arrivals = cohort.arrivals
        scenario = self._stage.scenario
        record["arrivals"] = KINDS.index(arrivals.kind)
        record["begin_ns"] = int(arrivals.from_s * NS_PER_S)
        record["end_ns"] = arrivals.end_ns(scenario.window_ns)
        record["every_ns"] = (arrivals.every_s or 0.0) * NS_PER_S
        pulses = Pulses.of(arrivals)
        record["pulse_ns"], record["pause_ns"] = pulses.on, pulses.off

    def _add_visitor(self, record: np.void, cohort: Visitor, asks: tuple[Ask, ...]) -> None:
        numbers = {ask.target: number for number, ask in enumerate(asks)}
        record["pages_mean"] = cohort.pages_mean
        record["think_mean_s"] = cohort.think_mean_s
        record["think_cap_s"] = cohort.think_cap_s
        record["lanes"] = cohort.connections
        record["first_page"] = self.pages.count
        record["page_count"] = len(cohort.pages)
        for path in cohort.pages:
            page = self._stage.scenario.site.page(path)
            first = self.resources.extend([numbers[resource] for resource in page.resources])
            self.pages.append((numbers[path], first, len(page.resources)))
            record["resources"] = max(record["resources"], len(page.resources))

    # Clients

    def _agents(self, position: int) -> int:
        return max(1, len(self._stage.scenario.cohorts[position].agents))

    def _width(self, position: int) -> int:
        return 2 * len(self.asks_of[position])

    def request(self, cell: int) -> Request:
        """What a cell of ``bind`` stands for."""
        position = bisect_right(self._blocks, cell) - 1
        while cell >= self._blocks[position] + self._cells(position):
            position -= 1
        who, what = divmod(cell - self._blocks[position], self._width(position))
        place, agent = divmod(who, self._agents(position))
        ask, flawed = divmod(what, 2)
        return Request(position, place, agent, ask, bool(flawed))

    def address(self, request: Request) -> Address:
        """The address that a request comes from."""
        return self._stage.address_of(request.position, request.place)

    def who_ask_alike(self, request: Request) -> int:
        """From how many addresses this request is sure to come, if it is plain what it is.

        Behind a CDN no two are alike, for each names its client.
        """
        cohort = self._stage.scenario.cohorts[request.position]
        only = len(self.asks_of[request.position]) == 1 and not self._stage.has_edge(cohort)
        return cohort.count * cohort.identities if only else 1

    def alike(self, request: Request) -> Iterator[tuple[Ints, AddressRange]]:
        """The cells of this request from each address of its cohort, and the addresses."""
        position = request.position
        first = self._blocks[position] + 2 * request.ask + request.flawed
        ranges = self._stage.address_ranges[position]
        for which, addresses in enumerate(ranges):
            places = which + len(ranges) * np.arange(addresses.count)
            places = places * self._agents(position) + request.agent
            if addresses.count:
                yield first + places * self._width(position), addresses

    def clients(self, seed: int, replication: int) -> tuple[npt.NDArray[np.void], int]:
        """The records of a run's clients, and how much room their scratch needs."""
        root = draws.mix(seed, replication)
        blocks = [
            self._clients_of(position, cohort, root)
            for position, cohort in enumerate(self._stage.scenario.cohorts)
        ]
        records = np.concatenate(blocks)
        room = self._scratch_of(records["cohort"])
        records["scratch"] = np.cumsum(room) - room
        return records, int(room.sum())

    def _clients_of(self, position: int, cohort: CohortBase, root: int) -> npt.NDArray[np.void]:
        records = np.zeros(cohort.count, layout.CLIENT)
        index = np.arange(cohort.count)
        records["key"] = streams(root, cohort.name, cohort.count)
        records["agent"] = choices(records["key"], Purpose.AGENT, self._agents(position))
        place = index * cohort.identities
        who = place * self._agents(position) + records["agent"]
        records["binds"] = self._blocks[position] + who * self._width(position)
        records["cohort"] = position
        return layout.unmet(records)

    def _scratch_of(self, cohort: Ints) -> Ints:
        of = self.cohorts.kept
        counted = np.where(of["stop_count"] > 0, of["stop_count"] + len(KINDS_OF_STOPS), 0)
        return (of["stop_room"] + counted)[cohort]

    def forget_absent(self) -> None:
        """What cannot exist is another path for each scanner in each run: it has no plan yet."""
        for position, cohort in enumerate(self._stage.scenario.cohorts):
            if isinstance(cohort, Scanner):
                first, width = self._blocks[position], self._width(position)
                cells = self.bind.records[first : first + self._cells(position)]
                cells.reshape(-1, width)[:, 2 * ABSENT : 2 * ABSENT + 2] = -1

    def _cells(self, position: int) -> int:
        cohort = self._stage.scenario.cohorts[position]
        return cohort.count * cohort.identities * self._agents(position) * self._width(position)


def _asks(cohort: CohortBase, site: SiteSpec) -> tuple[Ask, ...]:
    """Everything that clients of a cohort may ask for; its place is its number."""
    match cohort:
        case Visitor():
            pages = [site.page(path) for path in cohort.pages]
            paths = [path for page in pages for path in (page.path, *page.resources)]
            return tuple(Ask(target=path) for path in dict.fromkeys(paths))
        case Scanner():
            return (Ask(target="/"), Ask(), *map(_ask, cohort.asks()))
        case Slow():
            return (_ask(cohort.asks_for),)
        case Caller() | Probe() | Flood():
            return tuple(map(_ask, cohort.calls))
    raise TypeError(type(cohort))


def _stop(rule: Stop) -> tuple[float, ...]:
    of = KINDS_OF_STOPS.index(rule.of)
    return rule.share or 0.0, rule.count or 0, rule.after, of, rule.in_a_row


def _ask(call: Call) -> Ask:
    return Ask(call.method, call.path, call.body_bytes)
