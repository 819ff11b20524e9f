"""Words for what a walk meets: how a server, a location and a limit's key came to be chosen."""

from __future__ import annotations

from simkit.policy.facts import Facts, Reading
from simkit.policy.locations import Found
from simkit.policy.model import Limit, Server
from simkit.policy.servers import Group
from simkit.policy.values import Part, Raw, Residue

__all__ = ["called", "host_words", "how_found", "key_words", "rate_words", "why_location"]


def called(server: Server) -> str:
    """How a server is called."""
    return f"server {server.name}" if server.name else "the server without a name"


def host_words(reading: Reading) -> str:
    """What a request says about its host."""
    values = [value for name, value in reading.shape.headers if name.lower() == "host"]
    if reading.target.host is not None:
        return f'absolute target for "{reading.target.host}"'
    if not values:
        return "no Host"
    return " and ".join(f'Host "{value}"' for value in values)


def how_found(group: Group, host: str) -> str:
    """By which kind of name a host found its server, in nginx's order."""
    names = group.names
    if len(group.servers) == 1:
        return "the only server of this port"
    if host in names.exact:
        return f'by the exact name "{host}"' if host else 'by the empty name ""'
    leading = [n for n in names.leading if host.endswith(n)]
    if leading:
        return f'by the wildcard "*{max(leading, key=len)}"'
    trailing = [n for n in names.trailing if host.startswith(n)]
    if trailing:
        return f'by the wildcard "{max(trailing, key=len)}*"'
    pattern = next((p for p, _ in names.patterns if p.matches(host)), None)
    if host and pattern is not None:
        return f'by the regular expression "~{pattern.text}"'
    return "the default server of this port"


_WHY = {
    "=": "exactly this path",
    "^~": "the longest prefix; regular expressions are not tried",
    "~": "the first regular expression that matches",
    "~*": "the first regular expression that matches",
    "": "the longest prefix",
}


def why_location(found: Found, server: Server) -> str:
    """Which location a path fell into, and by which of nginx's rules."""
    location = found.location
    if location is None:
        return "no location fits: what the server itself says holds"
    why = _WHY.get(location.modifier, "")
    if not location.modifier and server.locations.patterns:
        why += "; no regular expression matches"
    if found.redirect:
        why = "it lacks the final slash of this location"
    return f"location {location.modifier}{' ' * bool(location.modifier)}{location.path}: {why}"


def rate_words(limit: Limit) -> str:
    """Rate, burst and delay of a limit."""
    rate = limit.zone.rate or 0
    text = f"{rate / 1000:g} requests/s" if rate >= 1000 else f"one request in {1000 / rate:g} s"
    burst = f"burst {limit.burst // 1000}" if limit.burst else "no burst"
    if limit.delay > limit.burst:
        return f"{text}, {burst}, no delay"
    return f"{text}, {burst}, delayed beyond {limit.delay // 1000}"


def key_words(key: Residue, facts: Facts) -> str:
    """The key of a limit as a person reads it; binary addresses as hexadecimal digits."""
    words = (_part_words(part, facts) for part in key.parts)
    return " ".join(words) or "empty"


def _part_words(part: Part, facts: Facts) -> str:
    if isinstance(part, Raw) and part.name == "binary_remote_addr":
        client = facts.through(part.view).client
        return f"0x{client.packed.hex()} ({client})"
    value = part if isinstance(part, str) else part.value(facts)
    return f'"{value}"' if value else "empty"
