"""A scenario: a site, a machine, a network, a crowd, and a window of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from simkit.traffic.cohorts import Cohort, CohortBase, Reach, Scanner, Slow, Visitor
from simkit.traffic.crowd import room
from simkit.traffic.lines import KeyPath
from simkit.traffic.machine import HostSpec, NetworkSpec
from simkit.traffic.part import NS_PER_S, Name, NotEmpty, Part, Port
from simkit.traffic.site import SiteSpec
from simkit.wire import Address, Version, address

__all__ = ["LeakageSpec", "Scenario", "problems"]


def _address(text: str) -> str:
    try:
        address(text)
    except ValueError as error:
        raise ValueError(f"is no address: {error}") from None
    return text


AddressText = Annotated[str, AfterValidator(_address)]


class LeakageSpec(Part):
    """What attackers ask for, and from where, when leakage is measured.

    The first two paths exist, the third does not, and the second is for nobody from outside.
    ``plain_address`` breaks no rule, ``blocked_address`` is one that policies refuse.
    """

    open_path: str = "/"
    forbidden_path: str = "/admin/"
    absent_path: str = "/no-such-page"
    scanner_agent: str = "gobuster/3.6"
    browser_agent: str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
    plain: AddressText = Field("198.51.100.7", alias="plain_address")
    blocked: AddressText = Field("203.0.113.7", alias="blocked_address")
    host: str = ""
    bare_host: str = ""
    port: Port = 80

    @property
    def plain_address(self) -> Address:
        """An address that breaks no rule."""
        return address(self.plain)

    @property
    def blocked_address(self) -> Address:
        """An address that policies refuse."""
        return address(self.blocked)


class Scenario(Part):
    """Everything about a run but the policy and the seed. Equal files give equal scenarios."""

    name: Name
    title: str
    length_s: Annotated[float, Field(ge=0.001, le=1e8)]
    site: SiteSpec
    network: NetworkSpec = NetworkSpec()
    host: HostSpec = HostSpec()
    probes: LeakageSpec | None = Field(None, alias="leakage")
    cohorts: Annotated[tuple[Cohort, ...], Field(alias="cohort", max_length=1000), NotEmpty]

    @property
    def window_ns(self) -> int:
        """The length of the window."""
        return int(self.length_s * NS_PER_S)

    @property
    def leakage(self) -> LeakageSpec | None:
        """The probes of the leakage measures, with the names of the site filled in."""
        if self.probes is None:
            return None
        names = {
            "host": self.probes.host or self.site.host,
            "bare_host": self.probes.bare_host or self.site.address,
        }
        return self.probes.model_copy(update=names)

    @property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Honest cohorts that are worth a number together, by what they have in common."""
        honest = [c for c in self.cohorts if c.honest]
        people = [c for c in honest if isinstance(c, Visitor)]
        groups: dict[str, Sequence[CohortBase]] = {
            "no agent": [c for c in honest if not c.has_agent],
            "browsers HTTP/1.1": [c for c in people if c.protocol == "HTTP/1.1"],
            "browsers HTTP/2": [c for c in people if c.protocol == "HTTP/2.0"],
        }
        return {name: tuple(c.name for c in found) for name, found in groups.items() if found}


Problem = tuple[KeyPath, str]
MOST_CLIENTS = 100_000_000
"""Of a scenario: the order of events has room for so many (`simkit.host.order`)."""


def problems(scenario: Scenario) -> Iterator[Problem]:
    """What no single value shows: where in the file, and what does not fit together."""
    names = [c.name for c in scenario.cohorts]
    for number, cohort in enumerate(scenario.cohorts):
        here: KeyPath = ("cohort", number)
        if cohort.name in names[:number]:
            yield (*here, "name"), f"there is another cohort named {cohort.name}"
        if sum(c.count * c.identities for c in scenario.cohorts[: number + 1]) > MOST_CLIENTS:
            text = f"makes more than {MOST_CLIENTS:,} clients and identities of the crowd"
            yield (*here, "count"), text
        yield from _address_problems(cohort, here)
        yield from _time_problems(cohort, scenario.length_s, here)
        yield from _reach_problems(cohort, here)
        yield from _path_problems(cohort, scenario.site, here)
    for number, page in enumerate(scenario.site.pages):
        for position, path in enumerate(page.resources):
            if scenario.site.find(path) is None:
                place = ("site", "page", number, "resources", position)
                yield place, f"{path} is neither a page nor a file of the site"


def _address_problems(cohort: CohortBase, here: KeyPath) -> Iterator[Problem]:
    networks = cohort.networks()
    for number, network in enumerate(networks):
        takers = len(range(number, cohort.count * cohort.identities, len(networks)))
        if room(network) < takers:
            whom = "clients" if cohort.identities == 1 else "identities of clients"
            text = f"{network} has room for {room(network)} {whom}, not for {takers}"
            yield (*here, "addresses", number), text


def _time_problems(cohort: CohortBase, length_s: float, here: KeyPath) -> Iterator[Problem]:
    arrivals = cohort.arrivals
    place = (*here, "arrivals")
    if arrivals.repeats and arrivals.every_s is None:
        yield (*place, "every_s"), f"is missing: {arrivals.kind} arrivals need it"
    if arrivals.from_s >= (length_s if arrivals.until_s is None else arrivals.until_s):
        yield (*place, "from_s"), "must be before the end of the arrivals"


def _reach_problems(cohort: CohortBase, here: KeyPath) -> Iterator[Problem]:
    if cohort.goes_as_far_as is Reach.HANDSHAKE and not cohort.tls:
        yield (*here, "goes"), "a handshake needs tls = true"
    if isinstance(cohort, Scanner) and not cohort.asks():
        yield here, "a scanner needs words or calls"
    if isinstance(cohort, Slow) and cohort.version is Version.HTTP_2:
        yield (*here, "protocol"), "slow connections are of HTTP/1.0 or HTTP/1.1"


def _path_problems(cohort: CohortBase, site: SiteSpec, here: KeyPath) -> Iterator[Problem]:
    if isinstance(cohort, Visitor):
        for position, path in enumerate(cohort.pages):
            if not site.has_page(path):
                yield (*here, "pages", position), f"{path} is no page of the site"
