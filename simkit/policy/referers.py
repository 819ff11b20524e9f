"""`valid_referers`: whether a request comes from a page that may link here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from simkit.policy.patterns import Pattern
from simkit.policy.reader import Directive
from simkit.policy.scope import Scope
from simkit.policy.syntax import bad
from simkit.policy.uri import ascii_lower

_SCHEME = re.compile(r"https?://", re.IGNORECASE | re.ASCII)
_LEAST = len("http://i.ru")
_LONGEST_HOST = 256
_WORDS = ("none", "blocked", "server_names")

__all__ = ["Referers", "read_referers"]


@dataclass(frozen=True, slots=True)
class Referers:
    """What is in force: ``hosts`` with the start of the path that they need (empty: any).

    ``patterns`` are held against what follows the scheme, ``host_patterns`` against the host.
    """

    without: bool
    hidden: bool
    hosts: tuple[tuple[str, str], ...]
    patterns: tuple[Pattern, ...]
    host_patterns: tuple[Pattern, ...]

    def is_invalid(self, referer: str | None) -> bool:
        """Whether a request with that `Referer` (None: without) sets `$invalid_referer`."""
        if referer is None:
            return not self.without
        scheme = _SCHEME.match(referer)
        if scheme is None or len(referer.encode("utf-8", "surrogateescape")) < _LEAST:
            return not self.hidden
        return not self._knows(referer[scheme.end() :])

    def _knows(self, rest: str) -> bool:
        host = ascii_lower(re.split("[/:]", rest, maxsplit=1)[0])
        if len(host) > _LONGEST_HOST:
            return False
        start = self._path_of(host)
        if start is not None:
            _, slash, path = rest.partition("/")
            return not start or (slash + path).startswith(start)
        return any(p.matches(host) for p in self.host_patterns) or any(
            p.matches(rest) for p in self.patterns
        )

    def _path_of(self, host: str) -> str | None:
        """The start of the path that a host needs, or None for a host that is not listed."""
        best, found = (0, 0), None
        for name, start in self.hosts:
            rank = _rank(name, host)
            if rank > best:
                best, found = rank, start
        return found


def _rank(name: str, host: str) -> tuple[int, int]:
    """How well a name fits: exactly, by its end, by its start; the longer the better."""
    if name == host or (name.startswith(".") and name[1:] == host):
        return 3, 0
    tail = name.removeprefix("*")
    if tail.startswith(".") and host.endswith(tail) and len(host) > len(tail):
        return 2, len(tail)
    head = name.removesuffix("*")
    if name.endswith(".*") and host.startswith(head) and len(host) > len(head):
        return 1, len(head)
    return 0, 0


def read_referers(scope: Scope, names: Sequence[str]) -> Referers | None:
    """What `valid_referers` says in a scope of a server with these names (None: nothing)."""
    lines = scope.nearest("valid_referers")
    if not lines:
        return None
    words = [(word, line) for line in lines for word in line.args]
    given = {word for word, _ in words}
    hosts = [_host(word, line) for word, line in words if word not in _WORDS and word[0:1] != "~"]
    own = names if "server_names" in given else ()
    hosts += [(name, "") for name in own if not name.startswith("~")]
    if not hosts and given & {"none", "blocked"}:
        raise bad(lines[-1].source, '"none" or "blocked" without any valid referer')
    return Referers(
        "none" in given,
        "blocked" in given,
        tuple(hosts),
        _patterns(scope),
        tuple(Pattern(n[1:], caseless=True, source=lines[0].source) for n in own if n[0:1] == "~"),
    )


def _host(word: str, line: Directive) -> tuple[str, str]:
    host, slash, path = word.partition("/")
    if not host or "*" in host.removeprefix("*.").removesuffix(".*"):
        raise bad(line.source, f'invalid hostname or wildcard "{word}"')
    return ascii_lower(host), slash + path


def _patterns(scope: Scope) -> tuple[Pattern, ...]:
    """Regular expressions; a level that has none takes those of the level around it."""
    for level in scope.levels():
        found = [
            Pattern(word[1:], caseless=True, source=line.source)
            for line in level.here("valid_referers")
            for word in line.args
            if word.startswith("~")
        ]
        if found:
            return tuple(found)
    return ()
