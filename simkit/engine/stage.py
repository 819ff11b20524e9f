"""What the runs of a scenario under a policy have in common, found once and kept."""

from __future__ import annotations

from dataclasses import replace

from simkit.addresses import AddressNames, AddressNumbers, AddressRange, in_turn
from simkit.engine.shapes import Dialect, Shapes
from simkit.policy import Bound, Planner
from simkit.policy.plan import Answer, Plan
from simkit.strategy import Strategy
from simkit.traffic import CohortBase, ReactionTable, Scenario
from simkit.traffic.crowd import ranges_of
from simkit.traffic.part import NS_PER_MS
from simkit.wire import Address, Shape, Version

__all__ = ["Stage", "stage"]


class Stage:
    """Tables that hang on scenario and policy alone: they save time and change nothing.

    The numbers that shapes and addresses get here are those of the order in which they were first
    asked for; a `Run` numbers them anew.
    """

    def __init__(self, scenario: Scenario, strategy: Strategy, planner: Planner) -> None:
        self.scenario = scenario
        self.strategy = strategy
        self.planner = planner
        """Plans requests as they come to the server."""
        self.shapes = Shapes()
        self.addresses = AddressNumbers(self._number)
        """Numbers of addresses, those of the cohorts first."""
        self._ranges: list[AddressRange] = []
        self._numbered = 0
        self.address_ranges = [ranges_of(cohort) for cohort in scenario.cohorts]
        """The addresses of each cohort, as ranges that its clients take in turn."""
        edges = [] if strategy.cdn is None else [strategy.cdn.ranges]
        for ranges in (*self.address_ranges, *edges):
            for many in ranges:
                self.addresses.numbers(many)
        self.grounds: dict[str, object] = {}
        """What an engine has worked out for all runs on this stage, by the engine's name."""
        self._bounds: dict[tuple[Address, bool], dict[int, Bound]] = {}
        self._at_server: dict[int, Shape] = {}
        self._dialects: dict[tuple[int, int], Dialect] = {}
        self._reactions = [cohort.reaction_table() for cohort in scenario.cohorts]

    def address_number(self, address: Address) -> int:
        """The number of an address."""
        return self.addresses.number(address.version, int(address))

    @property
    def address_names(self) -> AddressNames:
        """The addresses that have a number, in the order of their numbers."""
        return AddressNames(self._ranges)

    def _number(self, many: AddressRange) -> int:
        first = self._numbered
        self._ranges.append(many)
        self._numbered += many.count
        return first

    def address_of(self, position: int, place: int) -> Address:
        """The address of that place among those of a cohort."""
        return in_turn(self.address_ranges[position], place)

    def address_at(self, number: int) -> Address:
        """The address of a number."""
        return self.address_names.address(number)

    def has_edge(self, cohort: CohortBase) -> bool:
        """Whether these clients meet a CDN in front of the server."""
        return self.strategy.cdn is not None and not cohort.is_direct

    def bounds(self, address: Address, cohort: CohortBase) -> dict[int, Bound]:
        """The plans of requests from an address that are known so far, by number of the shape."""
        return self._bounds.setdefault((address, self.has_edge(cohort)), {})

    def bind(self, shape: int, cohort: CohortBase, address: Address) -> Bound:
        """The plan of a request by a client with that address, as it comes to the server.

        What a CDN does not pass on has a plan of its own: the CDN's answer.
        """
        known, cdn = self.shapes.known[shape], self.strategy.cdn
        if cdn is None or cohort.is_direct:
            bound = self.planner.bind(known, address)
        else:
            sent = cdn.passed_on(known, address)
            if sent is None:
                bound = Bound(Plan(Answer(cdn.malformed)), {})
            else:
                bound = self.planner.bind(sent, cdn.address_of(cdn.edge_of(address)))
        self.bounds(address, cohort)[shape] = bound
        return bound

    def shape_at_server(self, shape: int) -> Shape:
        """What of a request that an edge passes on matters to its connection: HTTP/1.1 it is."""
        found = self._at_server.get(shape)
        if found is None:
            found = replace(self.shapes.known[shape], version=Version.HTTP_1_1)
            self._at_server[shape] = found
        return found

    @property
    def client_count(self) -> int:
        """How many clients there are."""
        return sum(cohort.count for cohort in self.scenario.cohorts)

    @property
    def doors_of_edges(self) -> list[tuple[int, bool]]:
        """The ports at which the edges of the CDN ask the server, and whether over TLS."""
        return sorted({(c.wire_port, c.tls) for c in self.scenario.cohorts if self.has_edge(c)})

    @property
    def half_rtt_of_edges_ns(self) -> int:
        """The time from the edges of the CDN to the server."""
        cdn = self.strategy.cdn
        own = None if cdn is None else cdn.spec.origin_rtt_ms
        rtt_ms = self.scenario.network.rtt_ms if own is None else own
        return int(rtt_ms * NS_PER_MS) // 2

    def half_rtt_ns(self, cohort: CohortBase) -> int:
        """The time from these clients to the server."""
        rtt_ms = self.scenario.network.rtt_ms if cohort.rtt_ms is None else cohort.rtt_ms
        return int(rtt_ms * NS_PER_MS) // 2

    def dialect(self, position: int, agent: int) -> Dialect:
        """How clients of the cohort at that position speak who send this agent of theirs."""
        found = self._dialects.get((position, agent))
        if found is None:
            cohort = self.scenario.cohorts[position]
            said = cohort.agents[agent] if cohort.agents else ""
            http2 = self.speaks_http2(cohort)
            version = cohort.version if http2 else _without_http2(cohort.version)
            found = Dialect(cohort, said, self.scenario.site, version, self.shapes)
            self._dialects[position, agent] = found
        return found

    def speaks_http2(self, cohort: CohortBase) -> bool:
        """Whether these clients come to speak HTTP/2: it needs a server that offers it."""
        if cohort.version is not Version.HTTP_2:
            return False
        if self.has_edge(cohort):
            return True  # the edge offers it
        try:
            return self.planner.policy.settings_for(cohort.wire_port).http2
        except KeyError:
            return False

    def reaction_table(self, position: int) -> ReactionTable:
        """The reactions of the cohort at that position."""
        return self._reactions[position]


def _without_http2(wanted: Version) -> Version:
    return Version.HTTP_1_1 if wanted is Version.HTTP_2 else wanted


_KEPT = 16
_recent: list[Stage] = []


def stage(scenario: Scenario, strategy: Strategy, planner: Planner | None = None) -> Stage:
    """The stage for a run: that of an earlier run of the same scenario and strategy, or a new one.

    The last few are kept. A planner that is given is used.
    """
    for known in _recent:
        fronts = known.strategy.firewall is strategy.firewall and known.strategy.cdn is strategy.cdn
        same_plans = known.planner.policy is strategy.policy and planner in (None, known.planner)
        if same_plans and fronts and known.scenario == scenario:
            return known
    fresh = Stage(scenario, strategy, planner or Planner(strategy.policy, scenario.site))
    _recent.insert(0, fresh)
    del _recent[_KEPT:]
    return fresh
