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
from simkit.engine.compiled.crowds import choices, streams
from simkit.engine.compiled.growing import Growing
from simkit.engine.compiled.layout import Program
from simkit.engine.compiled.starts import KINDS
from simkit.engine.stage import Stage
from simkit.policy import ConnectionSettings
from simkit.traffic import (
    Caller,
    CohortBase,
    Flood,
    Probe,
    Scanner,
    SiteSpec,
    Slow,
    Visitor,
)
from simkit.traffic.part import NS_PER_S
from simkit.traffic.reactions import is_idempotent
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
    """What a cell of ``bind`` stands for: the request of a client for one of its cohort's asks."""

    position: int
    index: int  # of the client in its cohort
    agent: str
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
        self._ports: dict[int, int] = {}
        self._blocks: list[int] = []  # where the cells of each cohort begin in ``bind``
        self._address_numbers: list[Ints] = []
        for position, cohort in enumerate(stage.scenario.cohorts):
            self._add_cohort(position, cohort)
            self._add_clients(position, cohort)

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
        record["asks"] = self.asks.extend([is_idempotent(ask.method) for ask in asks])
        record["ask_count"] = len(asks)
        self._add_wire(record, cohort)
        self._add_starts(record, cohort)
        if isinstance(cohort, Visitor):
            self._add_visitor(record, cohort, asks)
        elif isinstance(cohort, Caller):
            record["in_turn"] = cohort.order == "in turn"
        elif isinstance(cohort, Scanner):
            record["lanes"] = cohort.threads
        elif isinstance(cohort, Slow):
            record["lanes"] = cohort.connections
            record["open_gap_ns"] = int(NS_PER_S / cohort.open_per_s)
            record["line_every_ns"] = int(cohort.line_every_s * NS_PER_S)
        self.cohorts.append(record)

    def _add_wire(self, record: np.void, cohort: CohortBase) -> None:
        settings = self._settings(cohort)
        record["half_rtt_ns"] = self._stage.half_rtt_ns(cohort)
        record["patience_ns"] = int(cohort.patience_s * NS_PER_S)
        record["keeps"] = cohort.keeps_connections
        record["http2"] = self._stage.speaks_http2(cohort)
        record["port"] = self._ports.setdefault(cohort.wire_port, len(self._ports))
        record["flawed"] = cohort.flaw is not None
        record["flaw_share"] = 0.0 if cohort.flaw is None else cohort.flaw.share
        if settings is None:
            return
        record["listens"] = True
        record["tls"] = cohort.tls and settings.tls
        record["header_timeout_ns"] = settings.client_header_timeout_ns
        record["keepalive_timeout_ns"] = settings.keepalive_timeout_ns
        record["most_age_ns"] = settings.lease.age_ns
        record["most_requests"] = settings.lease.requests
        record["resets"] = settings.reset_timedout_connection

    def _settings(self, cohort: CohortBase) -> ConnectionSettings | None:
        try:
            return self._stage.planner.policy.settings_for(cohort.wire_port)
        except KeyError:
            return None

    def _add_starts(self, record: np.void, cohort: CohortBase) -> None:
        arrivals = cohort.arrivals
        scenario = self._stage.scenario
        record["arrivals"] = KINDS.index(arrivals.kind)
        record["begin_ns"] = int(arrivals.from_s * NS_PER_S)
        record["end_ns"] = arrivals.end_ns(scenario.window_ns)
        record["every_ns"] = (arrivals.every_s or 0.0) * NS_PER_S
        record["until_s"] = arrivals.until_s or scenario.length_s

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

    # Clients. Each has a cell of ``bind`` for each agent that it may have, each ask of its cohort,
    # and whether the request is flawed.

    def _add_clients(self, position: int, cohort: CohortBase) -> None:
        ranges = self._stage.address_ranges[position]
        numbers = np.empty(cohort.count, np.int64)
        for which, addresses in enumerate(ranges):
            numbers[which :: len(ranges)] = self._stage.addresses.numbers(addresses)
        self._address_numbers.append(numbers)
        cells = cohort.count * self._agents(position) * self._width(position)
        self._blocks.append(self.bind.extend(np.full(cells, -1)))

    def _agents(self, position: int) -> int:
        return max(1, len(self._stage.scenario.cohorts[position].agents))

    def _width(self, position: int) -> int:
        return 2 * len(self.asks_of[position])

    def request(self, cell: int) -> Request:
        """What a cell of ``bind`` stands for."""
        position = bisect_right(self._blocks, cell) - 1
        while cell >= self._blocks[position] + self._cells(position):
            position -= 1
        client, place = divmod(cell - self._blocks[position], self._width(position))
        index, agent = divmod(client, self._agents(position))
        agents = self._stage.scenario.cohorts[position].agents or ("",)
        ask, flawed = divmod(place, 2)
        return Request(position, index, agents[agent], ask, bool(flawed))

    def address(self, request: Request) -> Address:
        """The address that a request comes from."""
        ranges = self._stage.address_ranges[request.position]
        turn, which = divmod(request.index, len(ranges))
        return ranges[which][turn]

    def who_ask_alike(self, request: Request) -> int:
        """How many clients are sure to make this request, if they come at all."""
        only = len(self.asks_of[request.position]) == 1
        return self._stage.scenario.cohorts[request.position].count if only else 1

    def alike(self, request: Request) -> Iterator[tuple[Ints, AddressRange]]:
        """The cells of this request by each client of its cohort, and their addresses."""
        position = request.position
        agents = self._stage.scenario.cohorts[position].agents or ("",)
        first = self._blocks[position] + 2 * request.ask + request.flawed
        ranges = self._stage.address_ranges[position]
        for which, addresses in enumerate(ranges):
            clients = which + len(ranges) * np.arange(addresses.count)
            places = clients * self._agents(position) + agents.index(request.agent)
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
        agent = choices(records["key"], Purpose.AGENT, self._agents(position))
        client = index * self._agents(position) + agent
        records["binds"] = self._blocks[position] + client * self._width(position)
        records["cohort"] = position
        records["address"] = self._address_numbers[position]
        records["pace"] = 1.0
        records["idle"] = -1
        return records

    def _scratch_of(self, cohort: Ints) -> Ints:
        of = self.cohorts.kept
        needed = of["resources"] + (of["ask_count"] + 31) // 32
        return np.where(of["program"] == Program.VISITOR, needed, 0)[cohort]

    def forget_absent(self) -> None:
        """What cannot exist is another path for each scanner in each run: it has no plan yet."""
        for position, cohort in enumerate(self._stage.scenario.cohorts):
            if isinstance(cohort, Scanner):
                first, width = self._blocks[position], self._width(position)
                cells = self.bind.records[first : first + self._cells(position)]
                cells.reshape(-1, width)[:, 2 * ABSENT : 2 * ABSENT + 2] = -1

    def _cells(self, position: int) -> int:
        count = self._stage.scenario.cohorts[position].count
        return count * self._agents(position) * self._width(position)


def _asks(cohort: CohortBase, site: SiteSpec) -> tuple[Ask, ...]:
    """Everything that clients of a cohort may ask for; its place is its number."""
    match cohort:
        case Visitor():
            pages = [site.page(path) for path in cohort.pages]
            paths = [path for page in pages for path in (page.path, *page.resources)]
            return tuple(Ask(target=path) for path in dict.fromkeys(paths))
        case Scanner():
            return (Ask(target="/"), Ask(), *(Ask(target=path) for path in cohort.paths()))
        case Slow():
            return (Ask(target="/"),)
        case Caller() | Probe() | Flood():
            return tuple(Ask(c.method, c.path, c.body_bytes) for c in cohort.calls)
    raise TypeError(type(cohort))
