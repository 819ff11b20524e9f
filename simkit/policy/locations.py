"""Locations: how they are written, and which one a path falls into.

The choice follows `ngx_http_core_find_location`: the longest prefix wins, then the first regular
expression unless the prefix forbids it; an exact match ends the search; nested locations are
searched in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from simkit.policy.model import Location, Locations
from simkit.policy.patterns import Pattern
from simkit.policy.reader import Directive
from simkit.policy.scope import Place, Scope
from simkit.policy.script import MakeLocation, read_script
from simkit.policy.settings import Zones, in_force, passes
from simkit.policy.syntax import bad

_MODIFIERS = ("=", "^~", "~", "~*")
_METHODS = frozenset(
    """GET HEAD POST PUT DELETE MKCOL COPY MOVE OPTIONS PROPFIND PROPPATCH LOCK UNLOCK
    PATCH""".split()
)

__all__ = ["Found", "build_locations", "find_location"]


def build_locations(scope: Scope, zones: Zones) -> Locations:
    """The locations directly inside a scope, with their own nested ones."""
    found = Locations()
    prefixes: dict[str, Location] = {}
    patterns: list[Location] = []
    for directive in scope.here("location"):
        location = _location(directive, scope, zones)
        _check_place(location, scope)
        if location.modifier == "@":
            _add(found.named, location)
        elif location.pattern is not None:
            patterns.append(location)
        else:
            _add(found.exact if location.modifier == "=" else prefixes, location)
    found.prefixes = tuple(sorted(prefixes.values(), key=lambda loc: -len(loc.path)))
    found.patterns = tuple(patterns)
    return found


def _add(table: dict[str, Location], location: Location) -> None:
    if location.path in table:
        raise bad(location.source, f'duplicate location "{location.path}"')
    table[location.path] = location


def _check_place(location: Location, around: Scope) -> None:
    """What nginx demands of a location inside another."""
    outer, path = around.outer, location.path
    if outer is None:
        return
    kind = {"=": "exact", "@": "named"}.get(outer.modifier)
    if kind is not None:
        what = f'location "{path}" cannot be inside the {kind} location "{outer.path}"'
        raise bad(location.source, what)
    if location.modifier == "@":
        what = f'named location "{path}" can be on the server level only'
        raise bad(location.source, what)
    if location.pattern is None and not path.startswith(outer.path):
        raise bad(location.source, f'location "{path}" is outside location "{outer.path}"')


def _location(directive: Directive, around: Scope, zones: Zones) -> Location:
    modifier, path = _written(directive)
    pattern = None
    if modifier in ("~", "~*"):
        pattern = Pattern(path, caseless=modifier == "~*", source=directive.source)
    scope = around.inner(directive, Place(modifier, path))
    location = in_force(
        scope, zones, directive.source, modifier=modifier, path=path, pattern=pattern
    )
    location.script = read_script(scope.own, _conditions(scope, zones))
    location.nested = build_locations(scope, zones)
    for limited in scope.here("limit_except"):
        location.except_methods = _methods(limited)
        location.excepted = in_force(scope.inner(limited), zones, limited.source)
    # a prefix that ends in a slash and is passed on sends "/x" to "/x/"
    location.auto_redirect = pattern is None and path.endswith("/") and passes(scope) is not None
    return location


def _methods(directive: Directive) -> frozenset[str]:
    methods = {method.upper() for method in directive.args}
    unknown = methods - _METHODS
    if unknown:
        raise bad(directive.source, f'invalid method "{min(unknown)}"')
    return frozenset(methods | {"HEAD"} if "GET" in methods else methods)


def _conditions(scope: Scope, zones: Zones) -> MakeLocation:
    """Makes what is in force inside an `if` of a scope."""
    return lambda directive: in_force(scope.inner(directive), zones, directive.source)


def _written(directive: Directive) -> tuple[str, str]:
    args, source = directive.args, directive.source
    if len(args) == 2:
        if args[0] not in _MODIFIERS:
            raise bad(source, f'invalid location modifier "{args[0]}"', "one of = ^~ ~ ~*")
        return args[0], args[1]
    word = args[0]
    if word.startswith("@"):
        return "@", word
    for modifier in ("=", "^~", "~*", "~"):
        if word.startswith(modifier):
            return modifier, word[len(modifier) :]
    return "", word


@dataclass(frozen=True, slots=True)
class Found:
    """The location of a path (None: what the server itself has in force).

    ``matched`` are the regular expressions on the way to it; ``redirect`` says that the path lacks
    the final slash that the location has.
    """

    location: Location | None
    matched: tuple[Pattern, ...] = ()
    redirect: bool = False
    ended: bool = False


def find_location(locations: Locations | None, path: str, so_far: Found) -> Found:
    """Which location a normal path falls into. ``so_far`` stands where nothing matches better."""
    if locations is None:
        return so_far
    exact = locations.exact.get(path)
    if exact is not None:
        return replace(so_far, location=exact, ended=True)
    prefix = next((p for p in locations.prefixes if path.startswith(p.path)), None)
    slashed = _slash_missing(locations, path)
    if slashed is not None and (prefix is None or prefix.path != path):
        return replace(so_far, location=slashed, redirect=True, ended=True)
    found, no_regex = so_far, False
    if prefix is not None:
        no_regex = prefix.modifier == "^~"
        found = find_location(prefix.nested, path, replace(so_far, location=prefix))
    if found.ended or no_regex:
        return found
    return _by_pattern(locations, path, found)


def _by_pattern(locations: Locations, path: str, found: Found) -> Found:
    for candidate in locations.patterns:
        if candidate.pattern is not None and candidate.pattern.matches(path):
            here = Found(candidate, (*found.matched, candidate.pattern))
            return replace(find_location(candidate.nested, path, here), ended=True, redirect=False)
    return found


def _slash_missing(locations: Locations, path: str) -> Location | None:
    wanted = path + "/"
    exact = locations.exact.get(wanted)
    prefix = next((p for p in locations.prefixes if p.path == wanted), None)
    both = tuple(one for one in (exact, prefix) if one is not None)
    return both[0] if any(one.auto_redirect for one in both) else None
