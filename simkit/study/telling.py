"""What in a policy is worth asking about: paths, addresses and names that rules look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_network

from simkit.policy.locations import Found, find_location
from simkit.policy.model import Break, If, Location, Op, Return, Rewrite, Server
from simkit.policy.policy import Policy
from simkit.policy.syntax import Network
from simkit.wire import Address, address

_FIRST_ERROR = 400
_REGEX_TRIES = (
    "/x.php", "/.env", "/.git/config", "/wp-login.php", "/wp-admin/x", "/xmlrpc.php", "/x.css",
    "/x.jpg", "/x.bak", "/x.sql", "/api/x", "/login", "/search",
)  # fmt: skip
_STRANGER = {4: address("198.51.100.77"), 6: address("2001:db8:ffff::77")}
_OFF = ("", "0")
_MOST_BLOCKED = 4

__all__ = [
    "always_returns",
    "blocked_addresses",
    "catches_all",
    "denied_address",
    "every_location",
    "forbidden_path",
    "path_into",
    "site_servers",
    "worth_asking",
]


def site_servers(policy: Policy) -> tuple[Server, ...]:
    """The servers that are not a mere catch-all; all of them if there is no other."""
    found = tuple(s for s in policy.http.servers if catches_all(s) is None)
    return found or policy.http.servers


def every_location(server: Server) -> Iterator[Location]:
    """What is in force anywhere in a server: its own level, if a path can fall there, and all
    locations.
    """
    if not any(p.path == "/" for p in server.locations.prefixes):
        yield server.base
    yield from server.locations.every()


def always_returns(script: Sequence[Op]) -> Return | None:
    """The `return` that ends every request that runs a program, or None where some go on."""
    for op in script:
        if isinstance(op, Return):
            return op
        if isinstance(op, Rewrite | Break) or (isinstance(op, If) and _breaks_off(op)):
            return None
    return None


def _breaks_off(op: If) -> bool:
    return any(
        isinstance(inner, Break)
        or (isinstance(inner, Rewrite) and inner.ends)
        or (isinstance(inner, If) and _breaks_off(inner))
        for inner in op.body
    )


def catches_all(server: Server) -> Return | None:
    """The `return` with which a server turns every request away, or None where it does not."""
    whole = always_returns(server.script)
    if whole is None:
        locations = server.locations
        if locations.exact or locations.patterns or [p.path for p in locations.prefixes] != ["/"]:
            return None
        whole = always_returns(locations.prefixes[0].script)
    return whole if whole is not None and whole.code >= _FIRST_ERROR else None


def path_into(server: Server, location: Location) -> str | None:
    """A path that falls into a location, or None where none was found."""
    if location is server.base:
        candidates: tuple[str, ...] = ("/", "/simkit-nowhere")
    elif location.pattern is not None:
        candidates = _REGEX_TRIES
    else:
        candidates = (location.path, f"{location.path}x", f"{location.path}/")
    for path in candidates:
        found = find_location(server.locations, path, Found(None))
        fell = found.location or server.base
        if (fell is location or fell.excepted is location) and not found.redirect:
            return path
    return None


def forbidden_path(policy: Policy) -> str | None:
    """A path of the site that a rule of its location turns away, or None."""
    for server in site_servers(policy):
        for location in server.locations.every():
            ended = always_returns(location.script)
            refuses = ended is not None and ended.code >= _FIRST_ERROR
            path = path_into(server, location)
            if (refuses or _denies_all(location)) and not location.internal and path:
                return path
    return None


def _denies_all(location: Location) -> bool:
    return any(not rule.allow and rule.network is None for rule in location.access)


def denied_address(location: Location, network: Network | None, family: int) -> Address | None:
    """An address that a `deny` of this network turns away, or None where others let it pass."""
    who = _STRANGER[family] if network is None else _one_of(network)
    for rule in location.access:
        net = rule.network
        if net is None or (net.version == who.version and who in net):
            return None if rule.allow else who
    return None


def blocked_addresses(policy: Policy) -> tuple[tuple[str, Address], ...]:
    """Networks that a geo or a deny singles out, each with one address of it: the first few."""
    found: dict[str, Address] = {}
    for text, who in _blocked(policy):
        found.setdefault(text, who)
        if len(found) == _MOST_BLOCKED:
            break
    return tuple(found.items())


def _blocked(policy: Policy) -> Iterator[tuple[str, Address]]:
    for geo in policy.http.geos.values():
        for entry in geo.entries:
            text = entry.source.text.partition(" ")[0]
            who = _first_address(text)
            if who is not None and entry.value.constant not in _OFF:
                yield text, who
    for server in policy.http.servers:
        for location in every_location(server):
            for rule in location.access:
                if rule.network is not None and not rule.allow:
                    yield str(rule.network), _one_of(rule.network)


def _one_of(net: Network) -> Address:
    return net[min(1, net.num_addresses - 1)]


def _first_address(text: str) -> Address | None:
    """An address of a line of a geo: of a network or a range; None for its other lines."""
    try:
        first, dash, _ = text.partition("-")
        return address(first) if dash else _one_of(ip_network(text, strict=False))
    except ValueError:
        return None


def worth_asking(policy: Policy) -> tuple[tuple[str, str], ...]:
    """Options of `simkit explain` by which a policy's rules can be seen at work, and why each."""
    found = [("-H Host:", "a request without Host")]
    path = forbidden_path(policy)
    if path is not None:
        found.append((f"--request {path}", "a path that a rule turns away"))
    found += [
        (f"--from {who}", f"a client from {net}") for net, who in blocked_addresses(policy)[:1]
    ]
    if any("http_user_agent" in table.subject.names for table in policy.http.maps.values()):
        found.append(("-A ''", "a client without an agent"))
    if any(group.listen.tls for group in policy.groups.values()):
        found.append(("--tls --sni ''", "a scan of the bare address over TLS"))
    if policy.http.zones:
        found.append(("--over-limit", "a request too many"))
    return tuple(found)
