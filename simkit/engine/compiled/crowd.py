"""The crowd as records: cohorts, what they ask for, and clients."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from simkit.engine.compiled import layout
from simkit.engine.compiled.growing import Growing
from simkit.engine.compiled.layout import Program
from simkit.engine.compiled.starts import KINDS
from simkit.engine.stage import Stage
from simkit.policy import ConnectionSettings
from simkit.traffic import (
    Caller,
    CohortBase,
    Flood,
    Member,
    Probe,
    Scanner,
    SiteSpec,
    Slow,
    Visitor,
)
from simkit.traffic.part import NS_PER_S
from simkit.traffic.reactions import is_idempotent
from simkit.wire import Address

__all__ = ["PROGRAMS", "Ask", "Crowd"]

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
class Row:
    """Clients whose requests have the same plans: from one address, with one agent."""

    first: int
    position: int
    agent: str
    address: Address
    absent: str


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
        self.rows: dict[int, Row] = {}
        self._first: dict[tuple[int, str, Address, str], int] = {}
        self._ports: dict[int, int] = {}
        for position, cohort in enumerate(stage.scenario.cohorts):
            self._add_cohort(position, cohort)

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
        record["keepalive_time_ns"] = settings.keepalive_time_ns
        record["keepalive_requests"] = settings.keepalive_requests
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

    # Clients

    def row(self, member: Member) -> int:
        """Where the bounds of a member's requests begin in ``bind``."""
        cohort = self._stage.scenario.cohorts[member.cohort]
        absent = f"/{member.key:016x}" if isinstance(cohort, Scanner) else ""
        key = (member.cohort, member.agent, member.address, absent)
        first = self._first.get(key)
        if first is None:
            width = 2 * len(self.asks_of[member.cohort])
            first = self._first[key] = self.bind.extend(np.full(width, -1))
            self.rows[first] = Row(first, member.cohort, member.agent, member.address, absent)
        return first

    def clients(self, crowd: Iterable[Member]) -> tuple[np.ndarray, int]:
        """The records of clients, and how much room their scratch needs."""
        fields, scratch = [], 0
        for member in crowd:
            cohort = self.cohorts.records[member.cohort]
            address = self._stage.address_number(member.address)
            fields.append((member.key, self.row(member), scratch, member.cohort, address))
            if cohort["program"] == Program.VISITOR:
                scratch += int(cohort["resources"]) + (int(cohort["ask_count"]) + 31) // 32
        records = np.zeros(len(fields), layout.CLIENT)
        names = ("key", "binds", "scratch", "cohort", "address")
        for name, column in zip(names, zip(*fields, strict=True), strict=True):
            records[name] = column
        records["pace"] = 1.0
        for unset in ("idle", "trunk", "oldest", "newest"):
            records[unset] = -1
        return records, scratch


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
