"""Secrets: questions that an attacker asks, each a set of worlds that it cannot tell yet.

===========  ==============================  ===================================================
secret       worlds                          probes
===========  ==============================  ===================================================
presence     nobody there, port closed,      the scanner asks the bare address for ``/``
             a server with this policy
path         forbidden, open, absent         the attacker asks for a path that is one of these:
                                             once as the scanner it is, once disguised as a
                                             browser
rule         agent, address, rate,           one request that offends in just this way, and a
             malformed, no Host              browser otherwise
product      nginx with this policy,         the scanner asks for a page, then sends a malformed
             HAProxy, Caddy, Apache,         request line; each of the others refuses in its way
             behind Cloudflare               that is most like this policy's
threshold    the limit is 1, 2, 5, 10,       many requests at a steady pace (see `traces`)
             20 requests/s
===========  ==============================  ===================================================

A secret of your own is a name, the names of its worlds, and what each of them shows:

    Secret.of("cms", ["WordPress", "static"], lambda world: Probe(shape_of[world], address))

What a world shows is a `Probe` of the policy (or of another one), a `Sight` that no policy makes,
a distribution over sights, a `Course` of timed requests, or several of these in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

from simkit.measures.channel import Prior
from simkit.measures.leakage.traces import Course, Pattern, rate_course
from simkit.strategy.products import Product, load_products
from simkit.wire import Address, Fault, Shape, Sight, SightKind, Version

if TYPE_CHECKING:
    from simkit.policy import Bound
    from simkit.traffic import LeakageSpec

__all__ = [
    "AS_IS",
    "DISGUISED",
    "OTHERS",
    "RATES_PER_S",
    "Planning",
    "Probe",
    "Secret",
    "Shows",
    "Through",
    "World",
    "attacks_on",
    "builtin_secrets",
    "path",
    "path_by_turns",
    "presence",
    "product",
    "rule",
    "threshold",
]

AS_IS = "scanner"
"""The attacker that sends its own agent."""
DISGUISED = "disguised"
"""The attacker that sends the agent of a browser."""
BY_TURNS = "scanner, then disguised"
PATIENT = "steady browser"

_DRESS = {AS_IS: "scanner", DISGUISED: "browser"}

OTHERS = ("haproxy", "caddy", "apache", "cloudflare")
"""The shipped products beside nginx."""
RATES_PER_S = (1, 2, 5, 10, 20)


class Planning(Protocol):
    """What leakage needs of a policy: `simkit.policy.Planner` has it."""

    def bind(self, shape: Shape, address: Address) -> Bound:
        """The plan of a request of this shape from this address, and the limits it meets."""
        ...


@dataclass(frozen=True, slots=True)
class Probe:
    """One request of an attacker; ``over_limit`` says that a limit on its way rejects it.

    ``policy`` answers it if one is given, else the policy that the secret is put to.
    """

    shape: Shape
    address: Address
    over_limit: bool = False
    policy: Planning | None = None


class SeenAs(Protocol):
    """What an attacker sees where this policy shows a sight."""

    def __call__(self, sight: Sight, *, refused: bool) -> Sight:
        """The sight seen instead; did the policy refuse?"""
        ...


@dataclass(frozen=True, slots=True)
class Through:
    """A probe, and what an attacker sees of its answer: another server's, or through a CDN."""

    probe: Probe
    seen_as: SeenAs


Odds = Mapping[Sight, float]
Shows = Probe | Through | Sight | Odds | Course


@dataclass(frozen=True, slots=True)
class World:
    """One answer to the question: what it shows to the first probe, and to further ones."""

    name: str
    shows: Shows
    then: tuple[Shows, ...] = ()


@dataclass(frozen=True, slots=True)
class Secret:
    """A question that an attacker asks, and the worlds between which it cannot tell yet.

    ``prior`` is uniform if None; ``asks`` names the probes for people, in their order. Raises
    ValueError where worlds are named twice or show unequal numbers of probes.
    """

    name: str
    attacker: str
    worlds: tuple[World, ...]
    prior: tuple[float, ...] | None = None
    asks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [world.name for world in self.worlds]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"secret {self.name}: no worlds, or one named twice")
        if len({len(world.then) for world in self.worlds}) > 1:
            raise ValueError(f"secret {self.name}: every world has to show as many probes")
        timed = [isinstance(s, Course) for w in self.worlds for s in (w.shows, *w.then)]
        if any(timed) and len(timed) != sum(timed):
            raise ValueError(f"secret {self.name}: either all worlds are timed courses or none")

    @classmethod
    def of(
        cls,
        name: str,
        worlds: Iterable[str],
        shows: Callable[[str], Shows | Sequence[Shows]],
        prior: Prior = None,
        attacker: str = AS_IS,
    ) -> Secret:
        """A secret by the names of its worlds, and what each of them shows, in turn if several."""
        made = []
        for world in worlds:
            shown = shows(world)
            turns: tuple[Shows, ...] = tuple(shown) if isinstance(shown, Sequence) else (shown,)
            made.append(World(world, turns[0], turns[1:]))
        weights = None if prior is None else tuple(float(p) for p in prior)
        return cls(name, attacker, tuple(made), weights)


def _request(probes: LeakageSpec, path: str, agent: str) -> Shape:
    headers = (("Host", probes.host), ("User-Agent", agent), ("Accept", "*/*"))
    return Shape(target=path, headers=headers, port=probes.port)


def _agent(probes: LeakageSpec, attacker: str) -> str:
    return probes.scanner_agent if attacker == AS_IS else probes.browser_agent


def presence(probes: LeakageSpec) -> Secret:
    """Is anything there? A probe of the bare address by the scanner as it is."""
    headers = (("Host", probes.bare_host), ("User-Agent", probes.scanner_agent))
    shape = Shape(target="/", headers=headers, port=probes.port)
    worlds = (
        World("nobody there", Sight(SightKind.NO_ANSWER)),
        World("port closed", Sight(SightKind.REFUSED)),
        World("this server", Probe(shape, probes.plain_address)),
    )
    return Secret("presence", AS_IS, worlds, asks=("the bare address, as a scanner",))


def _targets(probes: LeakageSpec) -> dict[str, str]:
    return {
        "exists, forbidden": probes.forbidden_path,
        "exists, open": probes.open_path,
        "does not exist": probes.absent_path,
    }


def path(probes: LeakageSpec, attacker: str) -> Secret:
    """Does a path exist, and is it open? Asked `AS_IS` or `DISGUISED`."""
    agent = _agent(probes, attacker)
    worlds = (
        World(name, Probe(_request(probes, target, agent), probes.plain_address))
        for name, target in _targets(probes).items()
    )
    return Secret("path", attacker, tuple(worlds), asks=(f"the path, as a {_DRESS[attacker]}",))


def path_by_turns(probes: LeakageSpec) -> Secret:
    """The path asked for by the scanner as it is, and then once more with a browser's agent."""
    pairs = zip(path(probes, AS_IS).worlds, path(probes, DISGUISED).worlds, strict=True)
    worlds = tuple(World(a.name, a.shows, (b.shows,)) for a, b in pairs)
    asks = tuple(f"the path, as a {_DRESS[attacker]}" for attacker in (AS_IS, DISGUISED))
    return Secret("path", BY_TURNS, worlds, asks=asks)


def rule(probes: LeakageSpec) -> Secret:
    """Which rule refused me? One offence in each world, by what is a browser otherwise."""
    plain, offender = probes.plain_address, probes.scanner_agent
    browser = _request(probes, probes.open_path, probes.browser_agent)
    agent = _request(probes, probes.open_path, offender)
    no_host = replace(browser, headers=browser.headers[1:], version=Version.HTTP_1_1)
    worlds = (
        World("agent", Probe(agent, plain)),
        World("address", Probe(browser, probes.blocked_address)),
        World("rate", Probe(browser, plain, over_limit=True)),
        World("malformed", Probe(replace(browser, fault=Fault.BAD_REQUEST_LINE), plain)),
        World("no Host", Probe(no_host, plain)),
    )
    return Secret("rule", AS_IS, worlds, asks=("the request that offends",))


def product(probes: LeakageSpec, others: Iterable[str | Product] = OTHERS) -> Secret:
    """Which server is it? ``others`` are products, or names of shipped ones.

    First the scanner asks for an open path, then it sends a malformed request line. Where this
    policy refuses, each other product refuses in its own way that is most like it.
    """
    asked = _request(probes, probes.open_path, probes.scanner_agent)
    first = Probe(asked, probes.plain_address)
    second = Probe(replace(asked, fault=Fault.BAD_REQUEST_LINE), probes.plain_address)
    worlds = [World("nginx", first, (second,))]
    for other in others:
        found = other if isinstance(other, Product) else load_products(other)[0]
        worlds.append(World(found.name, _as(found, first), (_as(found, second),)))
    asks = ("a page, as a scanner", "a malformed request line")
    return Secret("product", AS_IS, tuple(worlds), asks=asks)


def _as(other: Product, probe: Probe) -> Through:
    return Through(probe, partial(other.like, malformed=probe.shape.fault is not Fault.NONE))


def threshold(
    probes: LeakageSpec,
    rates_per_s: Sequence[float] = RATES_PER_S,
    pattern: Pattern | None = None,
) -> Secret:
    """How high is the limit? A browser asks for an open path at a steady pace.

    In each world the limits on its way let through another rate; all else is the policy's.
    """
    shape = _request(probes, probes.open_path, probes.browser_agent)
    timing = Pattern() if pattern is None else pattern
    worlds = tuple(
        World(f"{rate:g}/s", rate_course(shape, probes.plain_address, timing, rate))
        for rate in rates_per_s
    )
    return Secret("threshold", PATIENT, worlds, asks=("one more request",))


def builtin_secrets(probes: LeakageSpec) -> tuple[Secret, ...]:
    """Presence, path (as is, then disguised) and rule: what one probe tells at once."""
    return (presence(probes), path(probes, AS_IS), path(probes, DISGUISED), rule(probes))


def attacks_on(probes: LeakageSpec) -> tuple[Secret, ...]:
    """Every built-in secret as an attack of one or more probes, in the order of the table above."""
    return (
        presence(probes),
        path_by_turns(probes),
        rule(probes),
        product(probes),
        threshold(probes),
    )
