"""What the runs of a scenario under a policy have in common, found once and kept."""

from __future__ import annotations

from simkit.addresses import AddressNames, AddressNumbers, AddressRange
from simkit.engine.shapes import Dialect, Shapes
from simkit.policy import Bound, Planner, Policy
from simkit.traffic import CohortBase, ReactionTable, Scenario
from simkit.traffic.crowd import ranges_of
from simkit.traffic.part import NS_PER_MS
from simkit.wire import Address, Version

__all__ = ["Stage", "stage"]


class Stage:
    """Tables that hang on scenario and policy alone: they save time and change nothing.

    The numbers that shapes and addresses get here are those of the order in which they were first
    asked for; a `Run` numbers them anew.
    """

    def __init__(self, scenario: Scenario, planner: Planner) -> None:
        self.scenario = scenario
        self.planner = planner
        self.shapes = Shapes()
        self.addresses = AddressNumbers(self._number)
        """Numbers of addresses, those of the cohorts first."""
        self._ranges: list[AddressRange] = []
        self._numbered = 0
        self.address_ranges = [ranges_of(cohort) for cohort in scenario.cohorts]
        """The addresses of each cohort, as ranges that its clients take in turn."""
        for ranges in self.address_ranges:
            for many in ranges:
                self.addresses.numbers(many)
        self.grounds: dict[str, object] = {}
        """What an engine has worked out for all runs on this stage, by the engine's name."""
        self._bounds: dict[Address, dict[int, Bound]] = {}
        self._dialects: dict[tuple[int, str], Dialect] = {}
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

    def bounds(self, address: Address) -> dict[int, Bound]:
        """The plans of requests from an address that are known so far, by number of the shape."""
        return self._bounds.setdefault(address, {})

    def bind(self, shape: int, address: Address) -> Bound:
        """The plan of a request from an address."""
        bound = self.planner.bind(self.shapes.known[shape], address)
        self._bounds[address][shape] = bound
        return bound

    def half_rtt_ns(self, cohort: CohortBase) -> int:
        """The time from these clients to the server."""
        rtt_ms = self.scenario.network.rtt_ms if cohort.rtt_ms is None else cohort.rtt_ms
        return int(rtt_ms * NS_PER_MS) // 2

    def dialect(self, position: int, agent: str) -> Dialect:
        """How clients of the cohort at that position speak who send this agent."""
        found = self._dialects.get((position, agent))
        if found is None:
            cohort = self.scenario.cohorts[position]
            http2 = self.speaks_http2(cohort)
            version = cohort.version if http2 else _without_http2(cohort.version)
            found = Dialect(cohort, agent, self.scenario.site, version, self.shapes)
            self._dialects[position, agent] = found
        return found

    def speaks_http2(self, cohort: CohortBase) -> bool:
        """Whether these clients come to speak HTTP/2: it needs a server that offers it."""
        if cohort.version is not Version.HTTP_2:
            return False
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


def stage(scenario: Scenario, policy: Policy, planner: Planner | None = None) -> Stage:
    """The stage for a run: that of an earlier run of the same scenario and policy, or a new one.

    The last few are kept. A planner that is given is used.
    """
    for known in _recent:
        same_plans = known.planner.policy is policy and planner in (None, known.planner)
        if same_plans and known.scenario == scenario:
            return known
    fresh = Stage(scenario, planner or Planner(policy, scenario.site))
    _recent.insert(0, fresh)
    del _recent[_KEPT:]
    return fresh
