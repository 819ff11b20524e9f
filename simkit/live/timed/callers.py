"""Who asks for what in a timed trace: requests that a limit applies to, under many keys.

The requests are found by trying what the configuration itself names: its ports, server names and
locations, and whatever its limits are keyed by. Of requests that the policy cannot tell apart one
is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from simkit.policy import Planner, Policy
from simkit.policy.maps import MapTable
from simkit.policy.model import Server
from simkit.policy.plan import Answer, Consult, Node, Occupy, Plan
from simkit.policy.values import Template
from simkit.wire import Address, Shape, address

__all__ = ["Target", "client_address", "is_limited", "limited_targets"]

_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "python-requests/2.32.3",
)
_PATHS = ("/", "/index.html", "/index.php", "/a.css", "/login", "/api/items")
_MOST_TARGETS = 12
_MOST_ENTRIES = 3
_OWN_MEANING = frozenset(("host", "user_agent", "connection", "content_length"))
_SOMEBODY = address("192.0.2.1")


@dataclass(frozen=True, slots=True)
class Target:
    """A request that a limit applies to, and the variables that its keys can be told apart by.

    ``variables`` are ``http_…``, ``arg_…`` or ``cookie_…``; ``words`` are values that the
    configuration's maps know.
    """

    shape: Shape
    variables: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    def keyed(self, value: str | None) -> Shape:
        """The request with this value in each of the variables (None: without them)."""
        shape = self.shape
        if value is None:
            return shape
        for name in self.variables:
            shape = _with(shape, name, value)
        return shape


def limited_targets(policy: Policy, planner: Planner) -> tuple[Target, ...]:
    """Requests that a `limit_req` applies to and that would be served otherwise, plain ports first.

    Empty where there are none.
    """
    found: dict[int, Target] = {}
    variables, words = _keyed_by(policy)
    for shape in _candidates(policy):
        plan = planner.plan(shape, _SOMEBODY)
        target = Target(shape, variables, words)
        plans = (plan, *(planner.plan(target.keyed(w), _SOMEBODY) for w in (*words, "k1")))
        if any(is_limited(one) for one in plans):
            found.setdefault(id(plan), target)
        if len(found) == _MOST_TARGETS:
            break
    return tuple(found.values())


def is_limited(plan: Plan) -> bool:
    """Whether a `limit_req` comes first and the request is served once it has passed."""
    if not isinstance(plan.root, Consult):
        return False
    node: Node = plan.root
    while isinstance(node, Consult | Occupy):
        node = node.passed
    return isinstance(node, Answer) and not node.decision.refused


def _candidates(policy: Policy) -> Iterator[Shape]:
    groups = ((listen, group) for listen, group in policy.groups.items() if not listen[1])
    for (port, _), group in sorted(groups, key=lambda item: (item[1].listen.tls, item[0])):
        tls = group.listen.tls
        for server in group.servers:
            host = _host(server)
            agents = (("Host", host),), _AGENTS
            for agent, path in product(agents[1], _paths(server)):
                headers = (*agents[0], ("User-Agent", agent))
                yield Shape("GET", path, headers=headers, port=port, tls=tls, sni=_sni(tls, host))


def _sni(tls: bool, host: str) -> str | None:
    return host if tls else None


def _host(server: Server) -> str:
    """A name that leads to a server; any name where it has none that can be said."""
    for name in server.names:
        plain = name.strip(".").replace("*.", "www.").replace(".*", ".example")
        if plain and not name.startswith("~") and plain.strip("_"):
            return plain
    return "site.example"


def _paths(server: Server) -> Iterator[str]:
    for location in server.locations.every():
        if location.modifier in ("", "=", "^~") and location.path.startswith("/"):
            yield location.path
            if location.modifier != "=":
                yield location.path.rstrip("/") + "/x"
    yield from _PATHS


def _keyed_by(policy: Policy) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The variables of requests that the keys of limits come from, and words that maps know."""
    names: list[str] = []
    words: list[str] = []
    pending = [zone.key for zone in policy.http.zones]
    seen: set[str] = set()
    while pending:
        for name in pending.pop().names:
            if name in seen:
                continue
            seen.add(name)
            table = policy.http.maps.get(name)
            if isinstance(table, MapTable):
                pending += _inside(table)
                words += [word for word in table.exact if word][:_MOST_ENTRIES]
            elif _can_vary(name):
                names.append(name)
    return tuple(names), tuple(dict.fromkeys(words)) if names else ()


def _inside(table: MapTable) -> list[Template]:
    return [table.subject, *(entry.value for entry in table.entries)]


def _can_vary(name: str) -> bool:
    kind, _, rest = name.partition("_")
    return kind in ("http", "arg", "cookie") and bool(rest) and rest not in _OWN_MEANING


def _with(shape: Shape, variable: str, value: str) -> Shape:
    kind, _, name = variable.partition("_")
    if kind == "arg":
        mark = "&" if "?" in shape.target else "?"
        return replace(shape, target=f"{shape.target}{mark}{name}={value}")
    if kind == "cookie":
        return replace(shape, headers=(*shape.headers, ("Cookie", f"{name}={value}")))
    header = name.replace("_", "-").title()
    return replace(shape, headers=(*shape.headers, (header, value)))


def client_address(number: int, *, by_header: bool, alone: bool) -> Address:
    """The address of a client, as nginx sees it.

    Clients that name their address are from networks set aside for tests (RFC 2544), others are on
    loopback; with ``alone`` those are all the same one, for a connection has one address.
    """
    if by_header:
        return address(f"198.18.{number // 250 % 250}.{number % 250 + 1}")
    if alone:
        return address("127.0.0.1")
    return address(f"127.0.{number // 250 % 250}.{number % 250 + 1}")
